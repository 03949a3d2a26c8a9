"""The file in which ``sse-signals listen --cursor`` keeps its place."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from sse_signals.commands.failures import BAD, fail
from sse_signals.commands.listen.files import write_all
from sse_signals.errors import ConfigurationError

_LONGEST: Final = 64 * 1024  # bytes
_MEMBERS: Final = frozenset({"url", "topics", "lastEventId"})
_MODE: Final = 0o600  # of a new one


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whose place it is: that of another one means nothing here.

    Attributes:
        url: The hub.
        topics: The topic filters, sorted.
    """

    url: str
    topics: tuple[str, ...]


class CursorFile:
    """A place in the log that outlives the command. The file is locked as long as this is not closed.

    Attributes:
        last_event_id: The place; None before there is one.
    """

    def __init__(self, path: Path, subscription: Subscription, *, durable: bool) -> None:
        """Read what is there, and write it anew: whoever cannot has to know before the first signal is handled.

        Args:
            path: Where it is; it is made if it is not there.
            subscription: Whose place it is.
            durable: Whether each place is on the disk before it counts as written, against loss of power.

        Raises:
            ConfigurationError: It cannot be read or written, is not the place of this subscription, or another
                command uses it.
        """
        self._path = Path(os.path.realpath(path))  # a link stays one
        self._subscription = subscription
        self._durable = durable
        self._failed = False
        self._file, new = self._opened()
        try:
            self._mode = stat.S_IMODE(os.fstat(self._file).st_mode)
            self.last_event_id = None if new else self._read()
            self._try()
        except BaseException:
            self.close()
            if new:
                self._path.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Let others use it."""
        os.close(self._file)

    def keep(self, last_event_id: str | None) -> None:
        """Write a place, whole or not at all; the command ends if that fails."""
        if last_event_id is None or last_event_id == self.last_event_id or self._failed:
            return
        try:
            self._write(last_event_id)
        except OSError as error:
            self._failed = True
            fail(f"the cursor {str(self._path)!r} cannot be written: {error.strerror}.", BAD)
        self.last_event_id = last_event_id

    def _opened(self) -> tuple[int, bool]:
        """Return the file, locked, and whether it is a new one."""
        new = True
        try:
            try:
                file = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, _MODE)
            except FileExistsError:
                new = False
                file = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would be waited for
        except FileNotFoundError:
            raise ConfigurationError(f"The cursor {self._name} cannot be written: its folder is not there.") from None
        except OSError as error:
            raise ConfigurationError(f"The cursor {self._name} cannot be opened: {error.strerror}.") from None
        if not _is_ours(file, self._path):
            os.close(file)
            raise ConfigurationError(
                f"Another listen uses the cursor {self._name}: end that, or give each a cursor of its own."
            )
        return file, new

    def _try(self) -> None:
        try:
            self._write(self.last_event_id)
        except OSError as error:
            raise ConfigurationError(
                f"The cursor {self._name} cannot be written: {error.strerror}. It is replaced by a new file in the "
                "same folder each time."
            ) from None

    def _write(self, last_event_id: str | None) -> None:
        """Put a new file in the place of the old one; nobody else knows its name before, or can lock it after."""
        members = {
            "url": self._subscription.url,
            "topics": self._subscription.topics,
            "lastEventId": last_event_id,
        }
        file, name = tempfile.mkstemp(".new", f".{self._path.name}.", self._path.parent)
        try:
            write_all(file, orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE))
            os.fchmod(file, self._mode)
            if self._durable:
                os.fsync(file)
            _locked(file)
            Path(name).replace(self._path)
        except BaseException:
            os.close(file)
            Path(name).unlink(missing_ok=True)
            raise
        self.close()
        self._file = file

    def _read(self) -> str | None:
        try:
            content = os.read(self._file, _LONGEST + 1)
        except OSError as error:
            raise ConfigurationError(f"The cursor {self._name} cannot be read: {error.strerror}.") from None
        found = _members(content)
        if found is None:
            raise ConfigurationError(
                f"The file {self._name} is no cursor; name another one, or remove it to start anew."
            )
        theirs = Subscription(found["url"], tuple(found["topics"]))
        if theirs != self._subscription:
            raise ConfigurationError(
                f"The cursor {self._name} is that of {_told(theirs)}, and not of {_told(self._subscription)}; name "
                "another one, or remove it to start anew."
            )
        last_event_id: str | None = found["lastEventId"]
        return last_event_id

    @property
    def _name(self) -> str:
        return repr(str(self._path))


def _locked(file: int) -> bool:
    """Lock a file for as long as it is open; say whether nobody else has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return not isinstance(error, BlockingIOError)  # some file systems have no locks
    return True


def _is_ours(file: int, path: Path) -> bool:
    """Lock a file that was opened; say whether it is nobody else's, and has not been replaced before that."""
    try:
        return _locked(file) and os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _told(subscription: Subscription) -> str:
    return f"{' '.join(subscription.topics)} at {subscription.url}"


def _members(content: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or set(found) != _MEMBERS or not isinstance(found["topics"], list):
        return None
    good = isinstance(found["lastEventId"], str | None) and len(content) <= _LONGEST
    return found if good and all(isinstance(text, str) for text in (found["url"], *found["topics"])) else None

"""Where the file of a log is, who has it, and what was last known of it."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from sse_signals.errors import BrokerUnavailable, ConfigurationError

_PREFIX: Final = "sqlite:///"
_PAGES: Final = "max_page_count"
_LASTING: Final = (errno.EACCES, errno.EPERM, errno.EROFS)  # it will not be better the next time
_NONE: Final = -1  # where a descriptor is not open
_LOCK: Final = "-lock"  # beside SQLite's own -wal and -shm


@dataclass(frozen=True, slots=True)
class Place:
    """Where the file of a log is.

    Attributes:
        path: Of the file.
        max_pages: Pages of 4,096 bytes that it may grow to; None where only the disk is a limit.
    """

    path: Path
    max_pages: int | None = None

    @classmethod
    def parse(cls, url: str) -> Place:
        """Read a URL: ``sqlite:///relative.db``, ``sqlite:////absolute/path.db``, at its end ``?max_page_count=1000``.

        Raises:
            ConfigurationError: It is no such URL.
        """
        text, _, query = url.removeprefix(_PREFIX).partition("?")
        if not url.startswith(_PREFIX) or not text or text == ":memory:" or "\0" in text:
            raise ConfigurationError(
                "A log in a file is sqlite:///relative.db or sqlite:////absolute/path.db; one without a file is memory://."
            )
        pages = None
        for name, value in parse_qsl(query, keep_blank_values=True):
            if name != _PAGES or not (value.isascii() and value.isdigit() and 0 < int(value) < 2**31):
                raise ConfigurationError(
                    f"What follows the ? after {text!r} may only be {_PAGES}, a whole number of pages of 4,096 bytes."
                )
            pages = int(value)
        return cls(Path(text), pages)


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a log before it was opened.

    Attributes:
        epoch: Its epoch.
        record: The number of its newest record.
    """

    epoch: str
    record: int


class Claim:
    """The right to use a file, for one process and one log in it; it ends with the process, however that ends.

    It is a lock on a file beside the log's, in which the log's head is noted after each commit. That note is not waited
    for, so it may be older than the log, but never newer: a log whose head is lower was put back to an older state.
    """

    def __init__(self, path: Path) -> None:
        """Claim nothing yet.

        Args:
            path: Of the log's file.
        """
        self._path = path
        self._descriptor = _NONE

    def take(self) -> None:
        """Claim the file; harmless when it is claimed already.

        Raises:
            ConfigurationError: Somebody else has it, or there is no folder, or nothing may be written there.
            BrokerUnavailable: It cannot be made at the moment.
        """
        if self._descriptor != _NONE:
            if os.fstat(self._descriptor).st_nlink:
                return
            self.drop()  # somebody has deleted the lock, so that others would not see it
        path = Path(os.path.realpath(self._path))  # two names of one file are one claim
        self._look(path)
        try:
            descriptor = os.open(f"{path}{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            text = f"The log {str(self._path)!r} cannot be used: {error.strerror}."
            raise (ConfigurationError if error.errno in _LASTING else BrokerUnavailable)(text) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise ConfigurationError(
                f"The log {str(self._path)!r} is in use by another hub: one at a time can have it, several need "
                "redis:// or nats://."
            ) from None
        self._descriptor = descriptor

    def _look(self, path: Path) -> None:
        if path.is_dir():
            raise ConfigurationError(f"The log {str(self._path)!r} cannot be used: it is a folder.")
        if not path.parent.is_dir():
            absolute = self._path.is_absolute()
            hint = "make it first" if absolute else f"if an absolute path is meant, write {_PREFIX}/{self._path}"
            raise ConfigurationError(
                f"The log {str(self._path)!r} would be in the folder {str(path.parent)!r}, "
                f"which does not exist: {hint}."
            )

    def known(self) -> Known | None:
        """Return what was noted last; None if nothing was."""
        epoch, _, record = os.pread(self._descriptor, 100, 0).partition(b" ")
        return Known(epoch.decode(), int(record)) if record.strip().isdigit() else None

    def note(self, known: Known) -> None:
        """Note a log's head. Where that fails, an older note stays: it is as good, only later to see what is lost."""
        with suppress(OSError):
            os.pwrite(self._descriptor, b"%b %020d\n" % (known.epoch.encode(), known.record), 0)

    def drop(self) -> None:
        """Leave the file to others."""
        if self._descriptor != _NONE:
            os.close(self._descriptor)
        self._descriptor = _NONE

"""What is to be published: the message of a command line, of stdin, or of a file."""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sse_signals import messages
from sse_signals.commands.paths import home_expanded
from sse_signals.errors import ConfigurationError, InvalidInput, MessageTooLarge

if TYPE_CHECKING:
    from typing import BinaryIO

STDIN: Final = "-"
FILE: Final = "@"
_LIKE_JSON: Final = (b"{", b"[", b'"')
LONGEST: Final = 16 * 1024 * 1024  # bytes; the hub's own limit is lower, and the hub says so


class Kind(Enum):
    """How a message is read."""

    ANY = "any"  # JSON if it is JSON, text otherwise
    TEXT = "text"
    JSON = "json"


def given(message: str | None, *, stdin: bool) -> bytes | None:
    """Return the bytes of a message; None if there is none.

    Args:
        message: What stands on the command line: the message itself, ``-``, or ``@`` and the path of a file.
        stdin: Whether stdin may be read.

    Raises:
        ConfigurationError: The file cannot be read, or there is nothing in it.
        MessageTooLarge: It is far too long for a message.
    """
    if message is None:
        return _piped() if stdin else None
    if message == STDIN:
        return _whole(standard_input(free=stdin), "What comes from stdin")
    if message.startswith(FILE):
        with opened(Path(message[1:])) as file:
            return _whole(file, f"The file {message[1:]!r}")
    return os.fsencode(message)


def standard_input(*, free: bool) -> BinaryIO:
    """Return stdin, as bytes that are waited for.

    Args:
        free: Whether nothing else has read it.

    Raises:
        ConfigurationError: It is not there.
    """
    if not free:
        raise ConfigurationError("The token has come from stdin, and nothing else can: write --token @FILE.")
    if sys.stdin is None:
        raise ConfigurationError("Nothing can come from stdin: it is closed.")
    with suppress(OSError):  # it is no file
        os.set_blocking(sys.stdin.fileno(), True)  # whoever shares it may have changed that
    return sys.stdin.buffer


def opened(path: Path) -> BinaryIO:
    """Return a file that is open for reading.

    Raises:
        ConfigurationError: It cannot be.
    """
    try:
        return home_expanded(str(path)).open("rb")
    except OSError as error:
        mend = "A text that begins with @ can come from stdin: write -."
        raise ConfigurationError(f"The file {str(path)!r} cannot be read: {error.strerror}. {mend}") from None


def message_of(content: bytes, kind: Kind, field: str = "message") -> Any:
    """Return the JSON value that bytes mean.

    Args:
        content: UTF-8.
        kind: How to read them.
        field: What they are called in an error.

    Raises:
        InvalidInput: They are not UTF-8, or no JSON and have to be; the error says where.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        hint = "Convert it, for example with iconv."
        raise InvalidInput(f"Its byte {error.start + 1} is not UTF-8.", field=field, hint=hint) from None
    if kind is Kind.TEXT:
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        if kind is Kind.ANY:
            return text
        detail = f"It is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        raise InvalidInput(detail, field=field, hint="Leave --json-only out to send text.") from None
    except RecursionError:
        detail = f"It is nested deeper than {messages.MAX_DEPTH} levels."
        raise InvalidInput(detail, field=field, hint="Send a flatter one.") from None


def mistaken(content: bytes | None, kind: Kind) -> str | None:
    """Return why a message that begins like JSON is none; None if there is nothing to say.

    Args:
        content: UTF-8, which has been published.
        kind: How it was read.
    """
    if kind is not Kind.ANY or content is None or not content.lstrip().startswith(_LIKE_JSON):
        return None
    try:
        message_of(content, Kind.JSON)
    except InvalidInput as error:
        return error.detail
    return None


def _no_constant(name: str) -> None:
    raise json.JSONDecodeError(f"{name} is no number of JSON", name, 0)


def _piped() -> bytes | None:
    """Return what comes from stdin if it is a pipe or file, and something comes."""
    if sys.stdin is None:
        return None
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except OSError:
        return None
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
        return None
    return _read(standard_input(free=True), "What comes from stdin") or None


def _whole(file: BinaryIO, what: str) -> bytes:
    content = _read(file, what)
    if not content:
        raise ConfigurationError(f"{what} is empty. Write null for a signal without a message, or '\"\"' for no text.")
    return content


def _read(file: BinaryIO, what: str) -> bytes:
    """Return what a file holds, without the line end at its end."""
    try:
        content = file.read(LONGEST + 1)
    except OSError as error:
        raise ConfigurationError(f"{what} cannot be read: {error.strerror}.") from None
    if len(content) > LONGEST:
        hint = "Signals are small: send a reference to where the rest can be fetched."
        raise MessageTooLarge(f"{what} is longer than {LONGEST} bytes.", hint=hint)
    return content.removesuffix(b"\n").removesuffix(b"\r")

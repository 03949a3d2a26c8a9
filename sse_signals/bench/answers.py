"""Where the answer to a request ends, and what it says: to a program its status, to people one sentence."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

import orjson

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_ACCEPTED: Final = re.compile(rb"HTTP/1\.[01] 200 ")
_LONGEST_STATUS: Final = len(b"HTTP/1.1 200")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\AHTTP/1\.0 |\r\nconnection:[ \t]*close", re.IGNORECASE)
_LAST_CHUNK: Final = b"0\r\n\r\n"
_LAST_CHUNK_LINE: Final = b"\r\n" + _LAST_CHUNK
_FRAMING: Final = re.compile(rb"(?:\A|\r\n)[0-9A-Fa-f]+\r\n")
_LOCATION: Final = re.compile(rb"\r\nlocation:[ \t]*([!-~]+)", re.IGNORECASE)
_GOODBYE: Final = re.compile(rb'event: signals\.goodbye\n[^{]*\{"reason":"([a-z-]+)"')
_MARKUP: Final = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_GOODBYES: Final = {
    "full": "has as many streams as it may have; fewer --streams fit, or a higher SIGNALS_MAX_STREAMS",
    "identity-streams": "opens no more streams for this token: fewer --streams fit, or a higher "
    "SIGNALS_MAX_STREAMS_PER_IDENTITY while it is measured",
    "address-streams": "opens no more streams for this address: fewer --streams fit, or a higher "
    "SIGNALS_MAX_STREAMS_PER_ADDRESS while it is measured",
    "starting": "is still starting; try again in a moment",
    "shutdown": "is shutting down",
}
_NO_CREDENTIALS: Final = ":no-credentials"  # how the type of such a problem ends
_SHOWN: Final = 200  # characters of an answer that are told


def status(answer: bytes) -> int | None:
    """Return the status of an answer that is complete, or None.

    Args:
        answer: What came on a connection that one request was sent on.

    Raises:
        ValueError: It is no answer of HTTP/1.1.
    """
    head, complete, body = answer.partition(b"\r\n\r\n")
    if not complete:
        return None
    found = _STATUS.match(head)
    if found is None:
        raise ValueError("the answer is not HTTP/1.1")
    length = _LENGTH.search(head)
    in_chunks = length is None and _CHUNKED.search(head) is not None
    whole = ends(body) if in_chunks else length is None or len(body) >= int(length[1])
    return int(found[1]) if whole else None


def code(answer: bytes) -> int | None:
    """Return the status that an answer begins with, complete or not; None if it is no answer of HTTP/1."""
    found = _STATUS.match(answer)
    return int(found[1]) if found else None


def chunked(head: bytes) -> bool:
    """Say whether the body of an answer with this head comes in chunks."""
    return _CHUNKED.search(head) is not None


def ends(data: bytes) -> bool:
    """Say whether a chunked body, or what was read of it last, ends here; the connection may well stay open."""
    return data.endswith(_LAST_CHUNK_LINE) or data == _LAST_CHUNK


def refuses(answer: bytes) -> bool:
    """Say whether what came on a connection on which a stream was asked for says no, and is complete."""
    head, complete, body = answer.partition(b"\r\n\r\n")
    if not _STATUS.match(answer):
        return len(head) > _LONGEST_STATUS or bool(complete)
    if _ACCEPTED.match(head):
        return ends(body)
    return status(answer) is not None


def closes(answer: bytes) -> bool:
    """Say whether no other request can be sent on the connection that brought this answer."""
    return _CLOSES.search(answer.partition(b"\r\n\r\n")[0]) is not None


def told(answer: bytes) -> str:
    """Return what an answer says that is not what was hoped for: the end of a sentence that begins with "The hub".

    Args:
        answer: What came until the connection was closed, or until it was clear that it is no good.
    """
    head, _, body = answer.partition(b"\r\n\r\n")
    found = _STATUS.match(head)
    if found is None:
        return "speaks no HTTP/1.1 there" if answer else "closed the connection without an answer"
    if _CHUNKED.search(head):
        body = _FRAMING.sub(b"", body)
    goodbye = _GOODBYE.search(body)
    if goodbye is not None:
        return _GOODBYES.get(goodbye[1].decode(), f"said goodbye: {goodbye[1].decode()}")
    code = int(found[1])
    phrase = f" {HTTPStatus(code).phrase}" if code in set(HTTPStatus) else ""
    location = _LOCATION.search(head)
    reason = f"it is at {location[1].decode()}" if location else _reason(body)
    return f"answered {code}{phrase}" + (f": {reason}" if reason else "")


def _reason(body: bytes) -> str:
    try:
        problem: Any = orjson.loads(body)
        # How HTTP shows credentials is of no use to who types: the command says how it is given a token.
        names = ("detail",) if str(problem.get("type")).endswith(_NO_CREDENTIALS) else ("detail", "hint")
        text = " ".join(str(problem[name]) for name in names if problem.get(name))
    except (ValueError, AttributeError):
        text = _MARKUP.sub(" ", body.decode(errors="replace"))
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

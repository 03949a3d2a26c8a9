"""Request bodies: read within bounds, and JSON that means one thing only."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
from aiohttp import hdrs

from sse_signals.messages import MAX_DEPTH, deeper_than
from sse_signals.web.problems import Problem

if TYPE_CHECKING:
    from aiohttp import web

JSON_TYPES: Final = ("application/json",)
NDJSON_TYPES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_ENVELOPE: Final = 2  # levels around a message: the signal, and the array of signals
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_CHARSET: Final = re.compile(r""";\s*charset\s*=\s*"?([^\s;"]*)""", re.IGNORECASE)
_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 19  # the shortest run of digits that can be an integer beyond 64 bits


def media_type(request: web.BaseRequest) -> str:
    """Return the body's media type in lower case, after checking that it can be read at all.

    Raises:
        Problem: 415 for a content or transfer coding or a character set other than UTF-8.
    """
    headers = request.headers
    if headers.get(hdrs.TRANSFER_ENCODING, "chunked").strip().lower() != "chunked":
        raise Problem(415, "transfer-encoding", "The body is compressed.", hint="Send it in plain chunks.", close=True)
    coding = headers.get(hdrs.CONTENT_ENCODING, "identity")
    if coding.strip().lower() != "identity":
        raise Problem(415, "content-encoding", "The body is compressed.", hint="Send it without Content-Encoding.")
    content_type = headers.get(hdrs.CONTENT_TYPE, "")
    if content_type in JSON_TYPES:  # as nearly all write it
        return content_type
    charset = _CHARSET.search(content_type)
    if charset is not None and charset[1].lower() not in _UTF8:
        raise Problem(415, "charset", "The body's charset is not UTF-8.", hint="Send UTF-8; charset may be left out.")
    return content_type.partition(";")[0].strip().lower()


def check_length(request: web.BaseRequest, limit: int) -> None:
    """Refuse a body that says itself that it is too long.

    Raises:
        Problem: 413.
    """
    if (request.content_length or 0) > limit:
        raise _too_long(limit)


async def read(request: web.BaseRequest, *, limit: int, timeout: float) -> bytes:  # noqa: ASYNC109 - as a number it can be a setting
    """Return the whole body.

    Args:
        request: The request.
        limit: Bytes it may have.
        timeout: Seconds it may take to arrive.

    Raises:
        Problem: 413 when it is longer than the limit (the rest is not read), 408 when it is too slow, 400 when its
            framing is broken.
    """
    check_length(request, limit)
    content = request.content
    try:
        if content.is_eof():  # most bodies come with their head: there is nothing to wait for, and no need of a timer
            body = content.read_nowait()
        else:
            async with asyncio.timeout(timeout):
                body = await _arriving(content, limit)
    except TimeoutError:
        raise Problem(
            408, "slow-body", f"The body did not arrive within {timeout:g} s.", hint="Send it faster.", close=True
        ) from None
    except (aiohttp.ClientPayloadError, aiohttp.http_exceptions.HttpProcessingError):
        raise Problem(
            400, "broken-body", "The body's framing is broken.", hint="Check Content-Length or the chunks.", close=True
        ) from None
    if len(body) > limit:
        raise _too_long(limit)
    return body


async def _arriving(content: aiohttp.StreamReader, limit: int) -> bytes:
    """Read to the end, or a little further than the limit."""
    body = bytearray()
    while len(body) <= limit and (chunk := await content.readany()):
        body += chunk
    return bytes(body)


def parse_json(text: bytes) -> Any:  # any JSON value
    """Return the value of a JSON text, strictly.

    Raises:
        ValueError: It is no JSON (RFC 8259), not UTF-8, or holds what cannot be passed on exactly; the text says what.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg:
            raise ValueError(f"It is nested deeper than {MAX_DEPTH} levels.") from None
        raise ValueError(f"It is not valid JSON: {error.msg}, at column {error.colno}.") from None
    if deeper_than(text, MAX_DEPTH + _ENVELOPE):
        raise ValueError(f"It is nested deeper than {MAX_DEPTH} levels.")
    if _LONG_NUMBER in text.translate(_AS_ZEROS):  # a regular expression takes far longer to find none
        # orjson would turn an integer of more than 64 bits into a rounded float.
        json.loads(text, parse_int=_checked_int)
    return value


def _checked_int(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
        raise ValueError("It holds an integer beyond 64 bits, which many readers would change: send it as a string.")
    return 0


def _too_long(limit: int) -> Problem:
    detail = f"The body is longer than {limit} bytes."
    return Problem(413, "body-too-large", detail, hint="Send several requests.", close=True)

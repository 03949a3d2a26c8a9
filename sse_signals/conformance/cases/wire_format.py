"""What is on the wire: the response, and messages of all kinds."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from sse_signals.conformance import strict
from sse_signals.conformance.cases.sources import INTERPRETING, NOTES, PARSING, PROCESSING, practice
from sse_signals.conformance.outcome import Case, Failed, require
from sse_signals.conformance.stream import at

if TYPE_CHECKING:
    from sse_signals.conformance.hub import Hub

_TEXTS: Final = "\U0001f4e1 \U00020bb7 e\u0301 \u2028 \u2029 \x85 \x0b \x0c \ufeff :data"
_LINES: Final = "one\ntwo\r\nthree\rfour\n\nsix\n"
_LARGE: Final = 60_000  # characters
_DEPTH: Final = 24


def as_lines(hub: Hub, text: str) -> str:
    """Return a text as it may come: where ``data`` is the message, each of its line ends is a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if hub.adapter.raw else text


async def _comes(hub: Hub, name: str, text: str) -> str:
    async with hub.stream(hub.topic(name)) as stream:
        await hub.publish(hub.topic(name), text)
        (came,) = await stream.take(1)
        require(came == as_lines(hub, text), f"it came as {str(came)[:60]!r}")
    return "unchanged" if came == text else "each line came as a line"


async def _status(hub: Hub) -> str:
    async with hub.stream(hub.topic("status")) as stream:
        kind = stream.head.get("content-type")
        require(kind.partition(";")[0].strip().lower() == "text/event-stream", f"Content-Type is {kind!r}")
        charset = kind.lower().partition("charset=")[2].strip(' "')
        require(charset in {"", "utf-8"}, f"Content-Type is {kind!r}")
        return f"200, {kind}"


async def _caching(hub: Hub) -> str:
    async with hub.stream(hub.topic("caching")) as stream:
        control = stream.head.get("cache-control")
        require({"no-store", "no-cache"} & stream.head.items("cache-control"), f"Cache-Control is {control!r}")
        return f"Cache-Control: {control}"


async def _compression(hub: Hub) -> str:
    async with hub.stream(hub.topic("compression"), headers={"Accept-Encoding": "gzip, deflate, br, zstd"}) as stream:
        coding = stream.head.get("content-encoding")
        require(coding in {"", "identity"}, f"Content-Encoding is {coding!r}")
        return "none"


async def _at_once(hub: Hub) -> str:
    topic = hub.topic("at-once")
    async with hub.stream(topic) as stream:
        for number in range(3):
            await hub.publish(topic, f"{number}")
            await stream.take(number + 1)  # nothing else is published that could push it out
    return "each message came without another after it"


async def _body(hub: Hub) -> bytes:
    """Return the lines of a stream with messages of many kinds."""
    topic, texts = hub.topic("bytes"), (_TEXTS, _LINES, "x", ":", "data: x", "plain")
    async with hub.stream(topic) as stream:
        for text in texts:
            await hub.publish(topic, text)
        with contextlib.suppress(Failed):  # what becomes of each message is for other cases
            await stream.take(len(texts))
        body = bytes(stream.body)
        return body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]


async def _utf_8(hub: Hub) -> str:
    wrong = strict.coding(await hub.shared("bytes", _body))
    require(wrong is None, str(wrong))
    return "every byte"


async def _bytes(hub: Hub) -> str:
    wrong = strict.careless(await hub.shared("bytes", _body))
    require(wrong is None, str(wrong))
    return "no mark, known fields, one kind of line end"


async def _unicode(hub: Hub) -> str:
    return await _comes(hub, "unicode", _TEXTS)


async def _lines(hub: Hub) -> str:
    return await _comes(hub, "lines", _LINES)


async def _empty(hub: Hub) -> str:
    return await _comes(hub, "empty", "")


async def _large(hub: Hub) -> str:
    return await _comes(hub, "large", "0123456789abcde\n" * (_LARGE // 16))


async def _nul(hub: Hub) -> str:
    return await _comes(hub, "nul", "before\0after")


async def _deep(hub: Hub) -> str:
    value: Any = "core"
    for _ in range(_DEPTH // 2):
        value = {"in": [value]}
    topic = hub.topic("deep")
    async with hub.stream(topic) as stream:
        await hub.publish(topic, value)
        (came,) = await stream.take(1)
        require((at(came, "") if hub.adapter.raw else came) == value, f"it came as {str(came)[:60]!r}")
    return "unchanged"


CASES: Final = (
    Case("format", "status", "A stream is answered with 200 and text/event-stream.", PROCESSING, _status),
    Case(
        "format",
        "caching",
        "Cache-Control forbids keeping the answer.",
        practice("a cache would replay yesterday's stream"),
        _caching,
    ),
    Case(
        "format",
        "compression",
        "A stream is not compressed, even for a client that could read it.",
        practice("compressors hold events back"),
        _compression,
    ),
    Case("format", "at-once", "A message comes at once, and needs none after it.", NOTES, _at_once),
    Case("format", "utf-8", "A stream is UTF-8.", PARSING, _utf_8),
    Case(
        "format",
        "bytes",
        "A stream has no byte order mark, known fields only, and one kind of line end.",
        practice("parsers that are not a browser's stumble over the rest"),
        _bytes,
    ),
    Case("format", "unicode", "Characters beyond U+FFFF, U+2028 and U+0085 come unchanged.", INTERPRETING, _unicode),
    Case("format", "lines", "A message of several lines (LF, CRLF, CR) comes whole.", INTERPRETING, _lines),
    Case("format", "empty", "An empty message is a message.", INTERPRETING, _empty),
    Case("format", "large", "A message of 60,000 bytes comes whole.", practice("entities are as large"), _large),
    Case("format", "deep", "JSON nested 24 deep comes unchanged.", practice("documents are as deep"), _deep),
    Case("format", "nul", "A NUL in a message comes unchanged.", INTERPRETING, _nul),
)

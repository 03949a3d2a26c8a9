"""HTTP itself, and clients that are old, odd, many or slow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sse_signals.conformance import strict
from sse_signals.conformance.adapter import JSON
from sse_signals.conformance.cases.sources import MESSAGES, SEMANTICS, practice
from sse_signals.conformance.outcome import Case, Failed, offered, require
from sse_signals.conformance.stream import Stream, resumed

if TYPE_CHECKING:
    from sse_signals.conformance.connection import Connection
    from sse_signals.conformance.hub import Hub

_MANY: Final = 90  # streams; hubs count those of one client, and a hundred is a usual limit
_LARGE: Final = 60_000  # bytes of a message
_COUNT: Final = 30  # messages that do not fit into the buffers on their way
_WINDOW: Final = 64 * 1024  # bytes that a slow reader's side holds
_HUGE: Final = 20_000  # bytes of a header
_GARBAGE: Final = b"\0\xff garbage \r\n\r\n" * 500
_CLOSE: Final = {"Connection": "close"}
_BODIES: Final = (b"{", b"", b"\xff\xfe", b"[", b'{"no": "message"}', b'"x', b"{]")


async def _version(hub: Hub) -> str:
    topic = hub.topic("http-1.0")
    async with hub.stream(topic, version="1.0") as stream:
        coding = stream.head.get("transfer-encoding")
        require(not coding, f"Transfer-Encoding is {coding!r}, which HTTP/1.0 does not know")
        kept = "keep-alive" in stream.head.items("connection")
        require(not kept, "the connection is to be kept, although nothing else ends the answer")
        await hub.publish(topic, "x")
        await stream.take(1)
        require(not strict.chunks(bytes(stream.body)), "it comes in chunks, which HTTP/1.0 does not know")
    return "plain, and ended by the connection's end"


async def _head(hub: Hub) -> str:
    topic = hub.topic("head")
    request = hub.requests.stream(hub.adapter.subscribe, [topic], method="HEAD", headers=_CLOSE)
    connection = await hub.connect()
    try:
        status = (await hub.answered(connection, request, bodiless=True)).status
        await hub.publish(topic, "x")  # it would come now, if this were a stream
        rest = await connection.rest(hub.patience)
    finally:
        connection.close()
    require(not rest, f"{len(rest)} bytes follow the head of the answer")
    require(status < 500, f"it is answered with {status}")
    return f"{status}, without a body"


async def _close(hub: Hub) -> str:
    request = hub.requests.publish(hub.adapter.publish, hub.topic("close"), "x", headers=_CLOSE)
    connection = await hub.connect()
    try:
        await hub.answered(connection, request)
        await connection.rest(hub.patience)
        require(connection.gone, f"it is still open after {hub.patience:g} s, although the client asked for its end")
    finally:
        connection.close()
    return "ended after the answer"


async def _method(hub: Hub) -> str:
    request = hub.requests.stream(hub.adapter.subscribe, [hub.topic("method")], method="PATCH")
    head = await hub.head(request)
    allow = head.get("allow")
    require(head.status in {405, 501}, f"a PATCH is answered with {head.status}")
    require(allow or head.status == 501, "405 comes without Allow")
    return f"{head.status}{f', Allow: {allow}' if allow else ''}"


async def _goes_on_or_ends(hub: Hub, topic: str, stream: Stream) -> str:
    """Return what becomes of a stream after something odd: it brings a message, or ends.

    Raises:
        Failed: Neither.
    """
    await hub.publish(topic, "x")
    await stream.until(lambda: stream.messages or stream.connection.ended, "a message, or the end,")
    return "the stream goes on" if stream.messages else "it is closed"


async def _odd(hub: Hub, name: str, more: bytes, *, end: bool) -> str:
    topic = hub.topic(name)
    connection = await hub.connect()
    try:
        await connection.send(hub.requests.stream(hub.adapter.subscribe, [topic]) + more)
        if end:
            connection.end_sending()
        seen = await _what_becomes(hub, topic, connection)
    finally:
        connection.close()
    async with hub.stream(topic) as other:
        await hub.publish(topic, "y")
        await other.upto("y")
    return f"{seen}; others notice nothing"


async def _what_becomes(hub: Hub, topic: str, connection: Connection) -> str:
    try:
        stream = await hub.begin(connection, None)
        require(stream.head.status < 500, f"it is answered with {stream.head.status}")
        if stream.head.status >= 400:
            return f"{stream.head.status}"
        return await _goes_on_or_ends(hub, topic, stream)
    except Failed as failed:
        if connection.gone:
            return "it is closed"
        raise failed from None


async def _pipelined(hub: Hub) -> str:
    return await _odd(hub, "pipelined", _GARBAGE, end=False)


async def _half_closed(hub: Hub) -> str:
    offered(not hub.requests.address.tls, "TLS has no half-closed connections")
    return await _odd(hub, "half-closed", b"", end=True)


async def _huge(hub: Hub) -> str:
    request = hub.requests.stream(hub.adapter.subscribe, [hub.topic("huge")], headers={"X-Huge": "x" * _HUGE})
    status = (await hub.head(request)).status
    require(status == 200 or 400 <= status < 500, f"it is answered with {status}")
    return "served" if status == 200 else f"{status}"


async def _errors(hub: Hub) -> str:
    how, topic = hub.adapter.publish, hub.topic("errors")
    offered(how.content == JSON, "any body is a message")
    for body in _BODIES:
        answer = await hub.ask(hub.requests.body(how, topic, body))
        require(400 <= answer.status < 500, f"the body {body!r} is answered with {answer.status}")
        require(answer.body.strip(), f"the body {body!r} is answered with {answer.status} and no reason")
    return f"{len(_BODIES)} broken bodies, each with a 4xx and a reason"


async def _many(hub: Hub) -> str:
    topic = hub.topic("many")
    opened = await asyncio.gather(*(hub.open(topic) for _ in range(_MANY)), return_exceptions=True)
    streams = [stream for stream in opened if isinstance(stream, Stream)]
    try:
        require(len(streams) == _MANY, f"{len(streams)} of {_MANY} streams were opened")
        await hub.publish(topic, "x")
        await asyncio.gather(*(stream.upto("x") for stream in streams))
    finally:
        for stream in streams:
            stream.close()
    return f"{_MANY} streams got a message"


async def _slow(hub: Hub) -> str:
    topic = hub.topic("slow")
    wanted = [f"{number:04}".ljust(_LARGE, "x") for number in range(_COUNT)]
    async with hub.stream(topic, receive_buffer=_WINDOW) as slow:
        async with hub.stream(topic) as other:
            for place, message in enumerate(wanted):
                await hub.publish(topic, message)
                if place % 4 == 3:
                    await other.take(place + 1)
            wrong = resumed(wanted, await other.take(_COUNT))
            require(wrong is None, f"of another stream: {wrong}")
        return await _catches_up(hub, topic, slow, wanted)


async def _catches_up(hub: Hub, topic: str, slow: Stream, wanted: list[str]) -> str:
    """Return how a slow reader comes by what it has not read."""
    gap = hub.adapter.events.gap
    await slow.until(
        lambda: len(slow.messages) >= _COUNT or gap in slow.names or slow.connection.ended, "what it had not read"
    )
    if gap in slow.names:
        return f"others got all; it was told of a gap after {len(slow.messages)} messages"
    came = list(slow.messages)
    if len(came) < _COUNT:
        require(slow.last_event_id, "it was cut off, with no id to resume with")
        async with hub.stream(topic, after=slow.last_event_id) as again:
            came += await again.take(_COUNT - len(came))
    wrong = resumed(wanted, came)
    require(wrong is None, f"of the slow stream: {wrong}")
    return "others got all meanwhile, and it all of it later"


CASES: Final = (
    Case("http", "http-1.0", "A client of HTTP/1.0 gets no chunks, and an end.", MESSAGES + " 6.1", _version),
    Case("http", "head", "A HEAD is answered without a body.", SEMANTICS + " 9.3.2", _head),
    Case("http", "close", "A connection that the client wants to end ends.", MESSAGES + " 9.6", _close),
    Case("http", "method", "A method that is not for streams gets 405 with Allow.", SEMANTICS + " 15.5.6", _method),
    Case("http", "errors", "A publish that is no good gets a 4xx with a reason.", SEMANTICS + " 15.5", _errors),
    Case("http", "huge-header", "A header of 20,000 bytes gets a 4xx, or is served.", SEMANTICS + " 5.4", _huge),
    Case(
        "http",
        "pipelined",
        "Garbage behind a stream's request disturbs nobody else.",
        MESSAGES + " 9.3.2",
        _pipelined,
    ),
    Case(
        "http", "half-closed", "A client that has closed its end is served or closed.", MESSAGES + " 9.6", _half_closed
    ),
    Case(
        "http",
        "many",
        "Ninety streams that are opened at once get a message.",
        practice("a page for each of them"),
        _many,
        alone=True,
    ),
    Case(
        "http",
        "slow",
        "A reader that does not read delays nobody; later it gets all, or is told that it does not.",
        practice("there is always one"),
        _slow,
    ),
)

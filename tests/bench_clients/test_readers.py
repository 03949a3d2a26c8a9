"""Readers of a real hub, and of servers that are none."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.bench import readers as module
from sse_signals.bench.connections import read
from sse_signals.bench.messages import Messages
from sse_signals.bench.publishers import Publishers
from sse_signals.bench.readers import Readers, Tally, Wanted
from sse_signals.bench.target import Target
from sse_signals.errors import LoadFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.server import Running
    from tests.bench_clients.conftest import InThread
    from tests.conftest import StartHub

MESSAGES = Messages("abcdef01", 200)


@pytest.fixture
def readers() -> Iterator[list[Readers]]:
    """Readers that are closed at the end of the test."""
    made: list[Readers] = []
    yield made
    for each in made:
        each.close()


async def opened(in_thread: InThread, readers: list[Readers], target: Target, *wanted: Wanted, **how: Any) -> Readers:
    """Return readers with their streams open."""
    reader: Readers = await in_thread(Readers, target.address, MESSAGES)
    readers.append(reader)
    arguments = {"at_once": 3, "patience": 10.0, "timed_every": 2, **how}
    seconds = await in_thread(reader.open, wanted, target.ready, *arguments.values())
    assert seconds > 0
    return reader


async def publish(in_thread: InThread, target: Target, count: int, messages: Messages = MESSAGES) -> None:
    publishers = Publishers(target.address, messages, [target.form])
    published = await in_thread(publishers.steady, 1000.0, count / 1000)
    publishers.close()
    assert published.count == count


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_every_stream_receives_every_message(
    hub: Running, tls_hub: str, in_thread: InThread, readers: list[Readers], tls: bool
) -> None:
    """Once and in order; of so many streams one has its latencies counted."""
    target = Target.hub(tls_hub if tls else hub.url, "a", verify=False)
    reader = await opened(in_thread, readers, target, Wanted("a", target.stream, 7))
    await publish(in_thread, target, 30)
    assert await in_thread(reader.watch, {"a": 30}, 10.0)
    tally: Tally = await in_thread(reader.tally, {"a": 30})
    assert tally.exact
    assert (tally.streams, tally.received, tally.lost, tally.timed) == (7, 210, 0, 4)
    assert tally.latencies.count == 120
    assert tally.size > 210 * MESSAGES.size
    assert tally.last_us > 0
    assert await in_thread(reader.received) == 210


async def test_channels_are_counted_apart(hub: Running, in_thread: InThread, readers: list[Readers]) -> None:
    """Each stream should have what its channel should have, and no more."""
    one, other = Target.hub(hub.url, "one"), Target.hub(hub.url, "other")
    reader = await opened(in_thread, readers, one, Wanted("one", one.stream, 2), Wanted("other", other.stream, 3))
    await publish(in_thread, one, 5)
    assert await in_thread(reader.watch, {"one": 5}, 10.0)
    assert (await in_thread(reader.tally, {"one": 5})).received == 10
    assert not await in_thread(reader.watch, {"one": 5, "other": 1}, 0.03)
    tally = await in_thread(reader.tally, {"one": 6, "other": 1})
    assert (tally.lost, tally.surplus, tally.exact) == (5, 0, False)
    tally = await in_thread(reader.tally, {"one": 3})
    assert (tally.lost, tally.surplus, tally.exact) == (0, 4, False)


async def test_a_stream_that_is_not_read_until_later(hub: Running, in_thread: InThread, readers: list[Readers]) -> None:
    """It has its head and its receipt and nothing else; when it is read, all that was sent comes."""
    target = Target.hub(hub.url, "a")
    wanted = [Wanted("a", target.stream, read=False, buffer=4096), Wanted("a", target.stream)]
    reader = await opened(in_thread, readers, target, *wanted, timed_every=1)
    await publish(in_thread, target, 20)
    assert await in_thread(reader.watch, {"a": 20}, 10.0)
    assert await in_thread(reader.received) == 20
    await in_thread(reader.forget_latencies)
    await in_thread(reader.read_all)
    assert await in_thread(reader.watch, {"a": 20}, 10.0)
    tally = await in_thread(reader.tally, {"a": 20})
    assert (tally.received, tally.latencies.count, tally.exact) == (40, 20, True)
    preambles = await in_thread(reader.preambles)
    assert all(each.startswith(b"HTTP/1.1 200 ") and b"signals.open" in each for each in preambles)


async def test_streams_that_the_hub_ends(start_hub: StartHub, in_thread: InThread, readers: list[Readers]) -> None:
    """They are counted, are not waited for, and are no fault of what was received."""
    hub = await start_hub()
    target = Target.hub(hub.url, "a")
    reader = await opened(in_thread, readers, target, Wanted("a", target.stream, 2), timed_every=1)
    await publish(in_thread, target, 3)
    assert await in_thread(reader.watch, {"a": 3}, 10.0)
    await hub.service.drain()
    assert await in_thread(reader.watch, {"a": 4}, 10.0)
    tally = await in_thread(reader.tally, {"a": 3})
    assert (tally.ended, tally.lost, tally.late, tally.exact) == (2, 0, 0, False)
    await in_thread(reader.read_all)


async def test_what_others_publish_while_streams_are_opened(
    hub: Running, in_thread: InThread, readers: list[Readers]
) -> None:
    """It is read meanwhile, and is no message of this load."""
    target = Target.hub(hub.url, "a")
    reader = await opened(in_thread, readers, target, Wanted("a", target.stream))
    await publish(in_thread, target, 1, messages=Messages("other", 200))
    await in_thread(reader.open, [Wanted("a", target.stream)], target.ready, 1, 10.0, 1)
    tally = await in_thread(reader.tally, {"a": 0})
    assert (tally.streams, tally.received, tally.exact) == (2, 0, True)


async def test_a_refused_stream(start_hub: StartHub, in_thread: InThread, readers: list[Readers]) -> None:
    """Opening ends with what the hub said; those that were open stay so."""
    hub = await start_hub(max_streams=2)
    target = Target.hub(hub.url, "a")
    with pytest.raises(LoadFailed, match="A stream was refused: the hub has as many streams"):
        await opened(in_thread, readers, target, Wanted("a", target.stream, 6), at_once=6)
    assert not await in_thread(readers[0].watch, {"a": 1}, 0.01)


async def test_a_server_that_does_not_answer(in_thread: InThread, readers: list[Readers]) -> None:
    """Nobody waits for it for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target.hub(f"http://127.0.0.1:{silent.getsockname()[1]}", "a")
        with pytest.raises(LoadFailed, match=r"2 have had no answer for 0\.01 s"):
            await opened(in_thread, readers, target, Wanted("a", target.stream, 2), patience=0.01)


async def test_a_connection_that_is_reset(in_thread: InThread, readers: list[Readers]) -> None:
    """A stream that breaks has ended, like one that is closed; one on its way fails."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not broken.is_set():
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nsignals.open")
            await writer.drain()
            await broken.wait()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    broken = asyncio.Event()
    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        target = Target.hub(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "a")
        reader = await opened(in_thread, readers, target, Wanted("a", target.stream))
        broken.set()
        assert await in_thread(reader.watch, {"a": 1}, 10.0)
        assert (await in_thread(reader.tally, {"a": 0})).ended == 1
        with pytest.raises(LoadFailed, match=r"cannot be reached at .*: Connection reset by peer"):
            await opened(in_thread, readers, target, Wanted("a", target.stream))


async def test_a_stream_whose_framing_breaks(in_thread: InThread, readers: list[Readers]) -> None:
    """Nobody can tell what comes after that, so that it counts as ended; what came before counts."""
    message = MESSAGES.encode(0, 0, 1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\nsignals.open\r\n")
        await writer.drain()
        await broken.wait()
        writer.write(b"%x\r\n%b\r\nno chunk\r\n" % (len(message), message))
        await writer.drain()
        writer.close()

    broken = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        target = Target.hub(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "a")
        reader = await opened(in_thread, readers, target, Wanted("a", target.stream))
        broken.set()
        assert await in_thread(reader.watch, {"a": 2}, 10.0)
        assert (await in_thread(reader.tally, {"a": 0})).ended == 1


async def test_a_stream_whose_latencies_are_not_counted(
    hub: Running, in_thread: InThread, readers: list[Readers]
) -> None:
    """It goes without them when they are counted anew, too."""
    target = Target.hub(hub.url, "a")
    reader = await opened(in_thread, readers, target, Wanted("a", target.stream, 3), timed_every=3)
    await in_thread(reader.forget_latencies)
    await publish(in_thread, target, 2)
    assert await in_thread(reader.watch, {"a": 2}, 10.0)
    tally = await in_thread(reader.tally, {"a": 2})
    assert (tally.timed, tally.latencies.count, tally.received) == (1, 2, 6)


async def test_a_stream_that_is_ready_without_a_byte(
    hub: Running, in_thread: InThread, readers: list[Readers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over TLS, where a part of a record makes a socket readable: it is read again."""
    target = Target.hub(hub.url, "a")
    reader = await opened(in_thread, readers, target, Wanted("a", target.stream))
    results: list[None] = [None, None]
    monkeypatch.setattr(module, "read", lambda sock: results.pop() if results else read(sock))
    await publish(in_thread, target, 2)
    assert await in_thread(reader.watch, {"a": 2}, 10.0)
    assert results == []


def test_tallies_of_several_processes() -> None:
    """They add up, but for what all of them saw."""
    one = Tally(1, 1, 10, 2, 5, 3, 4, 100, 7, 1)
    one.latencies.add(5)
    other = Tally(2, 0, 20, 1, 1, 0, 4, 50, 9, 2)
    other.latencies.add(6)
    one.merge(other)
    assert (one.streams, one.ended, one.received, one.size, one.last_us, one.timed) == (3, 1, 30, 150, 9, 3)
    assert (one.lost, one.surplus, one.late, one.disordered) == (3, 6, 3, 4)
    assert one.latencies.count == 2

"""The fault proxy: each fault does what its name says, to old and new connections, and ends when it is told to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.faults.line import Line
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEADLINE = 10.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy before a server that sends back what it gets, and ends when its client does."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, asyncio.timeout(3 * DEADLINE), FaultProxy("127.0.0.1", server.sockets[0].getsockname()[1]) as it:
        yield it


@asynccontextmanager
async def connected(proxy: FaultProxy) -> AsyncIterator[Connection]:
    """A connection through the proxy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer(connection: Connection, data: bytes) -> float:
    """Send bytes and get them back; returns how many seconds that took."""
    reader, writer = connection
    begin = asyncio.get_running_loop().time()
    async with asyncio.timeout(DEADLINE):
        writer.write(data)
        assert await reader.readexactly(len(data)) == data
    return asyncio.get_running_loop().time() - begin


async def silent(connection: Connection, seconds: float = 0.2) -> None:
    """See that nothing comes and nothing ends: the one thing that cannot be waited for."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await connection[0].read(1)


async def test_clear(proxy: FaultProxy) -> None:
    """Without a fault bytes pass in both directions, many at once, and so does the end of one."""
    async with connected(proxy) as (reader, writer):
        await answer((reader, writer), b"x" * 3_000_000)
        writer.write_eof()
        assert await reader.read() == b""
    assert proxy.connections == 1


@pytest.mark.parametrize("upstream", [True, False])
async def test_latency(proxy: FaultProxy, upstream: bool) -> None:
    """Latency delays what is sent in its direction, once and not for each piece, and no longer than it is set."""
    late, later = Line(latency=0.3), Line(latency=3 * DEADLINE)
    async with connected(proxy) as connection:
        await answer(connection, b"x")
        await (proxy.shape(upstream=late) if upstream else proxy.shape(downstream=late))
        assert await answer(connection, b"x" * 3_000_000) >= 0.3  # in time, though it is more than 45 pieces
        await (proxy.shape(upstream=later) if upstream else proxy.shape(downstream=later))
        await proxy.restore()
        await answer(connection, b"x")


async def test_bandwidth(proxy: FaultProxy) -> None:
    """A narrow line takes its time for many bytes; widened in the middle, it delivers the rest at once."""
    async with connected(proxy) as connection:
        await proxy.shape(downstream=Line(bandwidth=100_000))
        assert await answer(connection, b"x" * 50_000) >= 0.4
        await proxy.shape(downstream=Line(bandwidth=1000))
        waiting = asyncio.create_task(answer(connection, b"x" * 100_000))
        await silent_task(waiting)
        await proxy.restore()
        await waiting


async def silent_task(task: asyncio.Task[float]) -> None:
    """See that a task is not done soon."""
    assert not (await asyncio.wait([task], timeout=0.2))[0]


async def test_trickle(proxy: FaultProxy) -> None:
    """A slow line brings one byte after another."""
    async with connected(proxy) as (reader, writer):
        await proxy.shape(downstream=Line(trickle=0.02))
        writer.write(b"x" * 10)
        sizes: list[int] = []
        while sum(sizes) < 10:
            sizes.append(len(await reader.read(10)))
        assert max(sizes) <= 2
        assert len(sizes) >= 5


async def test_cut(proxy: FaultProxy) -> None:
    """A cut ends what is open, refuses what comes, and after it the same port serves again."""
    port = proxy.port
    async with connected(proxy) as connection:
        await answer(connection, b"x")
        proxy.cut()
        assert await connection[0].read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    await proxy.restore()
    async with connected(proxy) as connection:
        await answer(connection, b"x")
    assert proxy.port == port


async def test_reset(proxy: FaultProxy) -> None:
    """A reset is one, and not an orderly end; new connections pass."""
    async with connected(proxy) as connection:
        await answer(connection, b"x")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await connection[0].read()
    async with connected(proxy) as connection:
        await answer(connection, b"x")


async def test_drop(proxy: FaultProxy) -> None:
    """Connections end in an orderly way; new ones pass."""
    async with connected(proxy) as connection:
        await answer(connection, b"x")
        proxy.drop()
        assert await connection[0].read() == b""
    async with connected(proxy) as connection:
        await answer(connection, b"x")


async def test_strand(proxy: FaultProxy) -> None:
    """Old connections are dead and do not say so, whatever the network is like afterwards; new ones pass."""
    async with connected(proxy) as old, connected(proxy) as left:
        await answer(old, b"x")
        await answer(left, b"x")
        proxy.strand()
        old[1].write(b"old")
        left[1].write_eof()
        async with connected(proxy) as new:
            await answer(new, b"x")
        await proxy.restore()
        await silent(old)
        await silent(left)


async def test_mark(proxy: FaultProxy) -> None:
    """What the server says is cut behind a mark, in however many pieces that comes, and only once."""
    async with connected(proxy) as (reader, writer):
        await answer((reader, writer), b"mark")
        proxy.mark = b"mark"
        await answer((reader, writer), b"a m")
        await answer((reader, writer), b"ma")
        writer.write(b"rk and more")
        assert await reader.read() == b"rk"
    assert proxy.mark is None
    async with connected(proxy) as connection:
        await answer(connection, b"mark and more")


async def test_half_open(proxy: FaultProxy) -> None:
    """Connections are accepted and stay, and nothing moves on old and new ones, not even an end, until it is over."""
    async with connected(proxy) as old, connected(proxy) as left:
        await answer(old, b"x")
        await answer(left, b"x")
        await proxy.half_open()
        async with connected(proxy) as new:
            old[1].write(b"old")
            new[1].write(b"new")
            left[1].write_eof()
            await silent(old)
            await silent(new)
            await silent(left)
            await proxy.restore()
            async with asyncio.timeout(DEADLINE):
                assert await old[0].readexactly(3) == b"old"
                assert await new[0].readexactly(3) == b"new"
                assert await left[0].read() == b""


async def test_half_open_reads_nothing(proxy: FaultProxy) -> None:
    """Who sends into a frozen line fills the kernel's buffers, and waits."""
    async with connected(proxy) as (_, writer):
        await proxy.half_open()
        writer.write(b"x" * 30_000_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await writer.drain()


async def test_one_direction_frozen(proxy: FaultProxy) -> None:
    """What the server says may be lost while it still hears."""
    async with connected(proxy) as connection:
        await answer(connection, b"x")
        await proxy.shape(downstream=Line(frozen=True))
        connection[1].write(b"yes")
        await silent(connection)
        await proxy.restore()
        async with asyncio.timeout(DEADLINE):
            assert await connection[0].readexactly(3) == b"yes"


async def test_cut_while_frozen(proxy: FaultProxy) -> None:
    """What froze can still be cut, connections included that never reached the server."""
    async with connected(proxy) as old:
        await answer(old, b"x")
        await proxy.half_open()
        async with connected(proxy) as new:
            await asyncio.sleep(0)
            proxy.cut()
            async with asyncio.timeout(DEADLINE):
                assert await old[0].read() == b""
                assert await new[0].read() == b""


async def test_no_server(proxy: FaultProxy) -> None:
    """Without a server behind it, the proxy ends a connection as soon as it has accepted it."""
    proxy.target = ("127.0.0.1", 1)
    async with connected(proxy) as (reader, _):
        with pytest.raises(ConnectionResetError):
            await reader.read()

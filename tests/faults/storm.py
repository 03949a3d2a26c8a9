"""F7: everybody is cut off at once and comes back at once; by hand with thousands: ``python -m tests.faults.storm``."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import click
from redis import Redis

from sse_signals.bench.messages import Messages
from sse_signals.bench.readers import Readers, Wanted
from sse_signals.bench.remote import Remote, now_us
from sse_signals.bench.target import Target
from tests.brokers.servers import NatsServer, RedisServer, free_port
from tests.faults.drops import drops
from tests.faults.logs import BROKERS, log
from tests.faults.nodes import Node
from tests.faults.rooms import log_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from sse_signals.bench.tally import Tally

TOPIC: Final = "bench"
BEHIND: Final = 100  # events that everybody misses
BEFORE: Final = 5  # events that everybody gets before
SIZE: Final = 100  # bytes of a message
AGAIN: Final = 0.2  # seconds in which what was received may come a second time
PATIENCE: Final = 60.0  # seconds that a crowd gets to open, or to receive
OPTIONS: Final = ("--max-streams", "20000", "--max-streams-per-address", "20000")
NOTHING: Final = 0  # where nobody counts: the log is in the node


@dataclass(frozen=True)
class Storm:
    """What came of it.

    Attributes:
        clients: How many came back.
        opened: Seconds from the first connection until all streams were open.
        back: Seconds from the first connection until all had what they had missed.
        tally: What they received.
        dropped: Connections that the listener dropped.
        reads: What was asked of the broker meanwhile: commands to Redis, or messages that NATS sent.
        idle: The same in as long a time in which nobody came.
    """

    broker: str
    clients: int
    opened: float
    back: float
    tally: Tally
    dropped: int
    reads: int
    idle: int


async def storm(broker: str, clients: int, folder: Path) -> Storm:
    """Have everybody cut off, miss events, and come back.

    Args:
        broker: One of `BROKERS`.
        clients: How many.
        folder: An empty one.
    """
    with many_files():
        async with AsyncExitStack() as stack:
            url, reads = await stack.enter_async_context(_counted(broker, folder))
            node = await stack.enter_async_context(Node(url, *OPTIONS))
            # What it was forked from may have been there before.
            resource.prlimit(node.pid, resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))
            http = await stack.enter_async_context(aiohttp.ClientSession())
            messages = Messages(secrets.token_hex(4), SIZE)
            publish = partial(_publish, http, node, messages)
            target = Target.hub(node.url, TOPIC)
            async with _crowd(target, messages) as crowd:
                await crowd("open", [Wanted("live", target.stream, clients)], target.ready, clients, PATIENCE, clients)
                last = (await publish(0, BEFORE))[-1]
                if not await crowd("watch", {"live": BEFORE}, PATIENCE):
                    raise RuntimeError("it has not begun well")
            # Their process is gone, and so all their connections at once.
            await publish(BEFORE, BEHIND)
            resumed = Target.hub(node.url, TOPIC, headers={"Last-Event-ID": last})
            result = await _come_back(resumed, messages, clients, reads, node)
            return replace(result, broker=broker)


async def _come_back(
    target: Target, messages: Messages, clients: int, reads: Callable[[], Awaitable[int]], node: Node
) -> Storm:
    async with _crowd(target, messages) as crowd:
        await crowd("received")  # it is there, and not still starting
        dropped, read, begun = await asyncio.to_thread(drops, node.port), await reads(), monotonic()
        wanted = [Wanted("back", target.stream, clients)]
        await crowd("open", wanted, target.ready, clients, PATIENCE, clients)
        opened = monotonic() - begun
        await crowd("watch", {"back": BEHIND}, PATIENCE)
        back, read_by_all = monotonic() - begun, await reads() - read
        await asyncio.sleep(back)  # as long, for what is read without them
        idle = await reads() - read - read_by_all
        await crowd("watch", {"back": BEHIND + 1}, AGAIN)
        tally: Tally = await crowd("tally", {"back": BEHIND})
        dropped = await asyncio.to_thread(drops, node.port) - dropped
        return Storm("", clients, opened, back, tally, dropped, read_by_all, idle)


async def _publish(
    http: aiohttp.ClientSession, node: Node, messages: Messages, first: int, count: int
) -> Sequence[str]:
    """Publish so many signals, one after the other; return their ids."""
    ids = []
    for number in range(first, first + count):
        body = b'{"topic":"%b","message":%b}' % (TOPIC.encode(), messages.encode(number, 0, now_us()))
        headers = {"Content-Type": "application/json"}
        async with http.post(f"{node.url}/publish", data=body, headers=headers) as response:
            response.raise_for_status()
            ids.append(str((await response.json())["id"]))
    return ids


@asynccontextmanager
async def _crowd(target: Target, messages: Messages) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Have a process of clients; what is given calls it."""
    remote = await asyncio.to_thread(lambda: Remote(Readers, target.address, messages))
    try:
        yield lambda *call: asyncio.to_thread(remote.call, *call)
    finally:
        await asyncio.to_thread(remote.close)


@asynccontextmanager
async def _counted(broker: str, folder: Path) -> AsyncIterator[tuple[str, Callable[[], Awaitable[int]]]]:
    """Make a log of which one can ask how often it was read."""
    if broker == "redis":
        async with log_on(RedisServer, folder) as made:
            yield made.url, partial(asyncio.to_thread, _calls, made.url)
    elif broker == "nats":
        port = free_port()
        with_monitor = partial(NatsServer, more=f'http: "127.0.0.1:{port}"')
        async with log_on(with_monitor, folder) as made, aiohttp.ClientSession() as http:
            yield made.url, partial(_messages, http, f"http://127.0.0.1:{port}/varz")
    else:
        async with log(broker, folder) as made:
            yield made.url, _nothing


def _calls(url: str) -> int:
    with Redis.from_url(url) as redis:
        return int(redis.info("stats")["total_commands_processed"])


async def _messages(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as response:
        return int((await response.json())["out_msgs"])


async def _nothing() -> int:
    return NOTHING


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process, and those that it starts, have as many connections as the system allows."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@click.command()
@click.option("--broker", "brokers", multiple=True, type=click.Choice(BROKERS), help="On what; all if not given.")
@click.option("--clients", default=5000, help="How many.")
@click.option("--count", default=3, help="How often.")
def main(brokers: Sequence[str], clients: int, count: int) -> None:
    """Have a crowd cut off at once and come back at once."""
    click.echo(
        "| broker | clients | all open | all caught up | received | exact | dropped | broker reads | reads idle |"
    )
    click.echo("|---|---|---|---|---|---|---|---|---|")
    for broker in [broker for broker in brokers or BROKERS for _ in range(count)]:
        with tempfile.TemporaryDirectory() as folder:
            it = asyncio.run(storm(broker, clients, Path(folder)))
        times = f"{it.opened:.2f} s | {it.back:.2f} s"
        counts = f"{it.tally.received} | {it.tally.exact} | {it.dropped} | {it.reads} | {it.idle}"
        click.echo(f"| {it.broker} | {it.clients} | {times} | {counts} |")
    click.echo(f"\nload average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

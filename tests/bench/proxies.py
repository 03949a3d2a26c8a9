"""What the proxies of deploy/proxies cost, and what a reload does to open streams: ``python -m tests.bench.proxies``.

Each of those that are installed stands before two hubs on one NATS, on this machine. A latency begins before a publish
is sent through the proxy, and ends when the first byte of the signal arrives on a stream through the same proxy.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Final

import structlog

from sse_signals.doctor.exchange import Ask
from sse_signals.doctor.line import Line
from sse_signals.doctor.target import Target
from tests.brokers.servers import NatsServer
from tests.deploy.proxies.caller import Caller, status_of
from tests.deploy.proxies.listener import Listener
from tests.deploy.proxies.programs import INSTALLED
from tests.deploy.proxies.world import world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.doctor.exchange import Exchange
    from tests.deploy.proxies.programs import Program
    from tests.deploy.proxies.world import Front, World

OPEN: Final = 10  # streams over a reload
RELOADS: Final = """
| proxy | new certificate | streams cut | publishes failed | all received |
|---|---|---|---|---|"""
CROWD: Final = """
| proxy | received | lost | once and in order | memory of the proxy, KiB a stream |
|---|---|---|---|---|"""
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
WARM: Final = 20  # publishes that are not measured


async def latencies(target: Target, version: str, count: int) -> tuple[float, list[float]]:
    """Return the seconds to the first byte of a receipt, and those of so many signals."""
    lines = [Line(target, verify=False) for _ in range(2)]
    for line in lines:
        if version == "HTTP/1.1" and line._context is not None:
            line._context.set_alpn_protocols(["http/1.1"])
    topic = f"bench/{version[-1]}/{id(lines)}"
    found = []
    async with AsyncExitStack() as stack:
        for line in lines:
            stack.push_async_callback(line.close)
        began = perf_counter()
        stream = await stack.enter_async_context(lines[0].ask(Ask("GET", f"/signals/stream?topic={topic}")))
        await stream.head()
        await stream.read()
        receipt = perf_counter() - began
        gc.collect()
        gc.disable()  # a full collection of this program would take a tenth of a second of somebody's latency
        stack.callback(gc.enable)
        for number in range(count + WARM):
            began = perf_counter()
            publishing = asyncio.create_task(_publish(lines[1], topic, number))
            while b'"message":' not in await stream.read():  # heartbeats may come between
                pass
            found.append(perf_counter() - began)
            await publishing
    return receipt, found[WARM:]


async def _publish(line: Line, topic: str, number: int) -> None:
    async with line.ask(Ask("POST", f"/signals/publish?topic={topic}", body=str(number).encode())) as exchange:
        await _whole(exchange)


async def _whole(exchange: Exchange) -> None:
    await exchange.head()
    while await exchange.read():
        pass


async def reload(front: Front, seconds: float) -> str:
    """Have a proxy take up a new certificate over open streams, and say in a row what that did to them."""
    async with AsyncExitStack() as stack:
        url = f"{front.url}/stream?topic=reload"
        listeners = [
            await stack.enter_async_context(Listener(url, version))
            for version in front.program.versions
            for _ in range(OPEN)
        ]
        caller = await stack.enter_async_context(Caller(front, "HTTP/1.1"))
        for listener in listeners:
            await listener.inbox.until_open()
        old, began, failed, sent = await asyncio.to_thread(front.shown), perf_counter(), 0, 0
        asking = asyncio.create_task(front.new_certificate())
        new: float | None = None
        cuts: dict[int, float] = {}
        while (now := perf_counter() - began) < seconds:
            if new is None and await asyncio.to_thread(front.shown) != old:
                new = now
            failed += status_of(await caller.publish("reload", str(sent))) != 202
            sent += 1
            cuts |= {id(one): cuts.get(id(one), now) for one in listeners if len(one.stays) > 1}
            await asyncio.sleep(0.1)
        await asking
        whole = all(one.messages == [str(number) for number in range(sent)] for one in listeners)
    when = f" after {min(cuts.values()):.1f} to {max(cuts.values()):.1f} s" if cuts else ""
    cells = (
        front.name,
        "never" if new is None else f"{new:.1f} s",
        f"{len(cuts)} of {len(listeners)}{when}",
        f"{failed} of {sent}",
        "yes" if whole else "no",
    )
    return f"| {' | '.join(cells)} |"


async def crowd(front: Front, streams: int) -> str:
    """Have ``sse-signals bench`` open many streams through a proxy, and return a row of what it found."""
    before = await asyncio.to_thread(resident, front.process.pid)
    words = ("bench", front.url, "--streams", str(streams), "--rate", "2", "--duration", "10", "--no-verify", "--json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sse_signals", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    reading = asyncio.create_task(process.communicate())
    most = before
    while not reading.done():
        most = max(most, await asyncio.to_thread(resident, front.process.pid))
        await asyncio.sleep(0.5)
    found = json.loads((await reading)[0])
    cells = (
        front.name,
        str(found["deliveries"]["received"]),
        str(found["deliveries"]["lost"]),
        "yes" if found["exact"] else "no",
        f"{(most - before) / streams / 1024:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def resident(pid: int) -> int:
    """Return the bytes of memory that a process and all below it hold."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * PAGE + sum(resident(int(child)) for child in children)


def row(name: str, version: str, receipt: float, found: Sequence[float]) -> str:
    """Return a row of the table of latencies."""
    ordered = sorted(found)
    figures = (receipt, median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1])
    return f"| {name} | {version} | " + " | ".join(f"{1000 * value:.1f}" for value in figures) + " |"


async def measure(there: World, count: int) -> None:
    """Print the table of latencies."""
    print("| through | HTTP | receipt, ms | median, ms | p99, ms | greatest, ms |\n|---|---|---|---|---|---|")
    receipt, found = await latencies(Target.of(there.hubs[0].url), "HTTP/1.1", count)
    print(row("nothing", "HTTP/1.1", receipt, found), flush=True)
    for front in there.fronts:
        for version in front.program.versions:
            receipt, found = await latencies(Target.of(front.url), version, count)
            print(row(front.name, version, receipt, found), flush=True)


async def main(count: int, some: Sequence[Program], seconds: float, streams: int) -> None:
    """Run everything, and print the tables."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        await asyncio.to_thread(root.chmod, 0o755)
        broker = NatsServer(root, sync="2m").start()
        try:
            async with world(root / "proxies", broker.url, some) as there:
                await measure(there, count)
                if seconds:
                    print(RELOADS)
                    for front in there.fronts:
                        print(await reload(front, seconds), flush=True)
                if streams:
                    print(CROWD)
                    for front in there.fronts:
                        print(await crowd(front, streams), flush=True)
        finally:
            broker.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures the proxies of deploy/proxies.")
    parser.add_argument("--count", type=int, default=500, help="publishes that are measured of each")
    parser.add_argument("--reload", type=float, default=0, help="seconds to watch streams while each is reloaded")
    parser.add_argument("--streams", type=int, default=0, help="streams to open through each with sse-signals bench")
    parser.add_argument("--only", help="one proxy")
    arguments = parser.parse_args()
    some = [one for one in INSTALLED if arguments.only in (None, one.name)]
    asyncio.run(main(arguments.count, some, arguments.reload, arguments.streams))

"""All faults in an order of chance; by hand for longer: ``python -m tests.e2e.client_storm --seconds 600 --seed 7``."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import click

from tests.e2e.browser import launched
from tests.e2e.client_world import HEARTBEAT, SUBJECT, World, world
from tests.e2e.stand_in import answer
from tests.faults.line import Line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from playwright.async_api import Browser, BrowserContext

    from tests.e2e.client_page import ClientPage
    from tests.faults.observed import Report

SOON: Final = (0.1, 0.1)  # seconds after which a client comes back, in tests
PATIENCE: Final = 60.0  # seconds at the end, since a wait of chance may have grown long


class Storm:
    """What may happen to pages, and which of it happens next.

    Args:
        it: The world.
        pages: Its pages.
        context: Their profile.
        seed: Of all that is left to chance.

    Attributes:
        happened: How often each thing did.
    """

    def __init__(self, it: World, pages: Sequence[ClientPage], context: BrowserContext, seed: int) -> None:
        self.happened: Counter[str] = Counter()
        self._it = it
        self._pages = pages
        self._context = context
        self._chance = random.Random(seed)
        self._faults: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self.dropped, self.reset, self.stranded, self.half_open, self.refused, self.slow, self.torn),
            *(self.front, self.restarted, self.killed, self.expired, self.offline, self.frozen, self.stopped),
            *(self.topics, self.topics, self.topics),
        )

    async def rage(self, seconds: float) -> None:
        """Have one thing after the other happen, mostly while the last is hardly over."""
        end = monotonic() + seconds
        while monotonic() < end:
            fault = self._chance.choice(self._faults)
            self.happened[fault.__name__] += 1
            await fault()
            await self._pause(0.0, self._chance.choice([0.05, 0.3, 1.5]))

    async def _pause(self, least: float, most: float) -> None:
        await asyncio.sleep(self._chance.uniform(least, most))

    async def dropped(self) -> None:
        """The network ends all connections."""
        self._it.proxy.drop()

    async def reset(self) -> None:
        """The network resets all connections."""
        self._it.proxy.reset()

    async def stranded(self) -> None:
        """The network forgets all connections."""
        self._it.proxy.strand()

    async def half_open(self) -> None:
        """Nothing gets through for a while."""
        await self._it.proxy.half_open()
        await self._pause(0.0, 4 * HEARTBEAT)
        if self._chance.random() < 0.5:
            self._it.proxy.strand()
        await self._it.proxy.restore()

    async def refused(self) -> None:
        """Nobody may connect for a while."""
        self._it.proxy.cut()
        await self._pause(0.0, 0.8)
        await self._it.proxy.restore()

    async def slow(self) -> None:
        """The line is narrow for a while."""
        await self._it.proxy.shape(downstream=Line(bandwidth=self._chance.choice([800, 3000, 20_000]), latency=0.02))
        await self._pause(0.2, 1.0)
        if self._chance.random() < 0.5:
            self._it.proxy.drop()
        await self._it.proxy.restore()

    async def torn(self) -> None:
        """The next connection that says something ends in the middle of it."""
        self._it.proxy.mark = self._chance.choice([b'"content"', b'"message":{', b"\nid: ", b"event: sig", b"}\n"])

    async def front(self) -> None:
        """A front answers in the hub's place for a while."""
        self._it.deploy(
            self._chance.choice([answer(502), answer(503), answer(503, "Retry-After: 1"), answer(504), b""])
        )
        await self._pause(0.0, 1.5)
        self._it.deployed()

    async def restarted(self) -> None:
        """The hub says goodbye, and another goes on."""
        await self._it.restart(self._chance.choice([0.0, 0.5]))

    async def killed(self) -> None:
        """The hub is gone without a word, and another goes on."""
        self._it.proxy.cut()
        await self._it.restart(0.0)
        await self._it.proxy.restore()

    async def expired(self) -> None:
        """The token is about to expire, or has expired."""
        self._it.clock.advance(self._chance.choice([3545.0, 3595.0, 3700.0]))

    async def offline(self) -> None:
        """The browser has no network for a while, and knows it."""
        await self._context.set_offline(True)
        await self._pause(0.0, 1.0)
        await self._context.set_offline(False)

    async def frozen(self) -> None:
        """The browser freezes the page."""
        session = await self._context.new_cdp_session(self._chance.choice(self._pages).page)
        await session.send("Page.setWebLifecycleState", {"state": "frozen"})
        await self._pause(0.0, 4 * HEARTBEAT)
        if self._chance.random() < 0.5:
            self._it.proxy.strand()
        await session.send("Page.setWebLifecycleState", {"state": "active"})
        await session.detach()

    async def stopped(self) -> None:
        """The machine sleeps."""
        browser = self._context.browser
        assert browser is not None
        async with asleep(browser):
            if self._chance.random() < 0.5:
                self._it.proxy.strand()
            await self._pause(0.0, 4 * HEARTBEAT)

    async def topics(self) -> None:
        """A subscription more, and one less when there are many; the first two stay."""
        name = f"{self._chance.choice(['b', 'c/1', 'c/2', '*', 'a', 'd'])}#{self.happened['topics']}"
        page = self._chance.choice(self._pages)
        await page.subscribe(name.partition("#")[0], name)
        alive = [name for name, each in page.subscriptions.items() if not each.ended and "#" in name]
        if len(alive) > 3:
            await page.unsubscribe(self._chance.choice(alive))


@asynccontextmanager
async def asleep(browser: Browser) -> AsyncIterator[None]:
    """Stop all processes of a browser, as a machine's sleep does; only that its clocks go on."""
    session = await browser.new_browser_cdp_session()
    told = await session.send("SystemInfo.getProcessInfo")
    await session.detach()
    processes = [int(process["id"]) for process in told["processInfo"]]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def storm(
    context: BrowserContext, path: str, *, seconds: float, seed: int, tabs: int = 1
) -> tuple[Report, Storm]:
    """Have pages go through it, and judge what they got.

    Args:
        context: A browser's profile.
        path: The file of the log.
        seconds: How long it goes on.
        seed: Of all that is left to chance.
        tabs: How many pages; if there are several they share a connection.
    """
    options: dict[str, Any] = {"share": True, "subject": SUBJECT} if tabs > 1 else {}
    async with AsyncExitStack() as stack:
        it = await stack.enter_async_context(world(path))
        pages = [await stack.enter_async_context(it.page(context, **options)) for _ in range(tabs)]
        raging = Storm(it, pages, context, seed)
        await raging.rage(seconds)
        it.proxy.mark = None
        return await it.judge(*pages, seconds=PATIENCE), raging


async def _run(seconds: float, seed: int, tabs: int) -> tuple[Report, Storm]:
    with tempfile.TemporaryDirectory() as folder:
        async with launched() as browser:
            path = str(Path(folder, "log"))
            return await storm(await browser.new_context(), path, seconds=seconds, seed=seed, tabs=tabs)


@click.command()
@click.option("--seconds", default=60.0, help="How long each.")
@click.option("--seed", default=0, help="Of the first; each of the others has the next one.")
@click.option("--count", default=1, help="How many, one after the other.")
@click.option("--tabs", default=1, help="How many pages; several share a connection.")
def main(seconds: float, seed: int, count: int, tabs: int) -> None:
    """Have pages go through everything that can go wrong; it fails if a signal was lost or came twice."""
    for each in range(seed, seed + count):
        begun = monotonic()
        with (
            mock.patch("sse_signals.web.stream.GOODBYE", SOON),
            mock.patch("sse_signals.life.drain.GOODBYE", SOON),
        ):
            report, raging = asyncio.run(_run(seconds, each, tabs))
        click.echo(f"seed {each}, {monotonic() - begun:.0f} s: {dict(report.counts)}; {dict(raging.happened)}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""What stands around a page with the browser module: a hub, the network before it, and publishers that never rest."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from sse_signals import EventBroker, HistoryLimits
from tests.authenticated import PUBLISHER, House, Tokens, WallClock, house
from tests.e2e.client_page import client_page
from tests.e2e.stand_in import StandIn, answer
from tests.faults.checker import check
from tests.faults.proxy import FaultProxy
from tests.faults.publisher import Publisher
from tests.web.doors import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import BrowserContext

    from tests.e2e.client_page import ClientPage
    from tests.faults.observed import Report

HEARTBEAT = 0.25  # seconds
TOPICS = ("a", "b", "c/1", "c/2", None)
HISTORY = HistoryLimits(age=1e9)  # for a clock that jumps hours ahead
SUBJECT = "user:default/ann"
PROMPT = 10.0  # seconds in which a client is back where the network is good again, on a busy machine too


class World:
    """A hub behind a network that a test makes bad.

    Args:
        stack: What ends with the test.
        path: A file for a log that outlives its hub; without, the log is in memory.
        reconnect: Seconds after which the hub asks clients to come back.
        interval: Seconds between two signals.
        history: How much the hub keeps.
        options: Of the hub.

    Attributes:
        proxy: The network.
        publisher: Publishes past the network.
        house: The hub that runs at the moment.
        deploying: Answers in the hub's place while that is the proxy's target.
    """

    house: House
    publisher: Publisher
    proxy: FaultProxy
    deploying: StandIn
    _load: asyncio.Task[None] | None = None

    def __init__(
        self,
        stack: AsyncExitStack,
        path: str | None = None,
        *,
        reconnect: float = 0.1,
        interval: float = 0.02,
        history: HistoryLimits = HISTORY,
        **options: Any,
    ) -> None:
        self.clock = WallClock()
        self.tokens = Tokens(self.clock)
        self._stack = stack
        self._path = path
        self._reconnect = (reconnect, reconnect)
        self._interval = interval
        self._history = history
        self._options = options
        self._running = AsyncExitStack()

    async def begin(self) -> None:
        """Start the hub, the network, and what publishes."""
        enter = self._stack.enter_async_context
        self._stack.push_async_callback(self._running.aclose)
        self.deploying = await enter(StandIn(answer(503)))
        await self.start()
        self.proxy = await enter(FaultProxy(*self.address))
        token = self.tokens.issue("backend", grants=PUBLISHER, seconds=None)
        self.publisher = Publisher(await enter(aiohttp.ClientSession()), lambda: [self.house.url], "p", token=token)

    @property
    def address(self) -> tuple[str, int]:
        """Where the hub is."""
        host, _, port = self.house.url.split("/")[2].partition(":")
        return host, int(port)

    @property
    def origin(self) -> str:
        """The hub's origin, as seen through the network."""
        return f"http://127.0.0.1:{self.proxy.port}"

    @property
    def url(self) -> str:
        """The hub, through the network."""
        return f"{self.origin}/signals"

    @property
    def streams(self) -> list[Any]:
        """The streams that are open, as the hub has them."""
        return list(self.house.service.site.service.node.hub.streams)

    async def start(self) -> None:
        """Start a hub on the log."""
        url = "memory://" if self._path is None else f"sqlite:///{self._path}"
        broker = EventBroker.from_url(
            url, history=self._history, clock=self.clock, logger=structlog.get_logger("sse_signals")
        )
        self._running.push_async_callback(broker.close)
        options = {"heartbeat": HEARTBEAT, "tokens": self.tokens, "clock": self.clock, **self._options}
        self.house = await self._running.enter_async_context(house(event_broker=broker, **options))
        self.house.service.site.reconnect = self._reconnect

    async def stop(self) -> None:
        """End the hub as a process ends that is told to: with a goodbye on every stream."""
        await self._running.aclose()

    async def restart(self, seconds: float) -> None:
        """End the hub, leave nobody there for a while, and start another on the same log."""
        await self.stop()
        await asyncio.sleep(seconds)
        await self.start()
        self.proxy.target = self.address

    def deploy(self, *answers: bytes) -> None:
        """Cut all off, and answer in the hub's place."""
        self.deploying.answers = list(answers)
        self.proxy.target = self.deploying.address
        self.proxy.drop()

    def deployed(self) -> None:
        """Let the hub answer again."""
        self.proxy.target = self.address

    def token(self, seconds: float | None = 3600.0) -> str:
        """Issue a token to the page."""
        return self.tokens.issue(SUBJECT, seconds=seconds)

    @asynccontextmanager
    async def page(
        self, context: BrowserContext, origin: str | None = None, *topics: str, **options: Any
    ) -> AsyncIterator[ClientPage]:
        """Open a page with subscriptions, on the hub's own origin or another, while signals are published.

        It is given when its stream is open and signals arrive.
        """
        where = f"{self.origin}/signals/health/live" if origin is None else origin
        options = {"token": self.token, **options}
        async with client_page(context, where, self.url, **options) as page, self.publishing():
            for topic in topics or ("a", "c/*"):
                await page.subscribe(topic)
            await page.until(lambda: all(each.ready and each.contents for each in page.subscriptions.values()), "begun")
            yield page

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[None]:
        """Publish to all topics in turn, unless that is being done already."""
        if self._load is not None:
            yield
            return
        self._load = asyncio.create_task(self.publisher.run(TOPICS, interval=self._interval))
        try:
            yield
        finally:
            await self.rest()

    async def rest(self) -> None:
        """Publish no longer."""
        if self._load is not None:
            self._load.cancel()
            with suppress(asyncio.CancelledError):
                await self._load
        self._load = None

    async def news(self, page: ClientPage, seconds: float = PROMPT) -> None:
        """Wait until what is published from now on has arrived at each subscription that is not over or refused."""
        sent = [await self.publisher.publish(topic) for topic in TOPICS]
        for each in page.subscriptions.values():
            wanted = {attempt.content for attempt in sent if each.client.may_see(attempt)}
            await page.until(lambda: each.over or wanted <= each.seen, f"{each.client.name} {wanted}", seconds)  # noqa: B023

    async def judge(self, page: ClientPage, *others: ClientPage, seconds: float = PROMPT, gaps: bool = False) -> Report:
        """Wait until all has arrived, and see that nothing was lost or came twice, and if there were gaps at all."""
        await self.rest()  # what nobody has written down yet would seem to come from nowhere
        for each in (page, *others):
            await self.news(each, seconds)
        report = check(self.publisher.attempts, [client for each in (page, *others) for client in each.clients])
        assert report.findings == [], (report.findings[:10], report.counts)
        for each in (page, *others):
            assert each.too_late == [], each.too_late
            assert each.unhandled == [], each.unhandled
        assert (report.counts["gaps"] > 0) is gaps, report.counts
        assert report.counts["received"] >= len(TOPICS), report.counts
        return report

    async def gone(self) -> None:
        """Wait until the hub has noticed that no stream is left."""
        await until(lambda: not self.streams)


@asynccontextmanager
async def world(path: str | None = None, **options: Any) -> AsyncIterator[World]:
    """Make a world."""
    async with AsyncExitStack() as stack:
        made = World(stack, path, **options)
        await made.begin()
        yield made

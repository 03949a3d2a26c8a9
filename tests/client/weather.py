"""Publishers and subscribers in bad weather: random faults of the network between remote clients and a hub.

By hand, for longer: ``python -m tests.client.weather --faults 500``.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import click
import structlog

from sse_signals import SignalsClient
from sse_signals.client import publishing, subscribing
from sse_signals.server import running
from sse_signals.settings import load
from tests.faults.checker import check
from tests.faults.line import CLEAR, Line
from tests.faults.observed import Attempt, Block, Client, Session
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sse_signals import SignalEvent, SignalStream
    from tests.faults.observed import Report

TOPICS: Final = ("a", "b", "quiet")
FAULTS: Final = ("cut", "reset", "half-open", "lost answers", "slow", "trickle")
ENOUGH: Final = 12  # publishes in a storm
SHORT: Final = 0.4  # seconds for what takes a client 10 or 30 to find out


@dataclass
class Weather:
    """One run: what was published, what was received, and what the network did.

    Attributes:
        seed: Of everything that is left to chance.
        faults: How many there will be.
        attempts: What was published.
        clients: What each subscriber got.
        happened: How often each fault was.
    """

    seed: int
    faults: int
    attempts: list[Attempt] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    over: bool = False
    _number: int = 0

    async def run(self) -> Report:
        """Let it happen, and judge it."""
        chance = random.Random(self.seed)
        settings = load({}, {"port": 0, "heartbeat": 0.1})
        async with running(settings, structlog.get_logger("sse_signals")) as hub:
            host = int(hub.url.split(":")[2].partition("/")[0])
            async with FaultProxy("127.0.0.1", host) as proxy, asyncio.TaskGroup() as group:
                url = f"http://127.0.0.1:{proxy.port}"
                readers = [
                    group.create_task(self._listen(url, name, filters, random.Random(chance.random())))
                    for name, filters in (("all", ()), ("a", ("w:a",)), ("b", ("w:b", "w:quiet")), ("prefix", ("w:*",)))
                ]
                writers = [group.create_task(self._write(url, random.Random(chance.random()))) for _ in range(3)]
                await self._storm(proxy, chance)
                while len(self.attempts) < ENOUGH:  # noqa: ASYNC110 - on a busy machine a storm is over soon
                    await asyncio.sleep(0.01)
                self.over = True
                await asyncio.wait(writers)
                for topic in TOPICS:
                    await self._publish(url, topic, "end")
                await asyncio.wait(readers)
                self.connections = proxy.connections
        return check(self.attempts, self.clients)

    async def _storm(self, proxy: FaultProxy, chance: random.Random) -> None:
        for number in range(self.faults):
            await asyncio.sleep(chance.uniform(0, 0.1))
            fault = FAULTS[number % len(FAULTS)]
            self.happened[fault] = self.happened.get(fault, 0) + 1
            match fault:
                case "cut":
                    proxy.cut()
                case "reset":
                    proxy.reset()
                case "half-open":
                    await proxy.half_open()
                case "lost answers":
                    await proxy.shape(downstream=Line(frozen=True))
                case "slow":
                    await proxy.shape(downstream=Line(latency=0.03, bandwidth=20_000.0), upstream=Line(latency=0.03))
                case _:
                    await proxy.shape(downstream=Line(trickle=0.002), upstream=CLEAR)
            await asyncio.sleep(chance.uniform(0, 0.6 if fault == "half-open" else 0.15))
            if chance.random() < 0.5:
                proxy.reset()
            await proxy.restore()

    async def _write(self, url: str, chance: random.Random) -> None:
        async with SignalsClient.for_plugin("w", url=url) as client:
            while not self.over:
                topic = chance.choice(TOPICS[:2])
                await self._publish_with(client, topic, "x" * chance.randrange(2000))
                await asyncio.sleep(chance.uniform(0, 0.01))

    async def _publish(self, url: str, topic: str, text: str) -> None:
        async with SignalsClient.for_plugin("w", url=url) as client:
            await self._publish_with(client, topic, text)

    async def _publish_with(self, client: SignalsClient, topic: str, text: str) -> None:
        self._number += 1
        content = f"{self._number}-{topic}" + ("-end" if text == "end" else "")
        sent = monotonic()
        event_id = await client.publish({"content": content, "text": text}, topic=topic)
        address = f"w:{topic}"
        self.attempts.append(Attempt(content, "acknowledged", sent, monotonic(), event_id, address, tries=2))

    async def _listen(self, url: str, name: str, filters: tuple[str, ...], chance: random.Random) -> None:
        """Take what comes until the end has come; leave now and then, and come back with the last id."""
        watched = Client(name, filters or ("w", "w:*"))
        self.clients.append(watched)
        ends = {f"w:{topic}" for topic in TOPICS}
        if "w:*" not in watched.topics:
            ends &= set(filters)
        last: str | None = None
        async with SignalsClient.for_plugin("w", url=url) as client:
            while ends:
                opened = monotonic()
                async with client.subscribe(*filters, last_event_id=last, gaps="yield") as events:
                    session = Session("hub", last, opened, [Block("open", monotonic(), events.last_event_id)])
                    watched.sessions.append(session)
                    await self._take(events, session, ends, chance.randrange(1, 200))
                    last = events.last_event_id

    async def _take(self, events: SignalStream[Any], session: Session, ends: set[str], count: int) -> None:
        for _ in range(count):
            event: SignalEvent = await anext(events)
            session.blocks.append(Block("event", monotonic(), event.id, event.message["content"]))
            if event.message["text"] == "end":
                ends.discard(event.address or "")
            if not ends:
                return


@asynccontextmanager
async def short_patience() -> AsyncIterator[None]:
    """Let clients find out soon what takes them long otherwise."""
    with (
        mock.patch.multiple(subscribing, SHORTEST=SHORT, LONGEST=0.05),
        mock.patch("sse_signals.client.remote_stream.OPENING", SHORT),
        mock.patch.object(publishing, "ONE_TRY", SHORT),
    ):
        yield


@click.command()
@click.option("--faults", default=500)
@click.option("--seed", default=0)
def main(faults: int, seed: int) -> None:
    """Have faults happen to remote clients, and say what was lost."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))

    async def run() -> tuple[Weather, Report]:
        async with short_patience():
            weather = Weather(seed, faults)
            return weather, await weather.run()

    begun = monotonic()
    weather, report = asyncio.run(run())
    say: Callable[[object], None] = click.echo
    say(f"{weather.happened} in {monotonic() - begun:.0f} s, {weather.connections} connections")
    say(dict(report.counts))
    say(report.findings[:20] or "nothing lost, doubled or out of order")


if __name__ == "__main__":
    main()

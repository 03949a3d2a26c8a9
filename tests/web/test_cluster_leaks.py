"""Nothing leaks and nothing is missing on two nodes: who listens on one looks back on the other, by the same oracle."""

from __future__ import annotations

import asyncio
from itertools import cycle
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.authenticated import House
from tests.web.cluster import two_nodes
from tests.web.doors import until
from tests.web.leak_trial import Trial
from tests.web.leak_worlds import LeakWorld, rules_of, worlds

if TYPE_CHECKING:
    from tests.brokers.servers import RedisServer
    from tests.web.cluster import Two
    from tests.web.leak_listener import Listener
    from tests.web.leak_oracle import Person, Said
    from tests.web.rawhttp import Answer

LEAST = 500
WORLDS = 2


class Both(House):
    """Two nodes as if they were one: each signal is published on another node than the one before."""

    def __init__(self, two: Two) -> None:
        super().__init__(two.here.url, two.here.service, two.here.tokens, two.here.clock)
        self.publishing = cycle(two.nodes)

    async def publish(self, token: str | None, *signals: dict[str, Any], query: str = "") -> Answer:
        """Publish on the node whose turn it is."""
        return await next(self.publishing).publish(token, *signals, query=query)


class ClusterTrial(Trial):
    """One world on two nodes: all listen on one, and look back on the other."""

    def __init__(self, world: LeakWorld, two: Two) -> None:
        self.two = two
        super().__init__(world, Both(two))

    async def _explain(self, signals: tuple[Said, ...], subject: str | None) -> None:  # noqa: ARG002 - of one node only
        """Say something with every right to."""
        self._in_log(signals, await self.house.publish(self.root, *self._bodies(signals)))

    def _renewed(self, one: Listener, person: Person, answer: Answer) -> None:
        super()._renewed(one, person, answer)
        # What came before was looked at by who they were then, and may tell what they do not know now.
        one.due.clear()
        if one.text.startswith((b"retry", b"event")):
            one.text = b"event: seen\ndata: {}\n" + b"\n" * one.text.endswith(b"\n\n")  # or the rest of it is to come
        else:
            one.text = b""

    async def _look_back(self) -> None:
        here, there = (node.service.site.service.node for node in self.two.nodes)
        await until(lambda: here.history.head == there.history.head)  # or the last few are others there
        self.house.url = self.two.there.url
        await super()._look_back()


def test_14_nothing_leaks_between_nodes(redis_server: RedisServer) -> None:
    """14: live here, then resumed, polled and replayed there: each gets what the oracle says, no more and no less."""
    compared: set[tuple[object, ...]] = set()

    async def live(world: LeakWorld) -> None:
        options = {"anonymous": True, "authentication": {"rules": rules_of(world.law)}}
        async with two_nodes(redis_server.url, **options) as two:
            trial = ClusterTrial(world, two)
            await trial.run()
            compared.update(trial.compared)

    @settings(
        max_examples=WORLDS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds)
    def lives(world: LeakWorld) -> None:
        asyncio.run(live(world))

    lives()
    print(f"{len(compared)} tuples")
    assert len(compared) >= LEAST

"""A NATS server that was started anew may have lost what it held last, and nobody who knew that may be left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sse_signals.brokers.nats_link import Link
from tests.brokers.nats_world import Node, go_back, meddle, opened, publish, returned, running, save, signals, until
from tests.brokers.servers import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of its own."""
    started = NatsServer(tmp_path).start()
    yield started
    started.stop()


async def test_a_node_that_knows_nothing_does_not_vouch_for_a_server_that_was_started_anew(server: NatsServer) -> None:
    """Everybody who has seen more may be gone: ids above what is there must not come to mean something else."""
    async with opened(server.url) as first:
        kept = await publish(first, 1, 2, 3)
        await save(server)
        await returned(first)
        lost = await publish(first, 4, 5, 6)
    await go_back(server)
    async with opened(server.url) as anew, opened(server.url) as later:
        new = await publish(anew, -4, -5, -6, -7)
        assert {each.epoch for each in new} != {kept[0].epoch}
        below, above = Node(anew, kept[-1]), Node(later, lost[-1])
        async with running(below.run(), above.run()):
            (last,) = await publish(later, -8)
            await until(lambda: below.at == above.at == last)
        assert last.epoch == new[0].epoch
        assert below.messages == above.messages == [-4, -5, -6, -7, -8]
        assert [fork.position for node in (below, above) for fork in node.forks] == [
            kept[-1].position,
            kept[-1].position | 1023,
        ]


async def test_nodes_that_meet_a_server_started_anew_agree(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that cannot vouch for it gives the log an epoch, the second takes it; who is connected hears of it."""
    async with opened(nats_server.url, name="anew") as broker:
        node = Node(broker, await broker.head())
        async with running(node.run()):
            kept = (await broker.publish(signals(1))).ids[0]
            await until(lambda: node.at == kept)
            monkeypatch.setattr(Link, "server", "another")
            heads = []

            async def other() -> None:
                async with opened(nats_server.url, name="anew") as first:
                    heads.append(await first.head())

            seen = meddle(monkeypatch, "anew.epoch", other)
            async with opened(nats_server.url, name="anew") as second:
                heads.append(await second.head())
            assert seen
            new = (await broker.publish(signals(2))).ids[0]
            await until(lambda: node.at == new)
    assert heads[0] == heads[1]
    assert kept.epoch != heads[0].epoch == new.epoch
    assert [fork.lineage.forks for fork in node.forks] == [((kept.epoch, kept.position | 1023),)]
    assert node.messages == [1, 2]

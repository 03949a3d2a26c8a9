"""What a survey tells of a node's streams, and that it lets the loop go round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.cursor.start import Live
from sse_signals.identity import Identity
from sse_signals.life.ledger import MOST_TOPICS, REMEMBERED
from sse_signals.life.survey import survey
from sse_signals.model import EventId, HistoryLimits, Signal, position
from sse_signals.wire.frames import event as encoded
from tests.fakes import EPOCH, NOON
from tests.life.surveyed import NODE, Surveyed

if TYPE_CHECKING:
    from collections.abc import Generator

    from sse_signals.life.survey import Part

HELD = HistoryLimits().age


def done(work: Generator[None, None, Part]) -> Part:
    """Do a survey in one go."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            part: Part = end.value
            return part


def look(world: Surveyed, limit: int = 100) -> Part:
    """Survey a node in one go."""
    return done(survey(world.subject, limit))


def names(rows: Any, key: str = "stream") -> list[Any]:
    """Return one member of each row."""
    return [row[key] for row in rows]


def test_a_live_stream_is_told() -> None:
    """All that is known of it, and nothing that is not its own; a stream with an empty buffer lags by nothing."""
    world = Surveyed()
    ann = Identity("user:default/ann", frozenset({"group:default/a"}), expires_ms=NOON + 60_000, token_id="t1")
    client = world.client("orders/*", "a", identity=ann)
    client.open(Live())
    world.network.run()
    world.network.publish()
    world.network.run()
    world.network.now_ms += 2_500
    part = look(world)
    assert part.streams == [
        {
            "stream": f"{NODE}-{0:016x}",
            "node": NODE,
            "subject": "user:default/ann",
            "remote": "192.0.2.1",
            "topics": ["a", "orders/*"],
            "moreTopics": 0,
            "format": "sse",
            "opened": "2026-01-31T12:00:00.000Z",
            "age": 2.5,
            "state": "live",
            "lag": {"records": 0, "seconds": 0.0},
            "buffered": 0,
            "delivered": 1,
            "bytes": client.stream.size,
            "timesBehind": 0,
            "expires": "2026-01-31T12:01:00.000Z",
        }
    ]
    history = world.network.node.history
    assert part.node == {
        "node": NODE,
        "time": "2026-01-31T12:00:02.500Z",
        "started": "2026-01-31T11:59:00.000Z",
        "ready": True,
        "draining": False,
        "streams": {"open": 1, "behind": 0, "opened": 1, "closed": {}, "refused": {}},
        "traffic": {"signals": 1, "delivered": 1, "bytes": client.stream.size},
        "history": {"held": 1, "bytes": history.size, "oldest": "2026-01-31T12:00:00.000Z"},
    }
    assert (part.closed, part.more_streams, part.more_closed) == ([], False, False)


def test_a_stream_that_is_behind_lags() -> None:
    """By the records that it has still to pass, since the first of them was published; what it buffers is told, too."""
    world = Surveyed()
    client = world.client("a")
    client.open(Live())
    world.network.run()
    client.transport.capacity = 0
    world.network.publish(data=b'"%b"' % (b"x" * 70_000))  # it is buffered
    world.network.run()
    part = look(world)
    assert part.streams[0]["state"] == "live"
    assert part.streams[0]["lag"] == {"records": 0, "seconds": 0.0}
    assert part.streams[0]["buffered"] > 70_000
    for _ in range(3):
        world.network.now_ms += 1_000
        world.network.publish()
        world.network.run()
    world.network.now_ms += 500
    part = look(world)
    assert part.streams[0]["state"] == "behind"
    assert part.streams[0]["lag"] == {"records": 3, "seconds": 2.5}
    assert part.streams[0]["timesBehind"] == 1
    assert part.node["streams"]["behind"] == 1


def test_a_lag_is_never_made_up() -> None:
    """Of a record that is passed in part, one is left; of what is held no more, nobody knows how old it is."""
    world = Surveyed()
    client = world.client("a")
    client.open(Live())
    batch = [encoded(EventId(EPOCH, position(1, index)), NOON, Signal(b"1", "a")) for index in range(3)]
    world.network.node.take(batch)
    client.stream.pos = batch[0].position
    assert look(world).streams[0]["lag"]["records"] == 1
    client.stream.pos = 0
    world.network.now_ms -= 5_000  # somebody has set the clock back
    assert look(world).streams[0]["lag"] == {"records": 1, "seconds": 0.0}
    world.network.now_ms += 10_000
    assert look(world).streams[0]["lag"] == {"records": 1, "seconds": 5.0}
    world.network.node.history.trim(world.network.now_ms + round(HELD * 1000))
    part = look(world)
    assert part.streams[0]["lag"] == {"records": 1, "seconds": 0.0}
    assert part.node["history"] == {"held": 0, "bytes": 0, "oldest": None}


def test_a_closed_stream_is_told() -> None:
    """Its totals stay in the counts, the newest come first, and topics are told as far as the log tells them."""
    world = Surveyed()
    filters = [f"t{number}" for number in range(MOST_TOPICS + 3)]
    first, second, broken = world.client(*filters), world.client(), world.client("x")
    first.open(Live())
    world.network.run()
    world.network.publish("t1")
    world.network.run()
    world.network.now_ms += 1_500
    world.close([first], "client-gone")
    world.network.now_ms += 1
    world.close([second], "shutdown")
    world.streams.remove(broken.stream)
    world.ledger.close(broken.stream, world.network.now_ms)
    world.ledger.refuse("full")
    part = look(world)
    assert names(part.closed, "reason") == ["failed", "shutdown", "client-gone"]
    assert part.closed[1]["topics"] == ["*"]
    assert part.closed[2] == {
        "stream": f"{NODE}-{0:016x}",
        "node": NODE,
        "subject": None,
        "remote": "192.0.2.1",
        "topics": sorted(filters)[:MOST_TOPICS],
        "moreTopics": 3,
        "format": "sse",
        "opened": "2026-01-31T12:00:00.000Z",
        "age": 1.5,
        "delivered": 1,
        "bytes": first.stream.size,
        "timesBehind": 0,
        "closed": "2026-01-31T12:00:01.500Z",
        "reason": "client-gone",
    }
    assert part.node["streams"] == {
        "open": 0,
        "behind": 0,
        "opened": 3,
        "closed": {"client-gone": 1, "shutdown": 1, "failed": 1},
        "refused": {"full": 1},
    }
    assert part.node["traffic"] == {"signals": 1, "delivered": 1, "bytes": first.stream.size}


def test_the_slowest_come_first() -> None:
    """By records, then by what is buffered, then the oldest; the others are counted all the same."""
    world = Surveyed()
    clients = []
    for _ in range(5):
        clients.append(world.client("a"))
        world.network.now_ms += 1
    for client in clients:
        client.open(Live())
    world.network.run()
    head = world.network.node.history.head
    for client in clients[:2]:
        client.stream.live = True
    slow, slower = clients[3].stream, clients[2].stream
    for _ in range(3):
        world.network.publish("b")
    slow.live, slow.pos = False, world.network.node.history.head - 1024
    slower.live, slower.pos = False, head
    clients[4].transport.buffer = b"x" * 10
    expected = [clients[number].stream.name for number in (2, 3, 4, 0, 1)]
    assert names(look(world).streams) == expected
    for limit in range(1, 5):
        part = look(world, limit)
        assert names(part.streams) == expected[:limit]
        assert part.more_streams
        assert part.node["streams"]["open"] == 5
        assert part.node["streams"]["behind"] == 2
    assert not look(world, 5).more_streams


def test_only_so_many_closed_streams_are_remembered() -> None:
    """The ledger forgets the oldest, and tells as many as are asked for; every one is counted."""
    world = Surveyed()
    world.close([world.client("a") for _ in range(REMEMBERED + 5)], "client-gone")
    part = look(world, REMEMBERED)
    assert len(part.closed) == REMEMBERED
    assert part.node["streams"]["closed"] == {"client-gone": REMEMBERED + 5}
    assert not part.more_closed
    part = look(world, 10)
    assert names(part.closed) == [f"{NODE}-{REMEMBERED + 4 - number:016x}" for number in range(10)]
    assert part.more_closed


def test_a_stream_that_ends_is_still_counted_but_not_told() -> None:
    """Until its response has ended it is open, and then it is closed: it is never in both."""
    world = Surveyed()
    client, other = world.client("a"), world.client("b")
    client.open(Live())
    world.network.run()
    world.network.publish("a")
    world.network.node.hub.dismiss(client.stream, "expired")
    part = look(world, 1)
    assert names(part.streams) == [other.stream.name]
    assert part.node["streams"]["behind"] == 1  # the other one, which was never brought to the turnstile
    assert part.node["streams"]["open"] == 2
    assert part.node["traffic"]["bytes"] == client.stream.size


@pytest.mark.parametrize("draining", [True, False])
def test_how_the_node_is(*, draining: bool) -> None:
    """Whether it is ready and whether it drains is told as it is; an empty node has zeros."""
    world = Surveyed()
    world.ready, world.draining = not draining, draining
    part = look(world)
    assert (part.node["ready"], part.node["draining"]) == (not draining, draining)
    assert part.streams == []
    assert part.node["traffic"] == {"signals": 0, "delivered": 0, "bytes": 0}

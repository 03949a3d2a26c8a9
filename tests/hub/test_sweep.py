from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sse_signals.cursor.start import Live
from sse_signals.hub.pace import SLICE
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.hub.sweep import Sweep
from sse_signals.model import EventId, HistoryLimits, position
from sse_signals.wire.formats import NDJSON_PLAIN
from tests.fakes import EPOCH, Client, Network

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = "group:default/a"


class Swept(Network):
    """A node with a running sweep."""

    def __init__(
        self, *, heartbeat: float = 15.0, send_timeout: float = 30.0, limits: HistoryLimits | None = None
    ) -> None:
        super().__init__(limits)
        self.sweep = Sweep(
            self.node.hub,
            self.node.history,
            self.scheduler,
            heartbeat=heartbeat,
            send_timeout=send_timeout,
            clock=lambda: self.now_ms,
        )
        self.sweep.start()

    def live(self, *filters: str, owns: Iterable[str] = ()) -> Client:
        """Open a stream that the sweep looks after, and let it become live."""
        client = self.client(*filters, owns=owns)
        client.open(Live())
        self.sweep.add(client.stream)
        self.scheduler.step()
        assert client.stream.live
        return client

    def turn(self) -> None:
        """Let the loop go round until nothing is due."""
        self.scheduler.advance(0)


def heartbeats(client: Client) -> list[str]:
    """Return the ids of the heartbeats a client has got."""
    return [message.last_event_id for message in client.received if message.event == "signals.heartbeat"]


def test_every_stream_gets_a_heartbeat_in_a_heartbeat_s_time() -> None:
    """Once for each period, at its own moment: the work is spread over the seconds."""
    network = Swept(heartbeat=15)
    clients = [network.live() for _ in range(30)]
    beats = []
    for _ in range(15):
        before = sum(len(client.transport.writes) for client in clients)
        network.scheduler.advance(1)
        beats.append(sum(len(client.transport.writes) for client in clients) - before)
    assert beats == [2] * 15
    assert all(heartbeats(client) == [f"{EPOCH}-0"] for client in clients)
    network.scheduler.advance(30)
    assert all(len(heartbeats(client)) == 3 for client in clients)


@pytest.mark.parametrize(("heartbeat", "every"), [(15.0, 1.0), (0.1, 0.1), (2.5, 2.5 / 3), (1.0, 1.0)])
def test_it_ticks_at_least_once_a_second(heartbeat: float, every: float) -> None:
    """A long heartbeat is divided into ticks of a second at most, a short one is one tick."""
    network = Swept(heartbeat=heartbeat)
    assert network.sweep.tick_every == pytest.approx(every)
    client = network.live()
    network.scheduler.advance(heartbeat * 2.01)
    assert len(heartbeats(client)) == 2


def test_a_heartbeat_is_a_cursor() -> None:
    """A stream that no event was for can resume from the newest event there is."""
    network = Swept(heartbeat=1)
    client = network.live("quiet")
    other = [network.publish("other"), network.publish("quiet", [GROUP])]
    network.scheduler.advance(1)
    assert heartbeats(client) == [other[-1]]
    assert client.stream.pos == network.node.head.position


def test_a_heartbeat_never_runs_ahead_of_what_waits() -> None:
    """While an event waits for a stream, be it its group's or its own, no heartbeat names that event."""
    for targets in (None, [GROUP]):
        network = Swept(heartbeat=1)
        client = network.live("a", owns=[GROUP])
        event_id = network.publish("a", targets)
        network.sweep.tick()
        assert not client.transport.writes
        network.turn()
        assert client.ids == [event_id]
        network.sweep.tick()
        assert heartbeats(client) == [event_id]


def test_no_heartbeat_comes_between_two_slices_of_a_flush() -> None:
    """A stream that a running flush has still to write to is not told that it has everything."""
    network = Swept(heartbeat=1)
    clients = [network.live() for _ in range(100)]
    event_id = network.publish()
    network.scheduler.cost = SLICE
    network.scheduler.step()
    network.scheduler.cost = 0
    waiting = [client for client in clients if not client.transport.taken]
    assert waiting
    network.sweep.tick()
    assert not any(client.transport.taken for client in waiting)
    network.turn()
    network.scheduler.advance(0.5)
    assert all(client.ids == [event_id] for client in clients)


def test_a_stream_ahead_of_the_node_keeps_its_own_cursor() -> None:
    """A client that resumed with an id this node has not seen yet is not sent back by a heartbeat."""
    network = Swept(heartbeat=1)
    ahead, other = network.live(), network.live()
    ahead.stream.pos = position(7)
    network.scheduler.advance(1)
    assert heartbeats(ahead) == [str(EventId(EPOCH, position(7)))]
    assert heartbeats(other) == [f"{EPOCH}-0"]
    assert ahead.stream.pos == position(7)


def test_a_stream_that_is_behind_gets_a_sign_of_life_without_an_id() -> None:
    """It moves no cursor, and comes only when nothing else is on the way."""
    network = Swept(heartbeat=1)
    client = network.live()
    network.node.hub.fall_behind(client.stream)
    network.sweep.tick()
    assert client.transport.taken == b": hb\n"
    client.transport.capacity = 0
    client.stream.write(b"x")
    network.sweep.tick()
    assert client.transport.buffer == b"x"
    lines = network.client(wire_format=NDJSON_PLAIN)
    lines.open(Live())
    network.sweep.add(lines.stream)
    network.sweep.tick()
    assert lines.transport.taken.startswith(b'{"event":"signals.heartbeat"')


def test_a_heartbeat_that_is_not_taken_moves_nothing() -> None:
    """A full connection keeps its place: the heartbeat is only remembered when it is written."""
    network = Swept(heartbeat=1)
    client = network.live("a")
    client.transport.capacity = 0
    client.stream.write(b"x" * HIGH_WATER)
    network.publish("other")
    network.turn()
    network.sweep.tick()
    assert client.stream.pos == 0
    assert client.transport.buffer == b"x" * HIGH_WATER


def test_an_ended_stream_gets_no_heartbeat() -> None:
    """After its goodbye nothing is written to a stream any more."""
    network = Swept(heartbeat=1)
    client = network.live()
    client.stream.end("shutdown")
    network.scheduler.advance(3)
    assert not client.transport.writes


def test_history_is_trimmed_by_age_without_any_traffic() -> None:
    """Events are forgotten in time although nothing new comes."""
    network = Swept(limits=HistoryLimits(age=60))
    network.publish()
    network.now_ms += 61_000
    network.scheduler.advance(1)
    assert len(network.node.history) == 0


def test_a_removed_stream_is_forgotten() -> None:
    """Nothing is left of it, not even if it was stalled; removing twice is harmless."""
    network = Swept(send_timeout=30)
    client = network.live()
    client.transport.capacity = 0
    network.publish()
    network.turn()
    network.scheduler.advance(16)
    network.sweep.remove(client.stream)
    network.sweep.remove(client.stream)
    network.scheduler.advance(100)
    assert client.stream.ended is None
    assert len(network.sweep) == 0
    assert not list(network.sweep.streams)


def test_a_stopped_sweep_leaves_no_timer() -> None:
    """After stop the last timer does nothing, and there is no other."""
    network = Swept(heartbeat=1)
    client = network.live()
    network.sweep.stop()
    network.run()
    assert network.scheduler.idle
    assert not client.transport.writes


def test_a_tick_that_fails_is_not_the_last() -> None:
    """An error reaches the loop, which reports it, and the next tick comes as if nothing had been."""
    network = Swept(heartbeat=1)
    client = network.live()
    client.transport.broken = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        network.scheduler.advance(1)
    client.transport.broken = None
    network.scheduler.advance(1)
    assert heartbeats(client)

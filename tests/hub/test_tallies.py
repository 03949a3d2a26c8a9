"""What the hub counts of its flushes."""

from __future__ import annotations

import pytest

from sse_signals.cursor.start import Live
from sse_signals.hub.groups import FLUSH_BYTES, PENDING_BYTES
from sse_signals.hub.hub import Hub
from tests.fakes import Client, Network


def listening(network: Network, *filters: str, owns: tuple[str, ...] = ()) -> Client:
    """Return a client with a live stream."""
    client = network.client(*filters, owns=owns)
    client.open(Live())
    network.run()
    return client


def test_each_flush_counts_once_however_many_streams_there_are() -> None:
    """Three streams of two groups are five writes in two flushes, of which each observes its parts."""
    network = Network()
    for topic in ("a", "a", "b"):
        listening(network, topic)
    for address in ("a", "a", "b"):
        network.publish(address)
    network.run()
    network.publish("a")
    network.run()
    tallies = network.node.hub.tallies
    assert tallies.flush_seconds.count == 2
    assert network.node.hub.writes == 5
    assert (tallies.write_events.count, tallies.write_events.total) == (3, 4)


def test_writes_are_counted_once_for_a_group_and_not_for_each_of_its_streams() -> None:
    """However many streams a flush writes to, it touches the count once for each group and once for all owners."""
    touched: list[object] = []

    class Watched(Hub):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "writes":
                touched.append(value)
            super().__setattr__(name, value)

    network = Network()
    network.node.hub.__class__ = Watched
    for topic in ("a",) * 70 + ("b",) * 30:
        listening(network, topic, owns=("group:default/a",))
    network.publish("a")
    network.publish("b")
    network.run()
    network.publish("a", ["group:default/a"])
    network.run()
    assert network.node.hub.writes == 170
    assert len(touched) <= 2 * 3  # two flushes: two groups, and the owners


def test_a_flush_takes_as_long_as_from_its_beginning_to_its_end() -> None:
    """The time that passes while it writes is in the histogram, pauses included."""
    network = Network()
    for _ in range(64):
        listening(network, "a")
    network.publish("a")
    network.scheduler.cost = 0.001
    network.run()
    seconds = network.node.hub.tallies.flush_seconds
    assert seconds.count == 1
    assert seconds.total >= 0.002  # it looks at the time at least after each 32 streams


@pytest.mark.parametrize("targets", [None, ["group:default/a"]])
def test_the_lag_of_a_flush_is_the_age_of_its_oldest_event(targets: list[str] | None) -> None:
    """It is counted from when the log took that event, not from the newest, nor from what came for nobody before."""
    network = Network()
    listening(network, "a", owns=("group:default/a",))
    network.publish("for nobody")
    network.now_ms += 1000
    network.publish("a", targets)
    network.now_ms += 200
    network.publish("a", targets)
    network.now_ms += 300
    network.run()
    lag = network.node.hub.tallies.lag_seconds
    assert (lag.count, lag.total) == (1, 0.5)
    network.publish("a", targets)
    network.now_ms += 10
    network.run()
    assert (lag.count, lag.total) == (2, 0.51)


def test_what_is_left_for_the_next_flush_keeps_its_age() -> None:
    """A burst that is longer than a flush may write is as old in the second flush as it is."""
    network = Network()
    listening(network, "a")
    for size in (FLUSH_BYTES // 2, FLUSH_BYTES // 2 + 1, 10):
        network.publish("a", data=b'"%b"' % (b"x" * size))
        network.now_ms += 100
    network.run()
    tallies = network.node.hub.tallies
    assert tallies.flush_seconds.count == tallies.lag_seconds.count == 2
    assert tallies.lag_seconds.total == pytest.approx(0.3 + 0.2)


def test_a_log_whose_clock_is_ahead_has_no_negative_lag() -> None:
    """Less than nothing counts as nothing."""
    network = Network()
    listening(network, "a")
    network.publish("a")
    network.now_ms -= 5000
    network.run()
    lag = network.node.hub.tallies.lag_seconds
    assert (lag.count, lag.total) == (1, 0.0)


def test_a_flush_of_what_came_during_another_is_as_old_as_that() -> None:
    """An event that comes while targeted events are still being written is not taken for as old as these."""
    network = Network()
    for _ in range(100):
        listening(network, "a", owns=("group:default/a",))
    network.publish("a", ["group:default/a"])
    network.scheduler.cost = 0.001
    network.scheduler.step()
    network.now_ms += 700
    network.publish("a")
    network.scheduler.cost = 0.0
    network.run()
    lag = network.node.hub.tallies.lag_seconds
    assert lag.count == 2
    assert lag.total == pytest.approx(0.7)


def test_a_flush_whose_streams_are_all_gone_has_no_lag() -> None:
    """There is no event of which it could be the age."""
    network = Network()
    gone = listening(network, "a")
    tallies = network.node.hub.tallies
    tallies.begun([], [], [], 0)
    tallies.ended(0.001)
    assert (tallies.flush_seconds.count, tallies.lag_seconds.count) == (1, 0)
    network.node.hub.close(gone.stream)


def test_targeted_events_are_writes_but_no_parts() -> None:
    """Each owner's own pending events are one write in a flush, and nothing is observed of what groups get."""
    network = Network()
    for _ in range(3):
        listening(network, "a", owns=("group:default/a",))
    network.publish("a", ["group:default/a"])
    network.publish("a", ["group:default/a"])
    network.run()
    assert network.node.hub.writes == 3
    assert network.node.hub.tallies.write_events.count == 0


def test_what_its_readers_have_to_catch_up_with_waits_for_no_flush() -> None:
    """A group for which too much waited has nothing to be written, and its next event is not taken for the oldest."""
    network = Network()
    listening(network, "a")
    network.publish("a", data=b'"%b"' % (b"x" * PENDING_BYTES))
    network.node.hub.finish()
    assert network.node.hub.tallies.flush_seconds.count == 0


def test_groups_that_have_something_left_are_written_from_the_oldest_on() -> None:
    """What is left of two bursts that came one into the other is as old as the event that came first."""
    network = Network()
    for topic in ("a", "b"):
        listening(network, topic)
    half = b'"%b"' % (b"x" * (FLUSH_BYTES // 2 + 1))
    for topic in ("a", "b", "b", "a"):
        network.publish(topic, data=half)
        network.now_ms += 100
    network.run()
    lag = network.node.hub.tallies.lag_seconds
    assert lag.count == 2
    assert lag.total == pytest.approx(0.4 + 0.2)


@pytest.mark.parametrize("targets", [(None, ["group:default/a"]), (["group:default/a"], None)])
def test_what_came_for_all_and_what_came_for_one_are_compared(targets: tuple[list[str] | None, ...]) -> None:
    """The oldest event of a flush may be either of them."""
    network = Network()
    listening(network, "a")
    listening(network, "b", owns=("group:default/a",))
    for address, each in zip("ab" if targets[0] is None else "ba", targets, strict=True):
        network.publish(address, each)
        network.now_ms += 100
    network.run()
    lag = network.node.hub.tallies.lag_seconds
    assert lag.count == 1
    assert lag.total == pytest.approx(0.2)

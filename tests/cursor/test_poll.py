from __future__ import annotations

from sse_signals.cursor.start import Oldest
from sse_signals.hub.stream import HIGH_WATER
from tests.fakes import Network


def test_a_poll_ends_at_the_head_it_began_at() -> None:
    """What comes later is not its concern; it ends with a heartbeat that says where to go on."""
    network = Network()
    ids = [network.publish(topic) for topic in ("a", "b", "a", "b")]
    client = network.client("a")
    client.open(Oldest(), poll=True)
    network.publish("a")
    network.run()
    assert client.ids == [ids[0], ids[2]]
    assert client.controls == ["signals.heartbeat"]
    assert client.received[-1].last_event_id == ids[3]
    assert client.stream.ended == "complete"


def test_a_poll_of_an_empty_log_ends_at_once() -> None:
    """There is nothing to wait for."""
    network = Network()
    client = network.client()
    client.open(Oldest(), poll=True)
    network.run()
    assert client.controls == ["signals.heartbeat"]
    assert client.stream.ended == "complete"


def test_a_poll_whose_reader_is_slow_still_gets_its_end() -> None:
    """The last heartbeat waits until the connection takes it."""
    network = Network()
    ids = [network.publish(data=b"1" * 60_000) for _ in range(2)]
    client = network.client()
    client.transport.capacity = 0
    client.open(Oldest(), poll=True)
    for _ in range(5):
        network.run()
        client.take(1000)
        client.transport.capacity = 0
    assert client.stream.ended is None
    client.stream.write(b":" * (HIGH_WATER - client.transport.get_write_buffer_size() - 1) + b"\n")
    for _ in range(5):
        client.take()
        network.run()
    assert client.ids == ids
    assert client.controls == ["signals.heartbeat"]
    assert client.stream.ended == "complete"


def test_a_poll_s_end_waits_for_room() -> None:
    """A full connection gets its closing heartbeat later, and only then is the poll complete."""
    network = Network()
    client = network.client()
    client.transport.capacity = 0
    client.stream.write(b":" * (HIGH_WATER - 1) + b"\n")
    client.open(Oldest(), poll=True)
    network.run()
    assert client.stream.ended is None
    client.take()
    network.run()
    assert client.controls == ["signals.heartbeat"]
    assert client.stream.ended == "complete"

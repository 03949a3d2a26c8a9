from __future__ import annotations

from tests.hub.test_sweep import Swept


def test_a_connection_without_progress_is_aborted() -> None:
    """Its buffer has not shrunk for the send timeout: it ends, with its reason, and is counted."""
    network = Swept(send_timeout=30)
    client, well = network.live(), network.live()
    client.transport.capacity = 0
    network.publish()
    network.turn()
    network.scheduler.advance(29)
    assert not client.transport.aborted
    network.scheduler.advance(32)
    assert client.transport.aborted
    assert client.stream.ended == "send-timeout"
    assert network.sweep.aborted == 1
    assert well.stream.ended is None


def test_a_slow_but_steady_reader_is_left_alone() -> None:
    """One byte in each send timeout is progress, for ever."""
    network = Swept(send_timeout=30)
    client = network.live()
    client.transport.capacity = 0
    network.publish(data=b"1" * 1000)
    network.turn()
    for _ in range(20):
        network.scheduler.advance(25)
        client.transport.take(1)
    assert client.stream.ended is None
    client.transport.take()
    network.scheduler.advance(100)
    assert client.stream.ended is None
    assert network.sweep.aborted == 0


def test_a_stream_that_keeps_being_written_to_must_still_read() -> None:
    """New bytes in the buffer are no progress of the reader's."""
    network = Swept(send_timeout=30)
    client = network.live()
    client.transport.capacity = 0
    for _ in range(70):
        network.publish()
        network.scheduler.advance(1)
    assert client.stream.ended == "send-timeout"


def test_a_gone_client_is_noticed_within_a_second() -> None:
    """Where the server does not end its handler, the sweep ends the stream."""
    network = Swept()
    client = network.live()
    client.transport.closing = True
    network.scheduler.advance(1)
    assert client.stream.ended == "client-gone"

"""The lives of open streams, on a loop and with connections that a test moves by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sse_signals.hub.stream import HIGH_WATER
from tests.fakes import NOON
from tests.life.cluster import ANN, HOUR
from tests.life.lived import GROUP, NOTICE, Lived, said

EXPIRED = 'signals.goodbye {"reason":"expired"}'


def test_13_a_stream_is_told_and_then_ended() -> None:
    """13: a notice comes 60 s before the end, the end within 1 s after it, with a reason, and no event after that."""
    network = Lived()
    client = network.listen("a")
    network.jump(NOON + HOUR - 60_001)
    assert said(client) == []
    network.jump(NOON + HOUR - 60_000)
    assert said(client) == [NOTICE]
    network.jump(NOON + HOUR - 1)
    before = network.publish("a")
    network.scheduler.step()
    assert client.stream.ended is None
    network.wait(1.0)
    assert client.stream.ended == "expired"
    network.publish("a")
    network.publish("a", [GROUP])
    network.wait(1.0)
    assert said(client) == [NOTICE, EXPIRED]
    assert client.ids == [before]
    assert client.received[-1].event == "signals.goodbye"


def test_13_what_is_pending_at_the_end_is_dropped() -> None:
    """13: the group's events and its own that wait for a flush when a stream expires are not written after it."""
    network = Lived()
    client, other = network.listen("a"), network.listen("a", expires_ms=None)
    network.now_ms = NOON + HOUR
    network.scheduler.now += 0.3
    network.publish("a")
    network.publish("a", [GROUP])
    network.lives._tick()
    network.run()
    assert (client.ids, len(other.ids)) == ([], 2)


def test_13_a_reader_that_stalls_is_aborted() -> None:
    """13: one whose connection takes nothing gets neither notice nor goodbye, and is cut off within 1 s of its end."""
    network = Lived()
    client, quick = network.listen("a"), network.listen("a")
    client.transport.capacity = 0
    client.stream.write(b"x" * HIGH_WATER)
    network.jump(NOON + HOUR - 60_000)
    assert not client.transport.aborted
    network.jump(NOON + HOUR)
    network.leave(quick)
    network.wait(0.7)
    assert (client.stream.ended, client.transport.aborted) == ("expired", True)
    assert client.transport.writes == [b"x" * HIGH_WATER]
    assert not quick.transport.aborted


def test_a_notice_that_is_not_taken_comes_later() -> None:
    """It is tried again until the connection takes it, and comes once."""
    network = Lived()
    client = network.listen("a")
    client.transport.capacity = 0
    client.stream.write(b":" * (HIGH_WATER - 1) + b"\n")
    network.now_ms = NOON + HOUR - 60_000
    network.wait(5)
    client.take()
    network.wait(5)
    assert said(client) == [NOTICE]
    network.wait(51)
    assert said(client) == [NOTICE, EXPIRED]


def test_a_notice_that_was_never_taken_does_not_delay_the_end() -> None:
    """The last try is no later than the end."""
    network = Lived(expiring=0.2)
    client = network.listen("a", expires_ms=NOON + 400)
    client.transport.capacity = 0
    client.stream.write(b"x" * HIGH_WATER)
    network.wait(1.4)
    assert (client.stream.ended, client.transport.aborted) == ("expired", True)


def test_a_stream_that_begins_shortly_before_its_end_is_told_at_once() -> None:
    """There is a notice however short the rest is."""
    network = Lived()
    client = network.listen("a", expires_ms=NOON + 10_000)
    network.wait(0.4)
    assert len(said(client)) == 1
    network.wait(10.5)
    assert client.stream.ended == "expired"


def test_13_what_expired_before_it_was_looked_at_ends_at_once() -> None:
    """13: without a notice, in the first look."""
    network = Lived()
    client = network.listen("a", expires_ms=NOON)
    network.wait(0.4)
    assert said(client) == [EXPIRED]


def test_nothing_ticks_without_need() -> None:
    """Streams that never expire cost no timer, and none is left when all others are gone."""
    network = Lived()
    network.listen("a", expires_ms=None)
    network.scheduler.step()
    assert network.scheduler.idle
    client = network.listen("a", expires_ms=NOON + 100)
    network.wait(2)
    network.leave(client)
    network.wait(1)
    assert network.scheduler.idle


def test_streams_are_found_by_name_and_subject() -> None:
    """An ended stream is found no longer, and a removed one is forgotten; removing twice is harmless."""
    network = Lived()
    ours, ours_too, theirs = network.listen(), network.listen(), network.listen(subject="user:default/bob")
    assert len(network.lives) == 3
    assert network.lives.find("1") is ours.stream
    assert network.lives.find("9") is None
    assert network.lives.of(ANN) == [ours.stream, ours_too.stream]
    network.lives.end(ours.stream, "revoked")
    network.lives.end(ours.stream, "expired")
    assert ours.stream.ended == "revoked"
    assert said(ours) == ['signals.goodbye {"reason":"revoked"}']
    assert network.lives.find("1") is None
    assert network.lives.of(ANN) == [ours_too.stream]
    assert network.lives.streams == [ours_too.stream, theirs.stream]
    for client in (ours, ours_too, theirs):
        network.leave(client)
        network.lives.remove(client.stream)
    assert len(network.lives) == 0
    assert network.lives.of(ANN) == []
    assert not network.lives._by_subject
    assert not network.lives._entries
    assert not network.lives._leaving


def test_13_a_failing_connection_does_not_outlive_its_token() -> None:
    """13: if a notice or a goodbye fails in a way nobody foresaw, the error is told, and the stream ends."""
    network = Lived()
    client, other = network.listen("a"), network.listen("a")
    client.transport.broken = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        network.jump(NOON + HOUR - 60_000)
    network.jump(NOON + HOUR - 50_000)
    assert said(other) == [NOTICE]
    with pytest.raises(ZeroDivisionError):
        network.jump(NOON + HOUR)
    network.wait(1)
    assert [client.stream.ended, other.stream.ended] == ["expired", "expired"]
    assert client.transport.aborted


def test_a_client_that_is_gone_is_left_alone() -> None:
    """A stream whose connection is found closed has ended for that reason, whatever was about to be said."""
    network = Lived()
    told, ended, gone = network.listen("a"), network.listen("a"), network.listen("a", expires_ms=NOON + HOUR - 60_000)
    gone.transport.closing = ended.transport.closing = True
    ended.stream.end("client-gone")
    network.jump(NOON + HOUR - 60_000)
    assert [told.stream.ended, ended.stream.ended, gone.stream.ended] == [None, "client-gone", "client-gone"]
    assert not ended.transport.writes
    network.jump(NOON + HOUR)
    assert [told.stream.ended, ended.stream.ended] == ["expired", "client-gone"]


def test_streams_that_are_gone_take_no_memory() -> None:
    """However many come and go long before they expire, or are renewed, what is kept follows what is open."""
    network = Lived()
    staying = network.listen("a")
    for number in range(1000):
        network.leave(network.listen("a"))
        network.lives.change(staying.stream, replace(staying.stream.identity, expires_ms=NOON + HOUR + number))
    assert len(network.lives._due) < 100
    network.jump(NOON + HOUR + 999)
    assert staying.stream.ended == "expired"


def test_many_that_expire_at_once_end_in_slices() -> None:
    """The loop goes round in between, and all of them end."""
    network = Lived(expiring=0.0)
    clients = [network.listen(expires_ms=NOON + 1000) for _ in range(20)]
    network.scheduler.cost = 0.001  # whoever looks at the clock sees a millisecond pass
    network.jump(NOON + 1000)
    network.scheduler.cost = 0.0
    network.scheduler.advance(0.1)
    assert all(client.stream.ended == "expired" for client in clients)

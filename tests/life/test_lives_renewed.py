"""Streams with another identity than they began with: its end, its grants and its filters hold at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sse_signals.errors import NotGranted
from sse_signals.grants import Grants
from sse_signals.topics import Filters
from tests.fakes import NOON
from tests.life.cluster import HOUR, READS, ann
from tests.life.lived import NOTICE, Lived, said


def test_a_renewed_stream_goes_on() -> None:
    """The old end is none any more, the new one is told of and holds; back to the old one, it is told of once."""
    network = Lived()
    client = network.listen("a")
    old, later = client.stream.identity, replace(client.stream.identity, expires_ms=NOON + 2 * HOUR)
    network.jump(NOON + HOUR - 60_000)
    assert said(client) == [NOTICE]
    network.lives.change(client.stream, later)
    network.jump(NOON + HOUR + 1)
    assert client.stream.ended is None
    network.jump(NOON + 2 * HOUR - 60_000)
    assert len(said(client)) == 2
    network.jump(NOON + 2 * HOUR)
    assert client.stream.ended == "expired"

    again = Lived()
    client = again.listen("a")
    for identity in (later, old, later, old):
        again.lives.change(client.stream, identity)
    again.jump(NOON + HOUR - 60_000)
    again.jump(NOON + HOUR - 59_000)
    assert said(client) == [NOTICE]


def test_a_shorter_life_is_a_shorter_life() -> None:
    """An identity that expires earlier ends the stream earlier; one that never expires leaves it open."""
    network = Lived()
    shorter, longer = network.listen("a"), network.listen("a")
    network.lives.change(shorter.stream, replace(shorter.stream.identity, expires_ms=NOON + 1000))
    network.lives.change(longer.stream, replace(longer.stream.identity, expires_ms=None))
    network.lives.change(longer.stream, replace(longer.stream.identity, owns=frozenset()))
    network.jump(NOON + 2 * HOUR)
    assert [shorter.stream.ended, longer.stream.ended] == ["expired", None]
    assert said(longer) == []


def test_15_what_may_not_be_read_changes_nothing() -> None:
    """15: a new identity that may not read what the stream asks for is refused, and the stream goes on as it was."""
    network = Lived()
    client = network.listen("a")
    before = client.stream.identity
    with pytest.raises(NotGranted):
        network.lives.change(client.stream, ann(grants=Grants(subscribe=Filters.parse(["b"])), expires_ms=NOON + 1))
    network.jump(NOON + 2)
    assert (client.stream.identity, client.stream.ended) == (before, None)
    event_id = network.publish("a")
    network.scheduler.advance(0)
    assert client.ids == [event_id]


def test_15_other_grants_are_other_filters_at_once() -> None:
    """15: what is left of a prefix by new grants is what the stream gets from then on, what is pending included."""
    network = Lived()
    client = network.listen()
    network.publish("secret")
    private = Grants(unmarked=True, private=Filters.parse(["secret"]))
    network.lives.change(client.stream, ann(grants=private))
    public = network.publish("public")
    network.scheduler.advance(0)
    network.publish("secret")
    network.scheduler.advance(0)
    assert client.ids == [public]
    network.lives.change(client.stream, ann(grants=READS))
    again = network.publish("secret")
    network.scheduler.advance(0)
    assert client.ids == [public, again]

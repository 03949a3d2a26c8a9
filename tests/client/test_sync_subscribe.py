"""A synchronous program listens to a remote hub: all there is, in order and once, over whatever happens between."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sse_signals import (
    HistoryLimits,
    InvalidInput,
    SignalsGap,
    SyncSignalsClient,
)
from sse_signals.testing import SignalsHub, hub
from tests.client.sync_world import (
    OPEN,
    STREAM,
    client,
    frame,
    scripted,
    silence,
)

pytestmark = pytest.mark.usefixtures("soon")


def test_what_is_published_from_the_with_on_comes(signals_hub: SignalsHub) -> None:
    """With all that belongs to it, by filters that are relative to the plugin."""
    with client(signals_hub.url) as catalog, catalog.subscribe("a", "b*", "orders:*") as stream:
        assert stream.last_event_id is not None
        wanted = [
            catalog.publish({"n": 1}, topic="a", event="changed"),
            signals_hub.publish(2, topic="orders:7"),
            signals_hub.publish(3),
        ]
        catalog.publish("not asked for", topic="c")
        wanted.append(catalog.publish(4, topic="b/1"))
        signals = [next(stream) for _ in wanted]
        assert [signal.id for signal in signals] == wanted
        assert [signal.address for signal in signals] == ["catalog:a", "orders:7", None, "catalog:b/1"]
        assert [signal.message for signal in signals] == [{"n": 1}, 2, 3, 4]
        assert [signal.event for signal in signals] == ["changed", "message", "message", "message"]
        assert abs((datetime.now(UTC) - signals[0].time).total_seconds()) < 60
        assert stream.last_event_id == wanted[-1]
    signals_hub.wait_for_streams(0)


def test_a_client_of_no_plugin_means_addresses_as_they_are(signals_hub: SignalsHub) -> None:
    """A topic is a whole address, none a broadcast, and without a filter everything comes."""
    with (
        SyncSignalsClient.for_hub(signals_hub.url) as client_of_all,
        client_of_all.subscribe("orders/*") as orders,
        client_of_all.subscribe() as everything,
    ):
        for topic in ("orders/1", "catalog:a", None):
            client_of_all.publish(topic, topic=topic)
        assert [next(orders).message for _ in range(2)] == ["orders/1", None]
        assert [next(everything).address for _ in range(3)] == ["orders/1", "catalog:a", None]


def test_it_resumes_where_another_one_ended(signals_hub: SignalsHub) -> None:
    """By the id that the stream gives, without filters for everything of the plugin."""
    with client(signals_hub.url) as catalog:
        with catalog.subscribe() as stream:
            catalog.publish(1)
            next(stream)
            place = stream.last_event_id
        catalog.publish(2, topic="a")
        with catalog.subscribe(plugins=["catalog"], last_event_id=place) as stream:
            assert next(stream).message == 2


def test_a_goodbye_is_obeyed() -> None:
    """A hub that is restarted tells when to come back."""
    script = STREAM + OPEN + frame(1) + b'event: signals.goodbye\nretry: 20\ndata: {"reason":"shutdown"}\n\n'
    with scripted(script, STREAM + OPEN + frame(2), silence) as server:
        with client(server.url) as catalog, catalog.subscribe() as stream:
            assert [next(stream).message, next(stream).message] == [1, 2]
        assert b"Last-Event-ID: 00000000-2" in server.heads[1]


def test_a_gap_is_raised_and_can_be_gone_on_with(signals_hub: SignalsHub) -> None:
    """Or is yielded, or told to a function."""
    told: list[SignalsGap] = []
    with (
        client(signals_hub.url) as catalog,
        catalog.subscribe() as raising,
        catalog.subscribe(gaps="yield") as yielding,
        catalog.subscribe(on_gap=told.append) as telling,
    ):
        signals_hub.gap()
        catalog.publish("after")
        with pytest.raises(SignalsGap, match="epoch") as caught:
            next(raising)
        assert raising.last_event_id == caught.value.resumes_after
        assert next(raising).message == "after"
        gap = next(yielding)
        assert isinstance(gap, SignalsGap)
        assert gap.reason == "epoch"
        assert next(telling).message == "after"
        assert [each.reason for each in told] == ["epoch"]
        with pytest.raises(InvalidInput, match="gaps"):
            catalog.subscribe(gaps="never")  # type: ignore[call-overload]


def test_who_comes_back_too_late_hears_of_it() -> None:
    """What the hub does not hold any more is a gap."""
    with hub(history=HistoryLimits(count=2)) as short, client(short.url) as catalog:
        first = catalog.publish(0)
        for number in range(5):
            catalog.publish(number)
        with catalog.subscribe(last_event_id=first, gaps="yield") as stream:
            gap = next(stream)
            assert isinstance(gap, SignalsGap)
            assert (gap.reason, gap.after) == ("trimmed", first)


def test_a_slow_reader_loses_nothing(signals_hub: SignalsHub) -> None:
    """What it does not read waits at the hub."""
    with client(signals_hub.url) as catalog, catalog.subscribe() as stream:
        for number in range(2000):
            signals_hub.publish([number, 1000 * "x"], topic="catalog:a")
        assert [next(stream).message[0] for _ in range(2000)] == list(range(2000))

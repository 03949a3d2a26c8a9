"""Listening to a hub somewhere else, through a network that fails: it goes on by itself, and nothing is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import (
    BrokerUnavailable,
    Grants,
    InvalidInput,
    NotGranted,
    SignalsClient,
    SignalsGap,
    UnexpectedAnswer,
)
from sse_signals.client.remote_stream import HELD
from sse_signals.topics import Filters
from tests.authenticated import house
from tests.client.scripted import reply, scripted, stream
from tests.client.test_reading import frame, place, receipt

if TYPE_CHECKING:
    from sse_signals import SignalEvent, SignalStream
    from sse_signals.server import Running
    from tests.client.scripted import Reply
    from tests.conftest import StartHub


async def take(events: SignalStream[SignalEvent], count: int) -> list[Any]:
    """Return the next messages."""
    async with asyncio.timeout(30):
        return [(await anext(events)).message for _ in range(count)]


async def test_what_is_published_once_it_is_open_comes(hub: Running) -> None:
    """No id, no sleep: entering waits for the hub to have it."""
    async with SignalsClient.for_plugin("a", url=hub.url) as client:
        for number in range(20):
            async with client.subscribe() as events:
                await client.publish(number)
                assert await take(events, 1) == [number]


async def test_a_client_of_no_plugin_uses_addresses_as_they_are(hub: Running) -> None:
    """What anybody publishes without a plugin, broadcasts, and everything there is."""
    async with (
        SignalsClient.for_hub(hub.url) as client,
        SignalsClient.for_plugin("a", url=hub.url) as plugin,
        client.subscribe("orders/*", "a:t") as some,
        client.subscribe() as everything,
    ):
        await client.publish(1, topic="orders/7", idempotency_key="k")
        await client.publish(2, topic="other")
        await plugin.publish(3, topic="t")
        await plugin.publish(4)
        await client.publish(5)
        got = [await anext(some) for _ in range(3)]
        assert [(each.address, each.message) for each in got] == [("orders/7", 1), ("a:t", 3), (None, 5)]
        assert await take(everything, 5) == [1, 2, 3, 4, 5]
    with pytest.raises(InvalidInput, match="plugin"):
        SignalsClient.for_plugin(None, url=hub.url)  # type: ignore[arg-type]


async def test_the_place_to_resume_is_that_of_what_was_taken(hub: Running) -> None:
    """Not of what has been read ahead; it is known before anything came, and moves with heartbeats."""
    async with SignalsClient.for_plugin("a", url=hub.url) as client:
        async with client.subscribe() as events:
            start = events.last_event_id
            assert start
            ids = [await client.publish(number) for number in range(5)]
            assert await take(events, 2) == [0, 1]
            assert events.last_event_id == ids[1]
            last = events.last_event_id
        async with client.subscribe(last_event_id=last) as events:
            assert events.last_event_id == last
            assert await take(events, 3) == [2, 3, 4]
        async with client.subscribe(last_event_id=start) as events:
            assert await take(events, 5) == [0, 1, 2, 3, 4]


async def test_a_heartbeat_moves_the_place(start_hub: StartHub) -> None:
    """So that a subscriber of a quiet topic can resume without a gap after days."""
    hub = await start_hub(heartbeat=0.1)
    async with (
        asyncio.timeout(30),
        SignalsClient.for_plugin("a", url=hub.url) as client,
        client.subscribe("quiet") as events,
    ):
        event_id = await client.publish(1, topic="loud")
        while events.last_event_id != event_id:  # noqa: ASYNC110 - it moves without an event
            await asyncio.sleep(0.01)


async def gaps_of(hub: Running, **options: Any) -> list[Any]:
    """Resume where the history no longer reaches; return what comes, gaps as their reasons."""
    got: list[Any] = []
    async with SignalsClient.for_plugin("a", url=hub.url) as client:
        ids = [await client.publish(number) for number in range(5)]
        async with client.subscribe(last_event_id=ids[0], **options) as events:
            while len(got) < 3 - ("on_gap" in options):
                try:
                    each: Any = await anext(events)
                except SignalsGap as gap:
                    got.append(("raised", gap.reason, gap.after == ids[0], gap.resumes_after == ids[2]))
                    assert events.last_event_id == ids[2]
                else:
                    got.append(("yielded", each.reason) if isinstance(each, SignalsGap) else each.message)
    return got


async def test_a_gap_is_told_as_one_chooses(start_hub: StartHub) -> None:
    """Raised where it is, given among the events, or told to a function; the events after it come in any case."""
    hub = await start_hub(history_count=2)
    assert await gaps_of(hub) == [("raised", "trimmed", True, True), 3, 4]
    assert await gaps_of(hub, gaps="yield") == [("yielded", "trimmed"), 3, 4]
    told: list[SignalsGap] = []
    assert await gaps_of(hub, on_gap=told.append) == [3, 4]
    assert [gap.reason for gap in told] == ["trimmed"]


@pytest.mark.parametrize("last_event_id", ["", "nonsense", "a\nb", "zyxwvuts-7"])
async def test_a_place_that_means_nothing_is_a_gap(hub: Running, last_event_id: str) -> None:
    """As in process."""
    async with (
        SignalsClient.for_plugin("a", url=hub.url) as client,
        client.subscribe(last_event_id=last_event_id) as events,
    ):
        with pytest.raises(SignalsGap):
            await take(events, 1)
        await client.publish("after")
        assert await take(events, 1) == ["after"]


async def test_who_is_busy_for_long_loses_nothing(hub: Running) -> None:
    """What it does not take is not read either, and stays in the hub's history; memory is bounded."""
    async with SignalsClient.for_plugin("a", url=hub.url) as client, client.subscribe() as events:
        for number in range(HELD * 8):
            await client.publish([number, "x" * 4000])
        held: Any = events
        assert len(held._inbox) < HELD * 2
        assert [message[0] for message in await take(events, HELD * 8)] == list(range(HELD * 8))


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (reply(404, b"<html>", "text/html"), "404"),
        (reply(200, b'{"hello":"world"}'), "200"),
        (stream(b"data: hello\n\n"), "no signal"),
    ],
)
async def test_a_wrong_url_is_told_at_once(odd: Reply, said: str) -> None:
    """On entering, with what answers there: a page, another API, another event stream."""
    async with scripted(odd) as server, SignalsClient.for_plugin("a", url=server.url) as client:
        with pytest.raises(UnexpectedAnswer, match=said):
            async with client.subscribe():
                pass
        assert len(server.asked) == 1


async def test_a_hub_that_is_away_is_told_after_the_timeout() -> None:
    """With the last reason."""
    async with (
        scripted(reply(502, b"<html>", "text/html")) as server,
        SignalsClient.for_plugin("a", url=server.url, timeout=1.5) as client,
    ):
        with pytest.raises(BrokerUnavailable, match=r"no stream within 1\.5 s: .*502 Bad Gateway"):
            async with client.subscribe():
                pass


async def test_a_fault_that_lasts_ends_the_iteration() -> None:
    """What was read before it comes first; asked again, it says the same."""
    lasting = reply(403, b'{"type":"urn:sse-signals:problem:not-granted","detail":"No."}')
    async with (
        scripted(stream(receipt(place(4)), b"retry: 10\n\n", frame(5), then="close"), lasting) as server,
        SignalsClient.for_plugin("a", url=server.url) as client,
        client.subscribe() as events,
    ):
        assert (await anext(events)).id == "7k2m9xq4-5"
        for _ in range(2):
            with pytest.raises(NotGranted):
                await anext(events)
        assert events.last_event_id == "7k2m9xq4-5"


async def test_who_may_not_listen_is_told_at_once() -> None:
    """As the hub says it."""
    async with house() as hub:
        token = hub.tokens.issue("r", grants=Grants(subscribe=Filters.parse(["mine:*"])))
        async with SignalsClient.for_plugin("a", url=hub.url, token=token) as client:
            with pytest.raises(NotGranted, match="topic"):
                async with client.subscribe():
                    pass


async def test_gaps_are_chosen_in_one_way() -> None:
    """A word that is none, or two ways at once, is a mistake that is told before anything is sent."""
    client = SignalsClient.for_plugin("a", url="http://127.0.0.1:1")
    with pytest.raises(InvalidInput, match="gaps"):
        client.subscribe(gaps="ignore")  # type: ignore[call-overload]
    with pytest.raises(InvalidInput, match="gaps"):
        client.subscribe(gaps="yield", on_gap=print)  # type: ignore[call-overload]

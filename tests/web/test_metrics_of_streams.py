"""``GET …/metrics``: each series of streams against what has happened to a real hub."""

from __future__ import annotations

from contextlib import AsyncExitStack
from unittest import mock

from sse_signals import HistoryLimits, Limits
from sse_signals.metrics.labels import CLOSED, OTHER
from sse_signals.model import GapReason
from tests.web.doors import foreign, until
from tests.web.rawhttp import ask, request
from tests.web.scraping import HOSTILE, listening, node_of, publish, scrape

JSON = "Content-Type: application/json"


async def test_streams_and_what_is_written_to_them() -> None:
    """Three streams, two groups, ten signals: each series is what happened, to the byte."""
    async with foreign() as door, AsyncExitStack() as stack:
        before = await scrape(door)
        ends = [await stack.enter_async_context(listening(door, f"?topic={topic}")) for topic in ("a", "a", "b")]
        await until(lambda: all(stream.live for stream in node_of(door).hub.streams))
        for number in range(5):
            for topic in ("a", "b"):
                assert (await publish(door, topic=topic, body=b'%d of "%s"' % (number, topic.encode()))).status == 202
        for end in ends:
            await end.read(b"4 of ")
        await until(lambda: not node_of(door).hub._busy)
        found = await scrape(door)
        node, hub = node_of(door), node_of(door).hub
        changed = found.less(before)
        parts = changed["write_events_count"]
        assert 2 <= parts <= 10
        assert {name: value for name, value in changed.items() if "_bucket" not in name and "seconds" not in name} == {
            "streams": 3,
            "streams_opened_total": 3,
            "delivered_total": 15,
            "written_bytes_total": sum(len(end.body) for end in ends),
            "writes_total": hub.writes,
            "flushes_total": found["flush_seconds_count"],
            "write_events_count": parts,
            "write_events_sum": 10,
            "signals_total": 10,
            "publishes_total accepted": 10,
            "published_signals_total": 10,
            "history_events": 10,
            "history_bytes": node.history.size,
        }
        assert found["flush_seconds_count"] == found["lag_seconds_count"]
        assert found["publish_seconds_count"] == found["publish_seconds_bucket +Inf"] == 10
        assert 0 < found["flush_seconds_sum"] <= found["flush_seconds_count"]
        first = node.history.read(node.history.start, node.history.start + 1)[0]
        assert found["history_oldest_timestamp_seconds"] == first.time_ms / 1000
        assert (found["ready"], found["draining"], found["broker_up"], found["broker_lag_records"]) == (1, 0, 1, 0)
        assert (found["streams_limit"], found["history_events_limit"]) == (10_000, HistoryLimits().count)
        assert found["history_bytes_limit"] == HistoryLimits().size
        assert found["history_age_limit_seconds"] == HistoryLimits().age


async def test_who_falls_behind_and_catches_up() -> None:
    """Each fall, each return and each piece that is read for it counts; a scrape sees who is behind meanwhile."""
    async with foreign() as door, listening(door, "?topic=a") as one, listening(door, "?topic=a") as two:
        hub = node_of(door).hub
        await until(lambda: all(stream.live for stream in hub.streams))
        before = await scrape(door)
        assert (before["fell_behind_total"], before["catch_ups_total"], before["streams_behind"]) == (0, 0, 0)
        turnstile = node_of(door).turnstile
        with mock.patch.object(turnstile, "enter"):
            hub.all_behind()
            await publish(door)
            during = await scrape(door)
        assert during.less(before)["streams_behind"] == during.less(before)["fell_behind_total"] == 2
        for stream in hub.streams:
            turnstile.enter(stream)
        for end in (one, two):
            await end.read(b"hello")
        await until(lambda: all(stream.live for stream in hub.streams))
        with mock.patch.object(type(turnstile), "__len__", return_value=5):
            changed = (await scrape(door)).less(before)
        assert changed["fell_behind_total"] == changed["catch_ups_total"] == 2
        assert changed["catch_up_pieces_total"] == 1
        assert changed["delivered_total"] == 2
        assert changed["streams_waiting"] == 5
        assert not {"streams_behind", "writes_total"} & changed.keys()


async def test_each_end_of_a_stream_has_its_reason() -> None:
    """Every reason on the list, and one that is on none; nothing that is open counts as closed."""
    async with foreign() as door, listening(door, "?topic=a"):
        before = await scrape(door)
        known = [reason for reason in CLOSED if reason != OTHER]
        for reason in (*known, f"{HOSTILE}\n"):
            async with listening(door, "?topic=b") as end:
                (stream,) = [each for each in door.service.site.sweep.streams if "b" in each.filters]  # type: ignore[union-attr]
                stream.end(reason)
                await end.finish()
        await until(lambda: door.service.streams == 1)
        changed = (await scrape(door)).less(before)
        assert {name: count for name, count in changed.items() if name.startswith("streams")} == {
            "streams_opened_total": len(CLOSED),
            **{f"streams_closed_total {reason}": 1 for reason in CLOSED},
        }
        assert (await ask(door.url, request("GET", "/signals/stream?poll=1"))).status == 200
        assert (await scrape(door))["streams_closed_total complete"] == 2


async def test_gaps_and_holes_have_their_reasons() -> None:
    """Streams that come with ids of which something is missing, of no log, and of the future; and a log with a hole."""
    async with foreign() as door:
        ids = [(await publish(door)).json["id"] for _ in range(3)]
        history = node_of(door).history
        history._limits = HistoryLimits(count=1)
        ids.append((await publish(door)).json["id"])
        for last, times in ((ids[0], 1), ("zzzzzzzzzz-1", 2), (f"{ids[0].partition('-')[0]}-99", 3)):
            for _ in range(times):
                async with listening(door, "?topic=a", f"Last-Event-ID: {last}") as end:
                    await end.read(b"event: signals.gap")
        node_of(door).holes += 1
        found = await scrape(door)
        assert {reason.value: found[f"gaps_total {reason}"] for reason in GapReason} == {
            "trimmed": 1,
            "epoch": 2,
            "unknown-id": 3,
        }
        assert found[f"gaps_total {OTHER}"] == 0
        assert found["holes_total"] == 1


async def test_who_is_sent_away_is_counted_with_the_limit() -> None:
    """A stream, a poll and JSON lines that find the hub full, or their address at its limit: each once in both."""
    async with foreign(limits=Limits(streams=2, streams_per_address=1)) as door, listening(door, "?topic=a"):
        before = await scrape(door)
        async with listening(door, "?topic=a") as away:
            await away.finish()
        assert (await ask(door.url, request("GET", "/signals/stream?poll=1"))).status == 429
        assert (await ask(door.url, request("GET", "/signals/stream", "Accept: application/x-ndjson"))).status == 429
        changed = (await scrape(door)).less(before)
        assert changed == {"streams_refused_total address-streams": 3, "limited_total address-streams": 3}
    async with foreign(limits=Limits(streams=1)) as door, listening(door, "?topic=a"):
        before = await scrape(door)
        async with listening(door, "?topic=a") as away:
            await away.finish()
        assert (await ask(door.url, request("GET", "/signals/stream?poll=1"))).status == 503
        changed = (await scrape(door)).less(before)
        assert changed == {"streams_refused_total full": 2, "limited_total full": 2}

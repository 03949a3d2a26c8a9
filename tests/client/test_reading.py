"""What the bytes of a stream mean, written by the hub's own code and cut anywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sse_signals.client.reading import HEARTBEAT, Item, Reading
from sse_signals.client.received import Moved, RemoteEvent
from sse_signals.errors import SignalsGap, UnexpectedAnswer
from sse_signals.identity import ANONYMOUS
from sse_signals.model import EventId, Gap, GapReason, Signal, position
from sse_signals.topics import EVERYTHING
from sse_signals.wire import controls
from sse_signals.wire.formats import SSE_PLAIN
from sse_signals.wire.frames import encode

TIME_MS = 1_769_860_800_123


def place(record: int) -> EventId:
    """Return the id of a record."""
    return EventId("7k2m9xq4", position(record))


def receipt(event_id: EventId | None, heartbeat: float = 5.0) -> bytes:
    """Return the receipt of a stream."""
    return SSE_PLAIN.control(
        controls.receipt(
            stream="s1",
            identity=ANONYMOUS,
            filters=EVERYTHING,
            heartbeat=heartbeat,
            recovered=None,
            event_id=event_id,
            retry_ms=2500,
            time_ms=TIME_MS,
        )
    )


def frame(record: int, **signal: Any) -> bytes:
    """Return an event."""
    return encode(place(record), TIME_MS, Signal(**({"data": b'{"n":1}'} | signal)))


def told(item: Item) -> tuple[Any, ...]:
    """Return an item as a value."""
    match item:
        case Moved():
            return ("moved", item.id)
        case SignalsGap():
            return ("gap", item.reason, item.after, item.resumes_after)
    return (item.id, item.event, item.address, item.message, item.time)


def in_pieces(reading: Reading, data: bytes, size: int) -> list[tuple[Any, ...]]:
    """Read bytes, so many at once."""
    return [told(item) for start in range(0, len(data), size) for item in reading.feed(data[start : start + size])]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_from_its_receipt_to_its_goodbye(size: int) -> None:
    """Each block means the same however it was cut; comments and what a later version may say mean nothing."""
    data = (
        receipt(place(4))
        + SSE_PLAIN.pulse(TIME_MS)
        + frame(5, address="catalog:a", name="named")
        + frame(6, data="\u2028ä".join('""').encode())
        + SSE_PLAIN.control(controls.gap(Gap(GapReason.TRIMMED, place(6)), place(9), TIME_MS))
        + SSE_PLAIN.control(controls.gap(Gap(GapReason.UNKNOWN_ID, None), place(9), TIME_MS))
        + SSE_PLAIN.control(controls.heartbeat(place(11), TIME_MS))
        + b"event: signals.later\ndata: what\n\n"
        + SSE_PLAIN.control(controls.expiring(TIME_MS, TIME_MS))
        + SSE_PLAIN.control(controls.goodbye("shutdown", 4000, TIME_MS))
    )
    reading = Reading(None)
    time = datetime(2026, 1, 31, 12, 0, 0, 123000, UTC)
    assert in_pieces(reading, data, size) == [
        ("moved", "7k2m9xq4-4"),
        ("7k2m9xq4-5", "named", "catalog:a", {"n": 1}, time),
        ("7k2m9xq4-6", "message", None, "\u2028ä", time),
        ("gap", "trimmed", "7k2m9xq4-6", "7k2m9xq4-9"),
        ("gap", "unknown-id", None, "7k2m9xq4-9"),
        ("moved", "7k2m9xq4-11"),
    ]
    assert (reading.stream, reading.heartbeat, reading.retry) == ("s1", 5.0, 4.0)
    assert (reading.expiring, reading.goodbye, reading.last_event_id) == (True, "shutdown", "7k2m9xq4-11")


def test_before_anything_has_come() -> None:
    """The place is the one that was asked for, and heartbeats are as usual."""
    reading = Reading("a-1")
    assert (reading.last_event_id, reading.heartbeat, reading.retry) == ("a-1", HEARTBEAT, None)
    assert (reading.stream, reading.goodbye, reading.expiring) == (None, None, False)
    assert Reading(None).last_event_id is None


def test_a_receipt_before_a_gap_moves_nothing() -> None:
    """A connection that breaks between the two must not hide the gap."""
    reading = Reading("a-1")
    reading.feed(receipt(None))
    assert reading.last_event_id == "a-1"
    assert reading.stream == "s1"


@pytest.mark.parametrize("heartbeat", ["0", "-1", "1e9", '"x"', "null", "true and more"])
def test_a_senseless_heartbeat_is_passed_over(heartbeat: str) -> None:
    """Whoever sends it: the usual one stays."""
    reading = Reading(None)
    reading.feed(b'event: signals.open\ndata: {"stream":"s","heartbeat":%b}\n\n' % heartbeat.encode())
    assert reading.heartbeat == HEARTBEAT
    assert reading.stream is not None


def test_controls_without_sense_do_no_harm() -> None:
    """They are read as far as they can be."""
    reading = Reading(None)
    data = (
        b"event: signals.open\ndata: []\n\nevent: signals.goodbye\ndata: x\n\nevent: signals.gap\nid: a-1\ndata: 7\n\n"
    )
    assert [told(item) for item in reading.feed(data)] == [("moved", ""), ("gap", "", None, "a-1")]
    assert (reading.stream, reading.goodbye) == ("", "unknown")


@pytest.mark.parametrize(
    "data",
    [
        b"data: no json\n\n",
        b"data: 7\n\n",
        b'data: {"time":"2026-01-31T12:00:00.123Z"}\n\n',
        b'data: {"message":1}\n\n',
        b"data: " + b"x" * 1_100_000,
    ],
)
def test_what_no_hub_sends_is_an_error(data: bytes) -> None:
    """To go on would be to lose signals."""
    with pytest.raises(UnexpectedAnswer, match=r"[Ss]omething else"):
        Reading(None).feed(data)


def test_an_event_can_be_shown() -> None:
    """Without its message, which may be long or private."""
    shown = repr(RemoteEvent("a-1", "message", "t", "", "secret"))
    assert shown == "RemoteEvent(id='a-1', address='t', event='message')"

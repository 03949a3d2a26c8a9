from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.model import (
    MAX_BATCH,
    EventId,
    HistoryLimits,
    IdempotencyKey,
    Signal,
    follows,
    position,
)
from sse_signals.wire.frames import event

EPOCHS = st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=8, max_size=32)
RECORDS = st.integers(0, 10**16 - 1)
INDEXES = st.integers(0, 1023)
PLACES = st.tuples(st.integers(0, 5), st.integers(0, 3))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(EPOCHS, RECORDS, INDEXES)
def test_an_id_is_read_as_it_was_written(epoch: str, record: int, index: int) -> None:
    """Every id has one text, and the text says the id."""
    event_id = EventId(epoch, position(record, index))
    assert EventId.parse(str(event_id)) == event_id
    assert str(event_id) == f"{epoch}-{record}" + (f".{index}" if index else "")


@pytest.mark.parametrize(
    "text",
    [
        *["", "-", "abcdefgh", "abcdefgh-", "-1", "abcdefgh--1", "abcdefgh-1-1", "abcdefg-1", "a" * 33 + "-1"],
        *["ABCDEFGH-1", "abcdefgh-01", "abcdefgh-1.0", "abcdefgh-1.01", "abcdefgh-1.1024", "abcdefgh-1."],
        *["abcdefgh-1.1.1", "abcdefgh-" + "9" * 17, "abcdefgh-1\n", " abcdefgh-1", "abcdefgh-1\0", "abcdefgh-+1"],
        *["abcdefgh-\u0661", "abcdefgh-1.\u0661", "abcdefgé-1", "abcdefgh-0x1", "abcdefgh-1e3", "*"],
    ],
)
def test_what_is_no_id_is_none(text: str) -> None:
    """A forged, cut or re-written id is not taken for one, whatever it looks like."""
    assert EventId.parse(text) is None


@given(st.text(max_size=40))
def test_only_what_the_hub_writes_is_read(text: str) -> None:
    """No text but its own is an id's."""
    event_id = EventId.parse(text)
    assert event_id is None or str(event_id) == text


@given(PLACES, PLACES)
def test_positions_sort_like_records_and_indexes(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Positions are in the order of the log."""
    assert (position(*one) < position(*other)) == (one < other)


@given(PLACES, PLACES)
def test_what_follows(earlier: tuple[int, int], later: tuple[int, int]) -> None:
    """The next event is the next of the same record, or the first of the next record; anything else leaves a hole."""
    same_record = later == (earlier[0], earlier[1] + 1)
    next_record = later == (earlier[0] + 1, 0)
    assert follows(position(*earlier), position(*later)) == (same_record or next_record)


def test_a_whole_batch_fits_into_its_record() -> None:
    """The last signal of the largest batch still comes before the next record."""
    assert position(7, MAX_BATCH - 1) < position(8)
    assert EventId.parse(str(EventId("abcdefgh", position(7, MAX_BATCH - 1)))) is not None


MESSAGES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.sampled_from(['"message":1}', "\n\ndata: "]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
    max_leaves=6,
)


@given(MESSAGES, st.none() | TEXT | st.just('"message":'), st.none() | st.sampled_from(["x", "data: {", '"message":']))
def test_a_message_is_read_back_from_its_frame(message: Any, address: str | None, name: str | None) -> None:
    """Whatever stands in address and name, the message is exactly what was published."""
    signal = Signal(orjson.dumps(message), address, name=name)
    made = event(EventId("abcdefgh", position(3, 2)), 1_769_860_800_123, signal)
    assert made.message == message
    assert made.address == address
    assert made.id == "abcdefgh-3.2"


def test_an_event_knows_its_time() -> None:
    """Its time is in UTC, to the millisecond."""
    made = event(EventId("abcdefgh", position(1)), 1_769_860_800_123, Signal(b"1"))
    assert made.time == datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def test_every_call_gives_a_message_of_its_own() -> None:
    """A reader that changes what it got changes nothing for others."""
    made = event(EventId("abcdefgh", position(1)), 0, Signal(b'{"a":[]}'))
    made.message["a"].append(1)
    assert made.message == {"a": []}


def test_an_idempotency_key_tells_a_repeat_from_a_mistake() -> None:
    """Equal requests have equal digests, whatever the order of targets; any other difference shows."""
    signal = Signal(b"1", "a", frozenset({"group:default/a", "group:default/b"}), "x")
    first = IdempotencyKey.of("me", "k", [signal])
    again = IdempotencyKey.of("me", "k", [Signal(b"1", "a", frozenset({"group:default/b", "group:default/a"}), "x")])
    assert first == again
    others = [
        [signal, signal],
        [],
        [Signal(b"2", "a", signal.targets, "x")],
        [Signal(b"1", "b", signal.targets, "x")],
        [Signal(b"1", None, signal.targets, "x")],
        [Signal(b"1", "a", frozenset({"group:default/a"}), "x")],
        [Signal(b"1", "a", frozenset(), "x")],
        [Signal(b"1", "a", None, "x")],
        [Signal(b"1", "a", signal.targets, "y")],
        [Signal(b"1", "a", signal.targets, None)],
    ]
    digests = {IdempotencyKey.of("me", "k", signals).digest for signals in others}
    assert len(digests) == len(others)
    assert first.digest not in digests


def test_the_default_history_is_what_the_documentation_says() -> None:
    """100,000 events, 64 MiB, an hour."""
    assert HistoryLimits() == HistoryLimits(count=100_000, size=64 * 1024 * 1024, age=3600.0)

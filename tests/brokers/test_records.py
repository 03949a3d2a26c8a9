from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.brokers import records
from sse_signals.model import INDEX_MASK, MAX_BATCH, ControlRecord, EventId, Signal, position
from sse_signals.wire.frames import event

EPOCH = "abcdefgh"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=12)
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.lists(TEXT, max_size=3)
SIGNALS = st.builds(
    Signal,
    data=VALUES.map(orjson.dumps),
    address=st.none() | TEXT,
    targets=st.none() | st.frozensets(TEXT, max_size=3),
    name=st.none() | LINE,
)
ONE: dict[str, Any] = {"v": 1, "kind": "signals", "signals": [["a", None, None]]}
NO_SIGNALS: tuple[Any, ...] = (None, 7, [], [None], [[]], [["a"]])
GOOD = records.encode([Signal(b'{"a":1}', "a:b", frozenset({"user:default/x"}), "created"), Signal(b'"text"')])


def decode(data: bytes) -> Any:
    """Return the events of a record at place 7."""
    return records.decode(data, EPOCH, 7, 1000)


def record(said: Any, *lines: bytes) -> bytes:
    """Return the bytes of a record that says anything."""
    return b"\n".join((orjson.dumps(said), *lines))


@given(st.lists(SIGNALS, min_size=1, max_size=5))
def test_a_record_is_read_as_it_was_written(signals: list[Signal]) -> None:
    """Whatever text stands in messages, addresses, targets and names; each signal has its place in the record."""
    places = [EventId(EPOCH, position(7, index)) for index in range(len(signals))]
    wanted = [event(place, 1000, signal) for place, signal in zip(places, signals, strict=True)]
    assert decode(records.encode(signals)) == wanted
    assert [records.record_of(place.position) for place in places] == [7] * len(places)


@pytest.mark.parametrize("count", [1, 2, MAX_BATCH])
def test_a_batch_is_one_record(count: int) -> None:
    """Up to the largest."""
    events = decode(records.encode([Signal(b"%d" % number, "a") for number in range(count)]))
    assert [each.message for each in events] == list(range(count))
    assert [each.position for each in events] == [position(7, index) for index in range(count)]


def test_equal_requests_are_equal_records() -> None:
    """The order of targets is not an accident."""
    refs = [f"user:default/{number}" for number in range(50)]
    assert records.encode([Signal(b"1", None, frozenset(refs))]) == records.encode(
        [Signal(b"1", None, frozenset(reversed(refs)))]
    )


def test_a_control_record_is_for_nodes_only() -> None:
    """It has its text and its place, and nobody is its target."""
    (control,) = decode(records.encode_control(b'{"revoke":"x"}'))
    assert control == ControlRecord(EPOCH, position(7), 1000, None, frozenset(), b"", b'{"revoke":"x"}')


@pytest.mark.parametrize(
    "data", [records.encode_note("fork", {"epoch": EPOCH}), record({"v": 1, "kind": "later"}, b"anything", b"\xff")]
)
def test_a_kind_that_nobody_knows_has_its_place(data: bytes) -> None:
    """It reaches nobody, and leaves no hole: nodes of two versions follow one log."""
    (passed,) = decode(data)
    assert (passed.epoch, passed.position, passed.targets, passed.frame) == (EPOCH, position(7), frozenset(), b"")
    assert type(passed) is not ControlRecord


@pytest.mark.parametrize("version", [0, 2, 99, "1", None])
def test_a_later_version_is_left_out(version: Any) -> None:
    """Who cannot read it says nothing rather than something wrong."""
    said = orjson.loads(GOOD.split(b"\n")[0])
    assert decode(record(said | {"v": version}, b"1", b"2")) is None


@pytest.mark.parametrize(
    "data",
    [
        *[b"", b"\n", b"\0", b"\xff\xfe", b"null", b"[]", b"7", b'"v"', b"{}", b'{"v":1}', b'{"v":1,"kind":"signals"}'],
        records.encode_control(b"1").split(b"\n")[0],
        *[record({"v": 1, "kind": "signals", "signals": said}, b"1") for said in NO_SIGNALS],
        *[
            record({"v": 1, "kind": "signals", "signals": [said]}, b"1")
            for said in (
                *[["a", None, None, None], [7, None, None], [["a"], None, None], [{}, None, None]],
                *[["a", 7, None], ["a", "text", None], ["a", {}, None], ["a", [[]], None], ["a", None, 7]],
                *[["a", None, []], "abc"],
            )
        ],
        *[record(ONE, line) for line in (b"", b"{", b"\xff", b"1 2")],
        record(ONE, b'{"a":\r1}'),
        record(ONE),
        record(ONE, b"1", b"2"),
        record(ONE | {"signals": [["a", None, None]] * (INDEX_MASK + 2)}, *[b"1"] * (INDEX_MASK + 2)),
    ],
)  # fmt: skip
def test_a_record_that_is_broken_is_left_out(data: bytes) -> None:
    """It raises nothing, or nobody would get what comes after it; and no stream gets half of it."""
    assert decode(data) is None


@given(st.binary(max_size=60) | st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=4)))
def test_no_bytes_do_harm(what: bytes | tuple[int, bytes]) -> None:
    """Neither any bytes, nor those of a good record in which some are overwritten: what is read can be written on."""
    data = what if isinstance(what, bytes) else GOOD[: what[0]] + what[1] + GOOD[what[0] + len(what[1]) :]
    for each in decode(data) or ():
        assert each.position >> 10 == 7
        assert each.frame == b"" or each.message is not NotImplemented
        hash((each.address, each.targets))

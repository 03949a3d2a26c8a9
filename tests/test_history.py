from __future__ import annotations

import gc
import sys
import weakref
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sse_signals.history import BLOCK, History
from sse_signals.model import Event, EventId, HistoryLimits, Signal, Tail, position
from sse_signals.wire.frames import event

EPOCH = "abcdefgh"
LOOSE = HistoryLimits(10**9, 2**40, 10**9)


def make(record: int, index: int = 0, *, time_ms: int = 1000, data: bytes = b"1", epoch: str = EPOCH) -> Event:
    """Return an event at a place in the log."""
    return event(EventId(epoch, position(record, index)), time_ms, Signal(data, "topic"))


def history(limits: HistoryLimits = LOOSE, *, floor: int = 0) -> History:
    """Return a history that holds nothing."""
    return History(limits, EventId(EPOCH, position(floor)))


def cost() -> int:
    """Return what one event of `make` counts against the limit of bytes."""
    held = history()
    held.append(make(1))
    return held.size


@dataclass
class Model:
    """What a history holds, as a plain list, with everything that was ever appended."""

    all: list[Event] = field(default_factory=list)
    first: int = 0

    @property
    def held(self) -> list[Event]:
        return self.all[self.first :]


class HistoryAgainstList(RuleBasedStateMachine):
    """A history answers as a list would from which the oldest are taken by count, bytes and age."""

    @initialize(count=st.integers(1, 6), size=st.integers(300, 2000), age=st.integers(1, 5), floor=st.integers(0, 3))
    def start(self, count: int, size: int, age: int, floor: int) -> None:
        self.limits = HistoryLimits(count, size, age)
        self.floor = position(floor)
        self.history = History(self.limits, EventId(EPOCH, self.floor))
        self.model = Model()
        self.head = self.floor
        self.now = 10_000
        self.offset = 0

    @rule(next_record=st.booleans(), data=st.integers(0, 400), later=st.integers(0, 1500))
    def append(self, next_record: bool, data: int, later: int) -> None:
        self.now += later
        record, index = self.head >> 10, self.head & 1023
        fits = index < 3 and self.head > position(record)  # a record's first event always has index 0
        place = (record + 1, 0) if next_record or not fits else (record, index + 1)
        made = make(*place, time_ms=self.now, data=b"1" * (data + 1))
        self.history.append(made)
        self.model.all.append(made)
        self.head = made.position
        while len(self.model.held) > self.limits.count or (
            len(self.model.held) > 1
            and sum(300 + len(e.frame) + len("topic") for e in self.model.held) > self.limits.size
        ):
            self.model.first += 1

    @rule(later=st.integers(0, 4000))
    def trim(self, later: int) -> None:
        self.now += later
        self.history.trim(self.now)
        while self.model.held and self.model.held[0].time_ms < self.now - self.limits.age * 1000:
            self.model.first += 1

    @rule(keep=st.integers(0, 3))
    def load(self, keep: int) -> None:
        """Start anew with the newest events, as a node does that lost its place."""
        kept = self.model.held[len(self.model.held) - keep :] if keep else []
        keep = len(kept)
        before = self.model.all[: len(self.model.all) - keep]
        self.floor = before[-1].position if before else self.floor
        end = self.history.end
        self.history.load(Tail(EventId(EPOCH, self.floor), kept))
        assert self.history.start == end  # sequence numbers are never used again
        self.offset = end
        self.model = Model(list(kept))
        self.head = kept[-1].position if kept else self.floor

    @rule(distance=st.integers(-3000, 3000))
    def find(self, distance: int) -> None:
        wanted = max(0, self.head + distance)
        after = [e for e in self.model.held if e.position > wanted]
        assert self.history.find(wanted) == self.history.end - len(after)

    @rule(ago=st.integers(-1000, 8000))
    def since(self, ago: int) -> None:
        later = [e for e in self.model.held if e.time_ms >= self.now - ago]
        assert self.history.since(self.now - ago) == self.history.end - len(later)

    @rule(low=st.integers(-3, 20), length=st.integers(-2, 20))
    def read(self, low: int, length: int) -> None:
        sequence = self.offset + low
        numbered = [(self.offset + n, e) for n, e in enumerate(self.model.all) if n >= self.model.first]
        expected = [e for n, e in numbered if sequence <= n < sequence + length]
        assert list(self.history.read(sequence, sequence + length)) == expected

    @invariant()
    def says_what_it_holds(self) -> None:
        if not hasattr(self, "history"):
            return
        held, model = self.model.held, self.model
        assert len(self.history) == len(held)
        assert self.history.end - self.history.start == len(held)
        assert self.history.size == sum(300 + len(e.frame) + len("topic") for e in held)
        assert self.history.head == self.head
        dropped = model.all[model.first - 1] if model.first else None
        assert self.history.floor == (dropped.position if dropped else self.floor)
        if dropped:
            assert self.history.floor_ms == dropped.time_ms
        elif held:
            assert self.history.floor_ms == (held[0].time_ms if self.floor else 0)
        for number, e in enumerate(held):
            sequence = self.history.start + number
            before = held[number - 1].position if number else self.history.floor
            assert self.history.position_before(sequence) == before
            assert self.history.find(e.position) == sequence + 1


TestHistoryAgainstList = HistoryAgainstList.TestCase
TestHistoryAgainstList.settings = settings(max_examples=150, stateful_step_count=30)


def test_only_what_follows_is_appended() -> None:
    """An event that leaves a hole, comes again, or is of another log is refused, and nothing changes."""
    held = history()
    held.append(make(1))
    for wrong in (make(1), make(3), make(1, 2), make(2, 1), make(2, epoch="zyxwvuts")):
        with pytest.raises(ValueError, match="does not follow"):
            held.append(wrong)
    held.append(make(1, 1))
    held.append(make(2))
    assert [e.id for e in held.read(0, 9)] == ["abcdefgh-1", "abcdefgh-1.1", "abcdefgh-2"]


def test_whichever_limit_is_reached_first_trims() -> None:
    """Count, bytes and age each bound what is held."""
    by_count, by_size, by_age = history(HistoryLimits(3, 2**40, 10**9)), None, history(HistoryLimits(99, 2**40, 2))
    by_size = history(HistoryLimits(99, cost() * 3, 10**9))
    for record in range(1, 8):
        for held in (by_count, by_size, by_age):
            held.append(make(record, time_ms=record * 1000))
    assert [len(by_count), len(by_size)] == [3, 3]
    by_age.trim(7000)
    assert [e.position >> 10 for e in by_age.read(0, 99)] == [5, 6, 7]
    assert by_age.floor == position(4)


def test_one_event_larger_than_the_history_is_still_held() -> None:
    """The newest event is never dropped for its size alone: live streams that fall behind need it."""
    held = history(HistoryLimits(10, 10, 10**9))
    held.append(make(1))
    held.append(make(2, data=b"1" * 1000))
    assert [e.id for e in held.read(0, 9)] == ["abcdefgh-2"]
    assert held.floor == position(1)


def test_a_trimmed_event_is_freed_at_once() -> None:
    """Memory is given back when an event is trimmed, not when the list is next put in order."""

    class Weak(Event):
        __slots__ = ("__weakref__",)

    held = history(HistoryLimits(1, 2**40, 10**9))
    first = make(1)
    tracked = Weak(first.epoch, first.position, first.time_ms, first.address, first.targets, first.frame)
    gone = weakref.ref(tracked)
    held.append(tracked)
    del tracked
    held.append(make(2))
    gc.collect()
    assert gone() is None


def test_nothing_changes_when_the_list_is_put_in_order() -> None:
    """Ten thousand trimmed events later, sequence numbers, positions and contents still agree."""
    held = history(HistoryLimits(10, 2**40, 10**9))
    for record in range(1, 10_001):
        held.append(make(record, time_ms=record))
    assert (held.start, held.end) == (9990, 10_000)
    assert [e.position >> 10 for e in held.read(0, 10_000)] == list(range(9991, 10_001))
    assert held.find(position(9995)) == 9995
    assert held.since(9995) == 9994
    assert held.position_before(9995) == position(9995)
    assert held.position_before(5) == held.floor == position(9990)
    assert len(held._events) < 9000, "what was trimmed does not pile up"


def test_it_knows_which_addresses_occur_in_a_block() -> None:
    """Each once, also in the block that still grows; those of trimmed blocks and of a lost log are forgotten."""
    held = history(HistoryLimits(BLOCK * 2, 2**40, 10**9))
    for record in range(1, BLOCK + 3):
        address = ("a", None)[record % 2] if record <= BLOCK else f"t{record - BLOCK}"
        held.append(event(EventId(EPOCH, position(record)), 1, Signal(b"1", address)))
        assert len(list(held.addresses(record - 1))) == len(set(held.addresses(record - 1)))
    assert set(held.addresses(0)) == set(held.addresses(BLOCK - 1)) == {"a", None}
    assert set(held.addresses(BLOCK)) == {"t1", "t2"}
    for record in range(BLOCK + 3, BLOCK * 5 + 1):
        held.append(event(EventId(EPOCH, position(record)), 1, Signal(b"1", "b")))
        held.addresses(record - 1)
    assert not set(held.addresses(0))
    assert set(held.addresses(BLOCK * 4)) == {"b"}
    assert len(held._addresses) == 2, "what was trimmed does not pile up"
    held.load(Tail(EventId(EPOCH, position(9))))
    assert not set(held.addresses(BLOCK * 4))


def test_loading_takes_over_epoch_and_floor() -> None:
    """A new log takes the place of the old one, even an empty one, and the sequence goes on."""
    held = history()
    held.append(make(1))
    held.load(Tail(EventId("zyxwvuts", position(40)), [make(41, epoch="zyxwvuts")]))
    assert (held.epoch, held.floor, held.head, len(held)) == ("zyxwvuts", position(40), position(41), 1)
    held.load(Tail(EventId("qqqqqqqq", position(7))))
    assert (held.epoch, held.floor, held.head, held.size) == ("qqqqqqqq", position(7), position(7), 0)
    assert held.start == held.end == 2


def test_loading_begins_after_the_last_hole() -> None:
    """A record that the log does not hold any more keeps no node from starting; an event of another log does."""
    held = history()
    held.load(Tail(EventId(EPOCH, position(2)), [make(3), make(5), make(8), make(9)]))
    assert [each.position for each in held.read(0, held.end)] == [position(8), position(9)]
    assert (held.floor, held.head, len(held)) == (position(8) - 1, position(9), 2)
    with pytest.raises(ValueError, match="does not follow"):
        held.load(Tail(EventId(EPOCH, position(2)), [make(3), make(5, epoch="zyxwvuts")]))


def test_targets_and_addresses_count() -> None:
    """What an event holds besides its frame counts against the limit of bytes."""
    plain, targeted = history(), history()
    plain.append(event(EventId(EPOCH, position(1)), 1, Signal(b"1")))
    targeted.append(event(EventId(EPOCH, position(1)), 1, Signal(b"1", None, frozenset({"group:default/a"}))))
    targets = frozenset({"group:default/a"})
    held = sys.getsizeof(targets) + sum(map(sys.getsizeof, targets))
    assert held <= targeted.size - plain.size <= 2 * held

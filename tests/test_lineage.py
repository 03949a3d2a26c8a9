from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.lineage import MAX_FORKS, Lineage

FIRST = "epoch000"
# How many records are appended, and how many of the newest are lost then.
LIVES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=8)


@dataclass(frozen=True)
class Record:
    """A record that is like no other, with the id that it got."""

    epoch: str
    position: int


@dataclass
class Log:
    """A log that loses records: what it holds, and everything that it held in the time of each epoch."""

    records: tuple[Record, ...]
    lineage: Lineage
    held: dict[str, tuple[Record, ...]]


def log(life: list[tuple[int, int]]) -> Log:
    """Let a log live: append, lose, go on with a new epoch, and so on."""
    numbers = count(1)
    lineage = Lineage(FIRST)
    records: list[Record] = []
    held: dict[str, tuple[Record, ...]] = {}
    for appended, lost in [*life, (3, 0)]:
        records += [Record(lineage.epoch, len(records) + n) for n in range(1, appended + 1)]
        held[lineage.epoch] = tuple(records)
        if lost:
            del records[max(0, len(records) - lost) :]
            lineage = lineage.fork(f"epoch{next(numbers):03}", len(records))
    held.setdefault(lineage.epoch, tuple(records))
    return Log(tuple(records), lineage, held)


@given(LIVES)
def test_every_record_keeps_the_epoch_in_which_it_got_its_id(life: list[tuple[int, int]]) -> None:
    """However often the log forked, before and after a place or below earlier forks."""
    lived = log(life)
    assert [lived.lineage.epoch_at(record.position) for record in lived.records] == [r.epoch for r in lived.records]
    assert lived.lineage.epoch_at(len(lived.records) + 1) == lived.lineage.epoch


@given(LIVES)
def test_an_id_means_the_same_up_to_the_last_place_that_is_shared(life: list[tuple[int, int]]) -> None:
    """What was at a place in the time of an epoch is there still, up to the shared place, and not beyond."""
    lived = log(life)
    for epoch, held in lived.held.items():
        shared = lived.lineage.shared(epoch)
        if epoch == lived.lineage.epoch:
            assert shared is None
            continue
        assert shared is not None
        assert held[:shared] == lived.records[:shared]
        assert shared == len(held[:shared])
        assert not {record for record in held[shared:] if record.position <= len(lived.records)} & set(lived.records)
    assert lived.lineage.shared("another1") is None


@given(LIVES)
def test_the_present_epoch_began_where_the_log_was_cut_last(life: list[tuple[int, int]]) -> None:
    """Nothing that came before has the present epoch, and everything after has."""
    lived = log(life)
    began = lived.lineage.began
    assert {r.epoch for r in lived.records if r.position <= began}.isdisjoint({lived.lineage.epoch})
    assert {r.epoch for r in lived.records if r.position > began} == {lived.lineage.epoch}


@given(LIVES)
def test_a_lineage_is_read_as_it_was_written(life: list[tuple[int, int]]) -> None:
    """As JSON."""
    lineage = log(life).lineage
    assert Lineage.from_json(orjson.loads(orjson.dumps(lineage.to_json()))) == lineage


def test_a_log_remembers_so_many_epochs() -> None:
    """Of those that are older nothing is known: their ids count as those of another log."""
    lineage = Lineage(FIRST)
    for number in range(1, MAX_FORKS + 3):
        lineage = lineage.fork(f"epoch{number:03}", number * 10)
    assert len(lineage.forks) == MAX_FORKS
    assert lineage.shared(FIRST) is None
    assert lineage.shared("epoch001") is None
    assert lineage.shared("epoch002") == 30
    assert lineage.shared(f"epoch{MAX_FORKS + 1}") == lineage.began == MAX_FORKS * 10 + 20


@pytest.mark.parametrize(
    "value",
    [
        *[None, [], {}, "text", 7, {"epoch": "abcdefgh"}, {"forks": []}, {"epoch": "abcdefgh", "forks": None}],
        *[
            {"epoch": "abcdefgh", "forks": forks}
            for forks in ([1], [["a"]], [["a", 1, 2]], [["a", "x"]], [["a", None]])
        ],
    ],
)
def test_what_is_no_lineage_is_refused(value: Any) -> None:
    """With the one error that says so."""
    with pytest.raises(ValueError):  # noqa: PT011 - the reasons are as different as the values
        Lineage.from_json(value)

"""What a node remembers of a shared log."""

from __future__ import annotations

from sse_signals.brokers.redis_known import KnownRecords, up_to
from sse_signals.lineage import Lineage
from tests.brokers.redis_records import NEW, OLD, OTHER, end, known


def test_records_are_remembered_in_order() -> None:
    """Whoever tells of them, once or twice, one before the other or not."""
    remembered = known(Lineage(OLD), (1, 10), (4, 40), (2, 20), (4, 40), (3, 30), (1, 10))
    assert remembered.copy() == [(1, 10), (2, 20), (3, 30), (4, 40)]
    assert up_to(remembered.copy(), end(2)) == [(1, 10), (2, 20)]
    assert remembered.top == 4


def test_records_of_another_epoch_are_not_remembered() -> None:
    """Who tells of them has not heard yet that it is over."""
    remembered = KnownRecords()
    remembered.saw(OLD, 1, 10)
    assert remembered.top == 0
    remembered.adopt(Lineage(NEW, ((OLD, 0),)))
    remembered.saw(OLD, 1, 10)
    assert remembered.top == 0


def test_memory_is_bounded() -> None:
    """The newest are all there, the older ones the thinner the older they are, and always some."""
    remembered = known(Lineage(OLD), *((record, record) for record in range(1, 200_001)))
    records = [record for record, _ in remembered.copy()]
    assert len(records) <= 20_000
    assert records[-10_000:] == list(range(190_001, 200_001))
    assert records == sorted(set(records))
    assert records[0] == 1
    remembered.saw(OLD, 2, 2)
    assert len(remembered.copy()) == len(records), "what was dropped does not come back"
    remembered.adopt(Lineage(NEW, ((OLD, end(50)),)))
    assert remembered.top <= 50
    remembered.saw(NEW, 51, 51)
    assert remembered.top == 51


def test_what_is_not_shared_is_forgotten() -> None:
    """Records that are lost, and all of another log; news that come late change nothing."""
    remembered = known(Lineage(OLD), (1, 10), (2, 20), (3, 30))
    remembered.adopt(Lineage(NEW, ((OLD, end(2)),)))
    assert remembered.top == 2
    remembered.adopt(Lineage(OLD))
    assert (remembered.lineage, remembered.top) == (Lineage(NEW, ((OLD, end(2)),)), 2)
    remembered.adopt(Lineage(OTHER))
    assert (remembered.lineage, remembered.top) == (Lineage(OTHER), 0)

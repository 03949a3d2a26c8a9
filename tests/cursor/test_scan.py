from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sse_signals.cursor.scan import PIECE_BYTES, SKIP, block_end, scan, scan_back
from sse_signals.history import BLOCK, History
from sse_signals.identity import ANONYMOUS, Identity, entitled
from sse_signals.model import Event, EventId, HistoryLimits, Signal, position
from sse_signals.topics import EVERYTHING, Filters
from sse_signals.wire.frames import event

OWNER = Identity("user:default/x", frozenset({"group:default/a"}))
TARGETS = st.sampled_from([None, None, frozenset(), frozenset({"group:default/a"}), frozenset({"group:default/b"})])
SIGNALS = st.lists(st.builds(Signal, st.just(b"1"), st.sampled_from(["a", "b", None]), TARGETS), max_size=12)
FILTERS = st.sampled_from([EVERYTHING, Filters.parse(["a"]), Filters.parse(["b", "c*"])])
IDENTITIES = st.sampled_from([ANONYMOUS, OWNER])


def filled(signals: list[Signal], *, count: int = 10**6) -> History:
    """Return a history of these signals, the newest ``count`` of them held."""
    history = History(HistoryLimits(count=count), EventId("abcdefgh", 0))
    for record, signal in enumerate(signals, 1):
        history.append(event(EventId("abcdefgh", position(record)), record, signal))
    return history


def wanted(history: History, filters: Filters, identity: Identity) -> list[Event]:
    """Return what a reader of the whole history gets, one event after the other."""
    events = history.read(history.start, history.end)
    return [e for e in events if filters.match(e.address) and entitled(identity, e.targets)]


@given(SIGNALS, FILTERS, IDENTITIES, st.integers(1, 12), st.integers(1, 5))
def test_pieces_together_are_the_history_as_seen(
    signals: list[Signal], filters: Filters, identity: Identity, count: int, step: int
) -> None:
    """However it is cut into pieces, a reader gets each event it asks for and may have, once, in order."""
    history = filled(signals, count=count)
    sequence = history.start
    got: list[Event] = []
    while sequence < history.end:
        piece = scan(history, filters, sequence, min(history.end, sequence + step))
        assert piece.end > sequence
        assert piece.position == history.position_before(piece.end)
        got += piece.events(identity)
        sequence = piece.end
    assert got == wanted(history, filters, identity)


@given(SIGNALS, FILTERS, IDENTITIES, st.integers(1, 12), st.integers(0, 12))
def test_looking_back_finds_the_last_so_many(
    signals: list[Signal], filters: Filters, identity: Identity, count: int, last: int
) -> None:
    """What follows the place found are exactly the last events asked for and allowed, or all there are."""
    history = filled(signals, count=count)
    sequence, missing = scan_back(history, filters, identity, history.end, last)
    everything = wanted(history, filters, identity)
    got = scan(history, filters, sequence, history.end).events(identity)
    assert list(got) == (everything[-last:] if last else [])
    assert missing == max(0, last - len(everything))


def test_looking_back_goes_one_block_at_a_time() -> None:
    """A search for what is rare is bounded, and goes on where it stopped."""
    history = filled([Signal(b"1", "a"), *[Signal(b"1", "b")] * (BLOCK * 2)])
    steps = []
    sequence, missing = history.end, 1
    while missing and sequence > history.start:
        sequence, missing = scan_back(history, Filters.parse(["a"]), ANONYMOUS, sequence, missing)
        steps.append(sequence)
    assert steps == [BLOCK * 2, BLOCK, 0]
    assert missing == 0
    assert scan_back(history, EVERYTHING, ANONYMOUS, history.end, 0) == (history.end, 0)


def test_blocks_end_at_the_same_places_for_everybody() -> None:
    """Readers that start anywhere soon read the same pieces, and share their bytes."""
    assert [block_end(s, 10**6) for s in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1)] == [BLOCK] * 3 + [BLOCK * 2] * 2
    assert block_end(5, 7) == 7


def test_a_piece_is_bounded_in_bytes() -> None:
    """Large frames make shorter pieces, and one frame over the limit is a piece of its own."""
    history = filled([Signal(b"1" * size) for size in (10, PIECE_BYTES * 2, 10, PIECE_BYTES // 2, PIECE_BYTES // 2)])
    sequence, sizes = 0, []
    while sequence < history.end:
        piece = scan(history, EVERYTHING, sequence, history.end)
        sizes.append(len(piece.public))
        sequence = piece.end
    assert sizes == [1, 1, 2, 1]


def test_a_piece_ends_with_its_block() -> None:
    """However far a reader may go, what is found is read one block at a time."""
    history = filled([Signal(b"1", "a")] * (BLOCK + 1))
    assert scan(history, EVERYTHING, 0, history.end).end == BLOCK
    assert scan(history, EVERYTHING, BLOCK, history.end).end == BLOCK + 1


def test_blocks_that_hold_nothing_are_one_piece() -> None:
    """A reader goes on where the first block begins that holds something, or at the end, but not too far at once."""
    history = filled([*[Signal(b"1", "b")] * (BLOCK * 3), Signal(b"2", "a")])
    rare, never = Filters.parse(["a"]), Filters.parse(["c"])
    assert [scan(history, rare, n, history.end).end for n in (0, 5, BLOCK * 3)] == [BLOCK * 3, BLOCK * 3, history.end]
    assert scan(history, never, 0, history.end).end == history.end
    assert scan(history, never, 0, BLOCK + 1).end == BLOCK + 1
    long = filled([Signal(b"1", "b")] * (BLOCK * (SKIP + 2)))
    assert scan(long, never, 0, long.end).end == BLOCK * SKIP // 2  # one look and one address a block


def test_what_others_get_takes_no_room_in_a_piece() -> None:
    """Events that are not asked for do not make a piece smaller."""
    history = filled([Signal(b"1" * PIECE_BYTES, "b"), Signal(b"1" * PIECE_BYTES, "b"), Signal(b"2", "a")])
    piece = scan(history, Filters.parse(["a"]), 0, history.end)
    assert [e.message for e in piece.public] == [2]
    assert piece.end == 3

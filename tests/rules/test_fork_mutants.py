"""What the model notices when a log that lost its newest records is followed in a wrong way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from sse_signals.cursor import start
from sse_signals.cursor.node import Node
from sse_signals.cursor.start import Opening
from sse_signals.history import History
from sse_signals.hub.hub import Hub
from sse_signals.model import INDEX_MASK, EventId, Fork, Gap, GapReason, Tail
from tests.rules.test_mutants import first_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.hub.stream import Stream
    from sse_signals.lineage import Lineage

fork = Node.fork
fork_history = History.fork
lose_place = Node._lose_place
resume = start._resume


def tell_nobody(_node: Node, stream: Stream, _epoch: str, _place: int) -> None:
    """Streams that have read what is lost keep their position, which now is that of other records."""
    stream.until = None if stream.until is None else stream.pos


def tell_nobody_and_move(_node: Node, stream: Stream, _epoch: str, place: int) -> None:
    """Streams that have read what is lost go on at the right place, but are not told."""
    stream.pos = place
    stream.until = None if stream.until is None else place


def go_on_at_the_oldest(node: Node, stream: Stream, epoch: str, _place: int) -> None:
    """Streams are given again what they have and what is not lost."""
    lose_place(node, stream, epoch, node.history.floor)


def go_on_at_this_nodes_head(node: Node, stream: Stream, epoch: str, _place: int) -> None:
    """Streams on a node that has yet to read up to the fork are given again what they have."""
    lose_place(node, stream, epoch, node.history.head)


def take_it_for_another_log(node: Node, news: Fork) -> None:
    """Everybody is told of a gap, also who has nothing to do with what is lost."""
    node._lose(Tail(EventId(news.epoch, news.position), lineage=news.lineage), went_on=False)


def leave_the_flush_waiting(node: Node, news: Fork) -> None:
    """What is lost waits for the next flush, and is written after the streams were told that it is lost."""
    with mock.patch.object(Hub, "finish"):
        fork(node, news)


def leave_polls(node: Node, news: Fork) -> None:
    """Who polls waits for a place that is lost, or that no event has."""
    polls = {stream: stream.until for stream in node.hub.streams if stream.until is not None}
    fork(node, news)
    for stream, until in polls.items():
        stream.until = min(until, node.history.head | INDEX_MASK)


def keep_what_is_lost(history: History, lineage: Lineage, last: int) -> None:
    """Lost records stay in the history of a node."""
    fork_history(history, lineage, max(history.head, last))


def trust_every_epoch(history: History, event_id: EventId) -> bool:
    """An id of an epoch that is known counts, though its record is lost."""
    return event_id.epoch == history.epoch or history.lineage.shared(event_id.epoch) is not None


def resume_at_the_oldest(history: History, event_id: EventId | None, log_head: EventId | None) -> Opening:
    """Who resumes after a lost record is given again what they have."""
    how = resume(history, event_id, log_head)
    if how.gap is not None and how.gap.reason == GapReason.EPOCH:
        return Opening(history.floor, Gap(GapReason.EPOCH, event_id), recovered=False, event_id=event_id)
    return how


MUTANTS: list[tuple[type | object, str, Callable[..., Any]]] = [
    (Node, "_lose_place", tell_nobody),
    (Node, "_lose_place", tell_nobody_and_move),
    (Node, "_lose_place", go_on_at_the_oldest),
    (Node, "_lose_place", go_on_at_this_nodes_head),
    (Node, "fork", take_it_for_another_log),
    (Node, "fork", leave_the_flush_waiting),
    (Node, "fork", leave_polls),
    (History, "fork", keep_what_is_lost),
    (start, "_means_the_same", trust_every_epoch),
    (start, "_resume", resume_at_the_oldest),
]


@pytest.mark.parametrize(("owner", "name", "mutant"), MUTANTS, ids=[mutant[2].__name__ for mutant in MUTANTS])
def test_the_model_notices_what_goes_wrong_at_a_fork(owner: object, name: str, mutant: Callable[..., Any]) -> None:
    """With one thing done wrong, some of the lives that are exact without it end in a fault."""
    found = first_fault(mock.patch.object(owner, name, mutant))
    print(f"{mutant.__name__}: life {found}")
    assert found is not None

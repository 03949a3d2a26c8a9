"""The model is worth something only if it notices: with any one rule taken out, it must find a fault."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from sse_signals.cursor import start
from sse_signals.cursor.node import Node
from sse_signals.hub.bodies import Bodies
from sse_signals.hub.groups import group_of
from sse_signals.hub.hub import Hub
from sse_signals.hub.stream import Stream
from sse_signals.model import ControlRecord, Event, EventId, Tail
from tests.rules.drive import live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sse_signals.cursor.start import Opening
    from sse_signals.history import History
    from sse_signals.hub.groups import Part
    from sse_signals.identity import Identity
    from sse_signals.topics import Filters
    from sse_signals.wire.formats import Format

LIVES = 400  # some rules matter in one of a hundred only

write_parts = Hub._write_parts
write_merged = Hub._write_merged
fall_behind = Hub.fall_behind
take = Node.take
route = Hub.route
resume = start._resume


def append_a_tick_later(node: Node, events: Iterable[Event]) -> None:
    """Without rule a: an event is routed in one tick and reaches the history in another."""
    for event in events:
        waiting = getattr(node, "waiting", node.history.head)
        if event.epoch != node.history.epoch or event.position <= waiting:
            node._hole(event)
        node.hub.route(event)
        node.waiting = event.position  # type: ignore[attr-defined]
        node.hub._pace._scheduler.call_soon(lambda event=event: append_if_next(node.history, event))  # type: ignore[misc]


def append_if_next(history: History, event: Event) -> None:
    try:
        history.append(event)
    except ValueError:
        history.load(Tail(EventId(event.epoch, event.position - 1), [event]))


def write_parts_up_to_now(hub: Hub, parts: Sequence[Part]) -> Iterator[None]:
    """Without rule b: where a flush ends is not fixed when it begins."""
    yield from write_parts(hub, parts)
    for part in parts:
        for stream in part.group.live:
            stream.pos = max(stream.pos, hub.head)


def write_all_own(hub: Hub, stream: Stream, _high: int) -> None:
    """Without rule b: a stream's own events are written although events for its group wait before them."""
    hub._write_merged(stream, (), 1 << 62)
    stream.pos = min(stream.pos, hub.head)


def write_merged_whatever_the_position(hub: Hub, stream: Stream, events: Sequence[Event], high: int) -> None:
    """Without rule c: what a stream has already is written again."""
    before, stream.pos = stream.pos, -1
    write_merged(hub, stream, events, high)
    stream.pos = max(before, stream.pos)


def share_whatever_is_as_long(bodies: Bodies, wire_format: Format, events: Sequence[Event]) -> bytes:
    """Without a care for whose they are: bytes are shared by groups that get as many events, not the same."""
    return bodies._made.setdefault((wire_format, len(events)), wire_format.events(events))


def always_settled(_hub: Hub, stream: Stream) -> bool:
    """Without rule d: a heartbeat promises what has not been written yet."""
    return stream.live


def route_own_for_each_target(hub: Hub, stream: Stream, event: Event) -> None:
    """Without rule e: an event waits once for each of its targets that the stream owns."""
    if stream.filters.match(event.address):
        stream.own.append(event)
        hub._dirty_own[stream] = None


def resume_at_this_nodes_head(history: History, event_id: EventId | None, log_head: EventId | None) -> Opening:
    """Without rule f: an id that is ahead of this node is taken for its head."""
    how = resume(history, event_id, log_head)
    return replace(how, position=min(how.position, history.head))


def go_on_without_a_word(node: Node, event: Event) -> None:
    """Without rule g: nobody is told of a hole in the log."""
    node.hub.finish()
    node.history.load(Tail(EventId(event.epoch, event.position - 1)))
    node.hub.head = event.position - 1
    for stream in node.hub.streams:
        stream.pos = max(stream.pos, node.history.floor)


def write_whatever_is_buffered(stream: Stream, data: bytes) -> bool:
    """Without rule h: the buffer of a reader that does not read grows without end."""
    stream.transport.write(data)
    return True


def forget_what_was_refused(hub: Hub, stream: Stream, _first: int | None = None) -> None:
    """Without rule h: a stream that could not be written is not left at its old position."""
    fall_behind(hub, stream, hub.head + 1)


def write_what_waited_for_another(hub: Hub, stream: Stream, identity: Identity, filters: Filters) -> None:
    """Without a change that takes back: what waits for who a stream was is written to who it is."""
    live, waiting = stream.live, list(stream.own)
    hub._withdraw(stream)
    stream.identity = identity
    move(hub, stream, filters)
    if live:
        hub.join(stream)
        stream.own += waiting
        hub._dirty_own.update(dict.fromkeys([stream] * bool(waiting)))


def stay_in_the_group(hub: Hub, stream: Stream, identity: Identity, filters: Filters) -> None:
    """Without another group: a stream goes on with the bytes of those who may have what it might."""
    if stream.live:
        hub.take_back(stream)
    stream.identity, stream.filters = identity, filters


def forget_what_waited(hub: Hub, stream: Stream, identity: Identity, filters: Filters) -> None:
    """Without a look at what waits: it is lost, even for who may have it before and after."""
    if stream.live:
        stream.pos = hub.head
        hub.fall_behind(stream)
    stream.identity = identity
    move(hub, stream, filters)


def move(hub: Hub, stream: Stream, filters: Filters) -> None:
    hub._groups.leave(group_of(stream))
    stream.filters = filters
    stream.group = hub._groups.enter(stream)


def pass_over_controls(node: Node, events: Iterable[Event]) -> None:
    """Without a place in the log for what nodes tell each other: its position looks like a hole."""
    take(node, [event for event in events if type(event) is not ControlRecord])


def route_controls(hub: Hub, event: Event) -> None:
    """Without a care for whom they are: what nodes tell each other is routed to everybody."""
    route(hub, replace(event, targets=None) if type(event) is ControlRecord else event)


MUTANTS: list[tuple[str, type | object, str, Callable[..., Any]]] = [
    ("a", Node, "take", append_a_tick_later),
    ("b, end", Hub, "_write_parts", write_parts_up_to_now),
    ("b, own", Hub, "_write_own", write_all_own),
    ("c", Hub, "_write_merged", write_merged_whatever_the_position),
    ("sharing", Bodies, "of", share_whatever_is_as_long),
    ("d", Hub, "settled", always_settled),
    ("e", Hub, "_route_own", route_own_for_each_target),
    ("f", start, "_resume", resume_at_this_nodes_head),
    ("g", Node, "_hole", go_on_without_a_word),
    ("h, bound", Stream, "write", write_whatever_is_buffered),
    ("h, position", Hub, "fall_behind", forget_what_was_refused),
    ("change, leak", Hub, "change", write_what_waited_for_another),
    ("change, group", Hub, "change", stay_in_the_group),
    ("change, loss", Hub, "change", forget_what_waited),
    ("control, place", Node, "take", pass_over_controls),
    ("control, reach", Hub, "route", route_controls),
]


def first_fault(patch: AbstractContextManager[object], lives: int = LIVES) -> int | None:
    """Return the first life in which the oracle found a fault, or None."""
    with patch:
        for seed in range(lives):
            try:
                live(seed)
            except AssertionError:
                return seed
    return None


@pytest.mark.parametrize(("rule", "owner", "name", "mutant"), MUTANTS, ids=[mutant[0] for mutant in MUTANTS])
def test_the_model_notices_when_a_rule_is_left_out(
    rule: str, owner: object, name: str, mutant: Callable[..., Any]
) -> None:
    """With one rule taken out, some of the lives that are exact with it end in a fault."""
    found = first_fault(mock.patch.object(owner, name, mutant))
    print(f"rule {rule}: life {found}")
    assert found is not None


def test_the_same_lives_are_exact_with_all_rules() -> None:
    """The faults are the mutants', not the model's."""
    assert first_fault(nullcontext(), LIVES // 5) is None

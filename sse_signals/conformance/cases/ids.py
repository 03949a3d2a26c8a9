"""Ids: names of places in the log, the same for everybody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sse_signals.conformance.cases.sources import INTERPRETING, practice
from sse_signals.conformance.outcome import Case, offered, require
from sse_signals.conformance.stream import resumed

if TYPE_CHECKING:
    from sse_signals.conformance.hub import Hub

_STREAMS: Final = 5
_PUBLISHERS: Final = 4
_EACH: Final = 50  # messages of each publisher
_COUNT: Final = _PUBLISHERS * _EACH


@dataclass(frozen=True, slots=True)
class Crowd:
    """What several streams received of several publishers.

    Attributes:
        told: The ids that the publishers were told, by message.
        came: Ids and messages, for each stream.
    """

    told: dict[str, str]
    came: list[list[tuple[str, Any]]]


async def crowd(hub: Hub) -> Crowd:
    """Publish from several clients at once to several streams."""
    topic, told = hub.topic("crowd"), {}
    streams = [await hub.open(topic) for _ in range(_STREAMS)]

    async def publish(publisher: int) -> None:
        for number in range(_EACH):
            message = f"{publisher}:{number}"
            told[message] = await hub.publish(topic, message)

    try:
        await asyncio.gather(*map(publish, range(_PUBLISHERS)))
        await hub.publish(topic, "last")
        for stream in streams:
            await stream.upto("last")
        pairs = [list(zip((s.last_event_id for s in t.signals), t.messages, strict=True))[:-1] for t in streams]
    finally:
        for stream in streams:
            stream.close()
    return Crowd(told, pairs)


async def _present(hub: Hub) -> str:
    came = (await hub.shared("crowd", crowd)).came[0]
    before = [""] + [event_id for event_id, _ in came]
    without = sum(event_id in {"", before[place]} for place, (event_id, _) in enumerate(came))
    require(not without, f"{without} of {len(came)} messages had none of their own")
    return f"{len(came)} of {len(came)} messages had one"


async def _unique(hub: Hub) -> str:
    came = (await hub.shared("crowd", crowd)).came[0]
    repeated = len(came) - len({event_id for event_id, _ in came})
    require(not repeated, f"{repeated} of {len(came)} messages had the id of another")
    return f"{len(came)} ids for {len(came)} messages"


async def _same(hub: Hub) -> str:
    first, *others = map(dict, (await hub.shared("crowd", crowd)).came)
    differ = sum(other.get(event_id) != message for other in others for event_id, message in first.items())
    require(not differ, f"{differ} messages had other ids on other streams")
    return f"on {_STREAMS} streams"


async def _order(hub: Hub) -> str:
    streams = [[message for _, message in came] for came in (await hub.shared("crowd", crowd)).came]
    for publisher in range(_PUBLISHERS):
        own = [message for message in streams[0] if message.startswith(f"{publisher}:")]
        wrong = resumed([f"{publisher}:{number}" for number in range(_EACH)], own)
        require(wrong is None, f"of one publisher's messages: {wrong}")
    for other in streams[1:]:
        wrong = resumed(streams[0], other)
        require(wrong is None, f"between two streams: {wrong}")
    return f"{_COUNT} messages of {_PUBLISHERS} publishers on {_STREAMS} streams"


async def _answer(hub: Hub) -> str:
    offered(hub.adapter.publish.id, "a publish is answered without one")
    seen = await hub.shared("crowd", crowd)
    wrong = sum(seen.told.get(message) != event_id for event_id, message in seen.came[0])
    require(not wrong, f"{wrong} of {len(seen.came[0])} publishers were told another")
    return "each publisher was told its own"


CASES: Final = (
    Case("ids", "present", "Every message has an id of its own.", INTERPRETING, _present),
    Case("ids", "unique", "No two messages have the same id.", practice("a resume would be at two places"), _unique),
    Case("ids", "same", "A message has the same id on every stream.", practice("clients move between nodes"), _same),
    Case(
        "ids",
        "order",
        "Each stream has each message once, all streams have one order, and it is each publisher's own.",
        practice("what is done twice, or undone first, does harm"),
        _order,
    ),
    Case(
        "ids",
        "answer",
        "A publisher is told the id that the message has on streams.",
        practice("it can listen from there on"),
        _answer,
    ),
)

"""When nothing happens: signs of life that do no harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.conformance.cases.sources import INTERPRETING, NOTES, practice
from sse_signals.conformance.outcome import Case, Failed, offered, require

if TYPE_CHECKING:
    from sse_signals.conformance.hub import Hub


@dataclass(frozen=True, slots=True)
class Quiet:
    """What was seen of a quiet stream.

    Attributes:
        beat: Whether a sign of life came in time.
        names: Names of events that came with it.
        intact: Whether a message after it came unharmed, as the next one.
        twice: Whether the message before it came again after a resume.
    """

    beat: bool
    names: tuple[str, ...] = ()
    intact: bool = False
    twice: bool = False


async def quiet(hub: Hub) -> Quiet:
    """Listen to a stream for which nothing is published for a while."""
    offered(hub.silence, "no longest silence is promised")
    topic = hub.topic("quiet")
    async with hub.stream(topic) as stream:
        await hub.publish(topic, "before")
        await stream.upto("before")
        await hub.publish(hub.topic("other-quiet"), "for others")
        mark, events = len(stream.body), len(stream.events)
        try:
            await stream.until(
                lambda: bytes(stream.body[mark:]).endswith(b"\n"), "a sign of life", (hub.silence or 0) * 1.25 + 1
            )
        except Failed:
            return Quiet(beat=False)
        names, after = tuple(event.event for event in stream.events[events:]), stream.last_event_id
        await hub.publish(topic, "behind")
        try:
            intact = await stream.upto("behind") == ["before"]
        except Failed:
            intact = False
    async with hub.stream(topic, after=after) as stream:
        await hub.publish(topic, "last")
        return Quiet(beat=True, names=names, intact=intact, twice="before" in await stream.upto("last"))


async def _seen(hub: Hub) -> Quiet:
    seen: Quiet = await hub.shared("quiet", quiet)
    return seen


async def _comes(hub: Hub) -> str:
    seen = await _seen(hub)
    require(seen.beat, f"nothing came, although {hub.silence:g} s were promised")
    return f"the event {seen.names[0]}" if seen.names else "a comment"


async def _harmless(hub: Hub) -> str:
    seen = await _seen(hub)
    require(seen.beat, "there was none to look at")
    require("message" not in seen.names, "it fires onmessage")
    require(seen.intact, "the next message came with it, or not at all")
    return "no message, and the next one came unharmed"


async def _place(hub: Hub) -> str:
    seen = await _seen(hub)
    require(seen.beat, "there was none to look at")
    require(not seen.twice, "a resume after it repeats what came before it")
    return "a resume after it repeats nothing"


def _long_enough(hub: Hub) -> float:
    return 2 * (hub.silence or 0)


CASES: Final = (
    Case(
        "heartbeat", "comes", "Something comes before the longest silence is over.", NOTES, _comes, longer=_long_enough
    ),
    Case(
        "heartbeat",
        "harmless",
        "It is no message, and does not touch the next one.",
        INTERPRETING,
        _harmless,
        longer=_long_enough,
    ),
    Case(
        "heartbeat",
        "place",
        "It does not move the place to resume at back.",
        practice("a message would be done twice"),
        _place,
        longer=_long_enough,
    ),
)

"""The hub leaves: streams end in good order, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sse_signals.conformance.cases.sources import MESSAGES, PROCESSING, practice
from sse_signals.conformance.departure import PAUSE, departure, status_of_a_stream
from sse_signals.conformance.outcome import Case, NotTried, require

if TYPE_CHECKING:
    from sse_signals.conformance.departure import Departure
    from sse_signals.conformance.hub import Hub

_BACK: Final = "it is back"


async def _seen(hub: Hub) -> Departure:
    seen: Departure = await hub.shared("drain", departure)
    return seen


async def _prompt(hub: Hub) -> str:
    require((await _seen(hub)).ended, f"streams were still open after {hub.adapter.drain.within:g} s")
    return f"within {hub.adapter.drain.within:g} s"


async def _clean(hub: Hub) -> str:
    seen = await _seen(hub)
    require(seen.ended, "they did not end")
    require(seen.clean, "a response was cut off")
    return "the last chunk, and the end of the connection"


async def _told(hub: Hub) -> str:
    seen = await _seen(hub)
    goodbye = hub.adapter.events.goodbye
    require(not goodbye or goodbye in seen.names, f"the event {goodbye} did not come")
    require(seen.retry, "no time to come back was told")
    return f"{f'the event {goodbye}' if goodbye else 'no word'}, and when to come back"


async def _late(hub: Hub) -> str:
    refused = sorted((await _seen(hub)).late - {0, 200})
    require(not refused, f"a stream was answered with {', '.join(map(str, refused))}: an EventSource never comes back")
    return "200, or no connection"


async def _lost(hub: Hub) -> str:
    seen = await _seen(hub)
    lasts = hub.adapter.drain.lasts
    owed = seen.acknowledged if lasts else seen.acknowledged[: seen.owed]
    came = list(seen.came)
    before = set(owed) - set(came)
    if before and lasts:
        came += await _later(hub, seen, before)
    missing, twice = len(set(owed) - set(came)), len(came) - len(set(came))
    require(not missing, f"{missing} of {len(owed)} acknowledged messages did not come")
    require(not twice, f"{twice} messages came twice")
    return "each message came" + (", the last ones when it was back" if before else "")


async def _later(hub: Hub, seen: Departure, wanted: set[str]) -> list[Any]:
    """Wait for the hub to come back, and return what comes of what is missing, and again.

    Raises:
        NotTried: It does not come back.
    """
    try:
        async with asyncio.timeout(hub.adapter.drain.within):
            status = 0
            while status != 200:
                await asyncio.sleep(PAUSE)
                status = await status_of_a_stream(hub)
    except TimeoutError:
        missing = f"{len(wanted)} of {len(seen.acknowledged)} acknowledged messages had not come"
        raise NotTried(f"{missing}, and it did not come back within {hub.adapter.drain.within:g} s") from None
    async with hub.stream(seen.topic, after=seen.after) as stream:
        await hub.publish(seen.topic, _BACK)
        came = await stream.upto(_BACK)
    return [message for message in came if message in wanted or message in seen.came]


def _long_enough(hub: Hub) -> float:
    return 2 * hub.adapter.drain.within


CASES: Final = (
    Case(
        "drain",
        "prompt",
        "All streams end soon.",
        practice("a deploy waits for the last one"),
        _prompt,
        alone=True,
        longer=_long_enough,
    ),
    Case(
        "drain",
        "clean",
        "Streams end with a whole event, and as HTTP has it.",
        MESSAGES + " 8",
        _clean,
        alone=True,
        longer=_long_enough,
    ),
    Case(
        "drain",
        "lost",
        "What was acknowledged before comes; where the hub claims it, also what was acknowledged until the end.",
        practice("otherwise a 202 means nothing"),
        _lost,
        alone=True,
        longer=_long_enough,
    ),
    Case(
        "drain",
        "told",
        "Streams are told why they end, and when to come back.",
        practice("otherwise all clients come back at once"),
        _told,
        alone=True,
        longer=_long_enough,
    ),
    Case(
        "drain",
        "late",
        "A stream that is opened meanwhile gets 200, or no connection.",
        PROCESSING,
        _late,
        alone=True,
        longer=_long_enough,
    ),
)

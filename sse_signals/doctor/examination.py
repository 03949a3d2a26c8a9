"""One examination, from its first question to the last: what is asked, in which order, and for how long."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sse_signals.doctor.asking import Asker
from sse_signals.doctor.clocks import clocks
from sse_signals.doctor.crossing import crossing
from sse_signals.doctor.entrance import enter
from sse_signals.doctor.facts import usual
from sse_signals.doctor.line import Line
from sse_signals.doctor.target import Requests
from sse_signals.doctor.terms import patience
from sse_signals.doctor.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.doctor.facts import Answer
    from sse_signals.doctor.seen import Seen
    from sse_signals.doctor.target import Target

POLLS: Final = 3
AT_LEAST: Final = 600.0  # seconds; who wants to see rarer heartbeats says so


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an examination shall do.

    Attributes:
        target: Where the hub is.
        topic: What the topics begin with that it uses.
        token: Who asks, or None.
        origin: A page of another origin that shall be allowed, or None.
        seconds: How long streams are watched; it is at least two heartbeats, but not more than ten minutes.
        verify: Whether the certificate has to be valid.
        patience: Seconds to wait for short answers.
        margin: Seconds for which streams are watched beyond two heartbeats.
    """

    target: Target
    topic: str
    token: str | None = field(default=None, repr=False)
    origin: str | None = None
    seconds: float = 35.0
    verify: bool = True
    patience: float = 10.0
    margin: float = 5.0


async def examine(
    wishes: Wishes,
    progress: Callable[[float, float], None] = lambda _done, _whole: None,
    clock: Callable[[], float] = time.monotonic,
    today: Callable[[], float] = time.time,
    stopping: Callable[[], bool] = lambda: False,
) -> Seen:
    """Look at what lies between here and a hub.

    Args:
        wishes: What to do.
        progress: Is told how many seconds have passed, and how many there will be.
        clock: Returns seconds.
        today: Returns seconds since 1970-01-01 UTC.
        stopping: Says whether to end early with what there is.

    Raises:
        NoConnection: The server cannot be reached.
    """
    found = await enter(wishes, clock)
    seen = found.seen
    if not found.inside:
        return seen
    lines = Line(seen.target, verify=found.verify), Line(seen.target, verify=found.verify)
    requests = Requests(seen.target.path, wishes.topic, authorization(wishes.token))
    asker = Asker(lines[0], clock, wishes.patience)
    try:
        polls, times = await clocks(asker, requests, today, POLLS)
        watch = Watch(lines[1], asker, requests, clock, usual(polls), least(seen, usual(polls), wishes.margin))
        await watch.begin()
        rest = asyncio.create_task(_ask_the_rest(asker, requests, seen, wishes.origin))
        try:
            await watch.go_on(wishes.seconds, progress, stopping)
            seen = await rest
        finally:
            rest.cancel()
        return replace(
            await watch.end(seen), polls=polls, clocks=times, protocol=lines[1].protocol or "?", interrupted=stopping()
        )
    finally:
        for line in lines:
            await line.close()


def least(seen: Seen, quick: float, margin: float) -> float:
    """Return the seconds for which streams are watched at least: two heartbeats, but no more than ten minutes.

    Args:
        seen: What has been seen so far.
        quick: Seconds that short answers take; where they are slow, what is late shows later.
        margin: Seconds beyond that.
    """
    return min(max(2 * seen.heartbeat, patience(quick)) + margin, AT_LEAST)


def authorization(token: str | None) -> tuple[tuple[str, str], ...]:
    """Return the header that shows a token."""
    return () if token is None else (("Authorization", f"Bearer {token}"),)


async def _ask_the_rest(asker: Asker, requests: Requests, seen: Seen, origin: str | None) -> Seen:
    """Ask what has nothing to do with time, one after the other."""
    crossed = await crossing(asker, requests, seen.target, origin)
    resume = await _resume(asker, requests, seen.entrance)
    oversized = await asker.try_to(requests.oversized())
    ticket = await asker.try_to(requests.ticket()) if seen.given else None
    return replace(seen, crossing=crossed, resume=resume, oversized=oversized, ticket=ticket, origin=origin)


async def _resume(asker: Asker, requests: Requests, entrance: Answer) -> Answer | None:
    known = next((arrival.id for arrival in reversed(entrance.arrivals) if arrival.id), None)
    return None if known is None else await asker.try_to(requests.poll(after=known))

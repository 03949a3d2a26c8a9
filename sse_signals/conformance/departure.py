"""Watching a hub leave: with streams open, and clients that publish and come as if nothing were."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sse_signals.conformance import strict
from sse_signals.conformance.leaving import leave
from sse_signals.conformance.outcome import Failed, NotTried

if TYPE_CHECKING:
    from sse_signals.conformance.hub import Hub
    from sse_signals.conformance.stream import Stream

PAUSE: Final = 0.01  # seconds between two tries while the hub leaves
_BEFORE: Final = 10  # messages that are published just before


@dataclass(slots=True)
class Departure:
    """What was seen while the hub left.

    Attributes:
        topic: Of the streams that were open.
        owed: How many messages had been acknowledged when it was told to leave.
        acknowledged: Messages that were acknowledged, then and until the end.
        ended: Whether all streams ended in time.
        clean: Whether their responses ended as HTTP has it, each after a whole event.
        names: The names of the hub's own events that came.
        retry: Whether a time to come back was told.
        came: What came on a stream that was open.
        after: The id that it could resume with.
        late: Statuses of streams that were opened meanwhile; 0 where the connection was refused.
    """

    topic: str
    owed: int = 0
    acknowledged: list[str] = field(default_factory=list)
    ended: bool = False
    clean: bool = False
    names: list[str] = field(default_factory=list)
    retry: bool = False
    came: list[Any] = field(default_factory=list)
    after: str = ""
    late: set[int] = field(default_factory=set)


async def departure(hub: Hub) -> Departure:
    """Make the hub leave, and see how it does that.

    Raises:
        NotTried: Nobody knows how to make it leave, or that fails.
    """
    if not hub.drain_command and not hub.adapter.drain.path:
        raise NotTried("give --drain: a command that makes the hub leave")
    seen = Departure(hub.topic("drain"))
    streams = [await hub.open(seen.topic), await hub.open(seen.topic, version="1.0")]
    try:
        await asyncio.gather(*(_publish(hub, seen, number) for number in range(_BEFORE)))
        seen.owed = len(seen.acknowledged)
        await _watch(hub, streams, seen)
    finally:
        for stream in streams:
            stream.close()
    first = streams[0]
    seen.clean = all(s.connection.clean and strict.unended(bytes(s.body)) is None for s in streams)
    seen.names, seen.came, seen.after = first.names, first.messages, first.last_event_id
    seen.retry = first.retry_ms is not None
    return seen


async def status_of_a_stream(hub: Hub) -> int:
    """Return the status that a new stream is answered with; 0 where there is no connection."""
    request = hub.requests.stream(hub.adapter.subscribe, [hub.topic("drain-late")])
    try:
        return (await hub.head(request)).status
    except (Failed, OSError):
        return 0


async def _watch(hub: Hub, streams: list[Stream], seen: Departure) -> None:
    reading = [asyncio.ensure_future(stream.to_the_end()) for stream in streams]
    leaving = asyncio.ensure_future(leave(hub))
    trying = asyncio.ensure_future(_go_on(hub, seen))
    try:
        async with asyncio.timeout(hub.adapter.drain.within):
            await leaving
            await asyncio.gather(*reading)
            seen.ended = True
        # What listens on after its streams have ended must not be rude, either; one that is back at once goes on.
        await asyncio.wait([trying], timeout=hub.patience)
    except TimeoutError:
        pass
    finally:
        for task in (*reading, leaving, trying):
            task.cancel()
        await asyncio.gather(*reading, leaving, trying, return_exceptions=True)


async def _go_on(hub: Hub, seen: Departure) -> None:
    """Publish, and open streams, as clients do that know of nothing, until nobody is there."""
    number = _BEFORE
    while 0 not in seen.late:
        with contextlib.suppress(Failed, OSError):
            await _publish(hub, seen, number)
        number += 1
        seen.late.add(await status_of_a_stream(hub))
        await asyncio.sleep(PAUSE)


async def _publish(hub: Hub, seen: Departure, number: int) -> None:
    await hub.publish(seen.topic, f"{number}")
    seen.acknowledged.append(f"{number}")

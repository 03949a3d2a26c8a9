"""The lookout: sees the streams of this node, and of the others that share its log."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import BrokerUnavailable
from sse_signals.life import letters, orders
from sse_signals.life.beacon import HOLDS, PREFIX, Beacon
from sse_signals.life.errands import Errands
from sse_signals.life.nodes import is_node_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from sse_signals.interfaces import SharedState
    from sse_signals.life.nodes import Nodes
    from sse_signals.life.overview import Overview
    from sse_signals.life.survey import Part
    from sse_signals.service import Service

ASK_EVERY: Final = 10.0  # seconds between two orders to tell, while somebody looks
PATIENCE: Final = 1.0  # seconds that the others have for their first answer, and log and state for any
SETTLED: Final = 0.3  # seconds without another answer, after which who is not known to be there is not waited for
_AGAIN: Final = 0.05  # seconds between two looks for answers
_NAMED: Final = 3  # nodes that a sentence names
_LOG_AWAY: Final = "The log is out of reach, so that other nodes could not be asked for their streams."
_STATE_AWAY: Final = "What nodes tell each other is out of reach, so that only the streams of this node are listed."


@dataclass(frozen=True, slots=True)
class Seen:
    """What nodes say of themselves.

    Attributes:
        parts: Of each node that is there; this node's own is the first.
        incomplete: What is missing, one sentence, or None.
    """

    parts: Sequence[Part]
    incomplete: str | None = None


class Lookout:
    """Sees the streams of all nodes, on one of them.

    Nodes that share nothing but the log and the little state beside it tell each other of their streams while somebody
    looks: who looks says so in the log, and the others light their beacons.
    """

    def __init__(
        self,
        overview: Overview,
        *,
        nodes: Nodes,
        state: SharedState,
        service: Service,
        shared: bool,
        logger: Any,
        time: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Make one that hears nothing yet.

        Args:
            overview: Sees this node's streams.
            nodes: Who else is there, as far as nodes say so.
            state: What nodes share.
            service: The node's end of the log.
            shared: Whether others share the log; if not, nothing is ever written to it for this.
            logger: Where failures are told.
            time: A monotonic clock, in seconds.
            sleep: Waits for so many seconds.
        """
        self._overview = overview
        self._nodes = nodes
        self._state = state
        self._service = service
        self._shared = shared
        self._time = time
        self._sleep = sleep
        self._beacon = Beacon(overview, state, logger, time=time, sleep=sleep)
        self._errands = Errands()
        self._asking: asyncio.Task[None] | None = None
        self._ordered = -inf  # when beacons were last ordered to be lit, by whichever node
        self._since = -inf  # since when they are, without a break

    def start(self) -> None:
        """Hear when others look, or that they do already."""
        if self._shared:
            self._service.on_control.append(self._hear)
            self._errands.send(self._join())

    async def stop(self) -> None:
        """Hear nothing more; harmless when it was not started."""
        if self._hear in self._service.on_control:
            self._service.on_control.remove(self._hear)
        await self._beacon.stop()
        await self._errands.finish(0.0)

    async def look(self, limit: int, *, alone: bool = False) -> Seen:
        """Return what nodes say of themselves.

        Args:
            limit: How many open streams are told of one by one, and how many closed ones.
            alone: Whether to look at this node only.
        """
        if alone or not self._shared:
            return Seen([await self._overview.look(limit)])
        asked = await self._ask()
        try:
            found, silent = await self._answers()
        except (BrokerUnavailable, TimeoutError):
            return Seen([await self._overview.look(limit)], _STATE_AWAY)
        parts, unreadable = await _read(found)
        missing = (
            None if asked else _LOG_AWAY,
            _sentence(silent, "has not answered", "have not answered"),
            _sentence(unreadable, "says what this node cannot read", "say what this node cannot read"),
            _sentence(_short(parts, limit), "lists only some of its streams", "list only some of their streams"),
        )
        return Seen([await self._overview.look(limit), *parts], next(filter(None, missing), None))

    async def _ask(self) -> bool:
        """Have the others tell, unless they do for some time; say whether they know."""
        if self._time() - self._ordered < ASK_EVERY:
            return True
        if not self._service.ready:
            return False
        if self._asking is None or self._asking.done():
            self._asking = self._errands.send(self._order())
        await asyncio.wait([self._asking], timeout=PATIENCE)
        return self._time() - self._ordered < ASK_EVERY

    async def _order(self) -> None:
        try:
            await self._service.control(orders.encode(orders.Look()))
        except BrokerUnavailable:
            return  # who asks sees that it was not done
        self._note()

    async def _join(self) -> None:
        """Tell the others at once if they tell each other: the order to do so may be some seconds old."""
        with suppress(BrokerUnavailable):  # then it is told after the next one
            if await self._state.items(PREFIX):
                self._beacon.light()

    def _hear(self, text: bytes) -> None:
        if orders.is_look(text):
            self._note()
            self._beacon.light()

    def _note(self) -> None:
        now = self._time()
        if now - self._ordered >= HOLDS:
            self._since = now
        self._ordered = now

    async def _answers(self) -> tuple[Mapping[str, bytes], Collection[str]]:
        """Return the letters of the other nodes, and the names of nodes that are there and have told nothing.

        Raises:
            BrokerUnavailable: Nobody can tell.
            TimeoutError: The same.
        """
        met: Collection[str] | None = None
        settled = self._since + SETTLED
        while True:
            async with asyncio.timeout(PATIENCE):
                found = {key.removeprefix(PREFIX): letter for key, letter in await self._state.items(PREFIX)}
                known = await self._nodes.all()
            found.pop(self._nodes.own, None)
            now = self._time()
            if met is not None and found.keys() - met:
                settled = now + SETTLED
            met = found.keys()
            silent = known - found.keys() - {self._nodes.own}
            complete = not silent if self._nodes.own in known else now >= settled
            if complete or now >= self._since + PATIENCE:
                return found, silent
            await self._sleep(_AGAIN)


async def _read(found: Mapping[str, bytes]) -> tuple[Sequence[Part], Collection[str]]:
    """Return what letters say, and whose letters say nothing that can be read."""
    parts, unreadable = [], []
    for name, letter in found.items():
        try:
            parts.append(letters.decode(letter, name))
        except ValueError:
            unreadable.append(name if is_node_name(name) else "without a name")
        await asyncio.sleep(0)  # each takes a millisecond or two
    return parts, unreadable


def _short(parts: Sequence[Part], limit: int) -> Collection[str]:
    """Return the names of nodes that may have more streams than they tell and that were asked for."""
    return [
        str(part.node["node"])
        for part in parts
        if (part.more_streams and len(part.streams) < limit) or (part.more_closed and len(part.closed) < limit)
    ]


def _sentence(names: Collection[str], one: str, many: str) -> str | None:
    """Say something of nodes, of which the first few are named."""
    if not names:
        return None
    named = sorted(names)[:_NAMED]
    more = f" and {len(names) - len(named)} more" if len(names) > len(named) else ""
    return f"Node {named[0]} {one}." if len(names) == 1 else f"Nodes {', '.join(named)}{more} {many}."

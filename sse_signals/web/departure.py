"""The end of a node in good order: not ready, some time for load balancers, then one stream after another sent away."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sse_signals.life.drain import drain, one_by_one, pause, send_away

if TYPE_CHECKING:
    from sse_signals.hub.stream import Stream
    from sse_signals.hub.sweep import Sweep
    from sse_signals.web.gate import Gate
    from sse_signals.web.site import Site

DRAIN_PATIENCE: Final = 4.0  # seconds that connections get at the end for what they still have to take
GATE_PATIENCE: Final = 2.0  # seconds then for those who still wait to be let in, only to be told when to come back
BEHIND_PATIENCE: Final = 2.0  # seconds of these for those that are behind, where nobody else has what they lack
REASON: Final = "shutdown"  # what streams are told
ORDER: Final = "order"  # why it begins if somebody who may says so, by a request or through the log
_LOOK_EVERY: Final = 0.02  # seconds between two looks whether any is behind, or waits


class Departure:
    """How a site ends, and how far it has come with that.

    Attributes:
        begun: Is set once it takes no more streams.
        closing: Whether the last of its streams are sent away: who polls is sent away, too, and a log that ends with
            the site takes no more.
        empty: Is set whenever the last of its streams was closed.
        ordered: Is set once somebody has ordered it, even if it had begun before.
    """

    __slots__ = ("_delay", "_hurry", "_sending", "_sent", "_task", "_window", "begun", "closing", "empty", "ordered")

    def __init__(self, *, delay: float = 0.0, window: float = 0.0) -> None:
        """Make it; nothing happens before `begin`.

        Args:
            delay: Seconds in which everything goes on, but that new streams are sent away, so that load balancers
                notice.
            window: Seconds over which the open streams are then sent away.
        """
        self._delay = delay
        self._window = window
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sending = False  # whether the window is open
        self._sent = 0
        self.begun = asyncio.Event()
        self.closing = False
        self.empty = asyncio.Event()
        self.ordered = asyncio.Event()

    def begin(self, site: Site, why: str, *, delay: float | None = None) -> asyncio.Task[None]:
        """Begin, if it has not begun.

        Args:
            site: What ends.
            why: What the log says about it.
            delay: Seconds, instead of those that are set.

        Returns:
            What is done when all streams are gone.
        """
        if why == ORDER:
            self.ordered.set()
        if self._task is None:
            self.begun.set()
            self._task = asyncio.create_task(self._run(site, why, self._delay if delay is None else delay))
        return self._task

    def close(self) -> None:
        """Take nothing any more; there is nobody to send away."""
        self.begun.set()
        self.closing = True

    def emptied(self) -> None:
        """Note that the last of its streams was closed: a window has nobody left to wait for, but a delay goes on."""
        self.empty.set()
        if self._sending:
            self._hurry.set()

    def hurry(self) -> None:
        """Skip what is left of the delay and of the window, now or when it begins."""
        self._hurry.set()

    async def _run(self, site: Site, why: str, delay: float) -> None:
        time = asyncio.get_running_loop().time
        began, sweep = time(), site.sweep
        streams = 0 if sweep is None else len(sweep)
        site.logger.info("drain began", why=why, streams=streams, delay=delay, window=self._window)
        await pause(delay, self._hurry)
        aborted = 0 if sweep is None else await self._end(site, sweep)
        self.closing = True
        await _passed(site.gate)
        seconds = round(time() - began, 3)
        site.logger.info("drain done", sent_away=self._sent, aborted=aborted, seconds=seconds)

    async def _end(self, site: Site, sweep: Sweep) -> int:
        """End all streams; return how many had to be aborted."""

        async def send(stream: Stream) -> None:
            await self._deliver(site)
            if stream.ended is None and (stream.live or not site.volatile):  # who is behind is left to the last
                send_away(stream, site.service.node.hub, REASON, site.clock())
                self._sent += 1

        lasting = [stream for stream in sweep.streams if stream.until is None]  # a poll ends by itself
        self._sending = True
        await one_by_one(lasting, send, window=self._window, hurry=self._hurry)
        self._sending, self.closing = False, True
        await self._deliver(site)
        hub = site.service.node.hub
        hub.finish()
        time = asyncio.get_running_loop().time
        patient_until = time() + DRAIN_PATIENCE
        if site.volatile:
            await _caught_up(sweep)
        if not len(sweep):
            return 0
        self.empty.clear()
        patience = patient_until - time()
        sent, aborted = await drain(
            sweep.streams, self.empty, hub=hub, reason=REASON, clock=site.clock, patience=patience
        )
        self._sent += sent
        return aborted

    async def _deliver(self, site: Site) -> None:
        """Have what was acknowledged reach its readers, if that is now or never."""
        if site.volatile:
            await site.service.catch_up()
            site.service.node.hub.finish()


async def _caught_up(sweep: Sweep) -> None:
    """Give streams that are behind some time: what they have not got when they are sent away, they never get."""
    with suppress(TimeoutError):
        async with asyncio.timeout(BEHIND_PATIENCE):
            while any(stream.ended is None and not stream.live for stream in sweep.streams):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY)


async def _passed(gate: Gate) -> None:
    """Give those who wait at the gate some time: it goes on at its pace, or the loop would stand still for all."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GATE_PATIENCE):
            while len(gate):  # noqa: ASYNC110 - it rings no bell
                await asyncio.sleep(_LOOK_EVERY)

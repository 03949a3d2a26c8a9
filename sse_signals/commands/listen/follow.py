"""Following signals to an end: how many, for how long, and where to go on next time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.commands.failures import BAD
from sse_signals.commands.listen.runs import RunFailed, RunImpossible, RunInterrupted
from sse_signals.commands.listen.signal_lines import Shown
from sse_signals.errors import SignalsGap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sse_signals.client.remote_hub import RemoteHub
    from sse_signals.client.requests import Start
    from sse_signals.commands.listen.cursor_file import CursorFile
    from sse_signals.commands.notes import Notes
    from sse_signals.subscriptions import SignalEvent, SignalStream
    from sse_signals.topics import Filters

_SOON: Final = 0.1  # seconds after which a place is kept at the latest
_QUIET: Final = 5.0  # seconds after which the place of a stream without signals is kept, too
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between attempts to start a command


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be followed, and how far.

    Attributes:
        filters: Which topics.
        start: Where to start without an id, and whether to end where the log ends.
        last_event_id: The id to go on after, or None.
        count: After how many signals it ends; None for never.
        timeout: Seconds after which it ends; None for never.
        stop_on_failure: Whether a command that fails ends it.
        each: Whether the place is kept after each signal, and not only ten times a second.
        broadcasts: Whether signals without a topic are wanted.
    """

    filters: Filters
    start: Start
    last_event_id: str | None
    count: int | None = None
    timeout: float | None = None
    stop_on_failure: bool = False
    each: bool = False
    broadcasts: bool = True


class Follower:
    """Takes the signals of one subscription, and keeps its place."""

    def __init__(
        self,
        asked: Asked,
        take: Callable[[Shown], Awaitable[None]],
        cursor: CursorFile | None,
        notes: Notes,
    ) -> None:
        """Begin.

        Args:
            asked: What is to be followed.
            take: Does with a signal what is to be done; may raise the exceptions of `runs`.
            cursor: Where its place is kept, or None.
            notes: Told what everybody has to know.
        """
        self._asked = asked
        self._take = take
        self._cursor = cursor
        self._notes = notes
        self._place: str | None = None  # after what has been handled
        self._timer: asyncio.TimerHandle | None = None
        self._taken = 0
        self._busy = False
        self._failed = False

    async def follow(self, hub: RemoteHub) -> int:
        """Follow to the end, and return the exit status.

        Raises:
            SignalsError: The hub refuses it, or cannot be reached at the beginning.
        """
        asked = self._asked
        async with hub.subscribe(
            asked.filters, last_event_id=asked.last_event_id, gaps="yield", start=asked.start
        ) as stream:
            self._keep(stream)
            self._write()
            quiet = asyncio.create_task(self._keep_quiet(stream))
            deadline = asyncio.timeout(asked.timeout)
            try:
                async with deadline:
                    return await self._all(stream)
            except TimeoutError:
                return self._out_of_time()
            finally:
                quiet.cancel()
                self._write()

    async def _all(self, stream: SignalStream[SignalEvent | SignalsGap]) -> int:
        async for item in stream:
            if isinstance(item, SignalsGap):
                self._notes.gap(item)
            elif self._wanted(item) and not await self._handled(item, stream):
                return BAD
            self._keep(stream)
            if self._taken == self._asked.count:
                break
        return BAD if self._failed or self._too_few() else 0

    def _wanted(self, item: SignalEvent) -> bool:
        return self._asked.broadcasts or item.address is not None

    def _too_few(self) -> bool:
        """Say whether there were fewer than were asked for, and tell that."""
        count = self._asked.count
        if count is None or self._taken >= count:
            return False
        self._notes.warn(f"there are fewer: {self._taken} of {count}.")
        return True

    async def _handled(self, item: SignalEvent, stream: SignalStream[SignalEvent | SignalsGap]) -> bool:
        """Do what is to be done with a signal; say whether to go on."""
        self._busy = True
        try:
            await self._start(Shown.of(item))
        except RunImpossible as impossible:
            # Not even the next signal's command could be started; this one is not handled, and its place not kept.
            self._notes.warn(f"the command cannot be started: {impossible}; {item.id} is not handled. This ends here.")
            return False
        except RunFailed as failed:
            self._tell(failed, item)
            if self._asked.stop_on_failure:
                return False
        except RunInterrupted as interrupted:
            if interrupted.failed is None:
                self._keep(stream)
            else:
                self._tell(interrupted.failed, item)
            raise asyncio.CancelledError from None
        self._busy = False
        self._taken += 1
        return True

    async def _start(self, shown: Shown) -> None:
        """Do it, again and again for a while where the machine has too little of something."""
        for pause in _PAUSES:
            try:
                return await self._take(shown)
            except RunImpossible as impossible:
                if not impossible.passing:
                    raise
                self._notes.warn(
                    f"the command cannot be started for {shown.id}: {impossible}; trying again in {pause:g} s."
                )
            await asyncio.sleep(pause)
        return await self._take(shown)

    def _tell(self, failed: RunFailed, item: SignalEvent) -> None:
        self._failed = True
        self._notes.warn(f"the command {failed}, for {item.id}.")

    def _keep(self, stream: SignalStream[SignalEvent | SignalsGap]) -> None:
        if self._cursor is None:
            return
        self._place = stream.last_event_id
        if self._asked.each:
            self._write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SOON, self._write)

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._cursor is not None:
            self._cursor.keep(self._place)

    async def _keep_quiet(self, stream: SignalStream[SignalEvent | SignalsGap]) -> None:
        """Keep the place that heartbeats move, so that a quiet topic goes on without a gap, too."""
        while True:
            await asyncio.sleep(_QUIET)
            if not self._busy:
                self._keep(stream)

    def _out_of_time(self) -> int:
        asked = self._asked
        if asked.start.poll or asked.count is not None:
            of = "" if asked.count is None else f" of {asked.count}"
            self._notes.warn(f"time is over; signals that came within {asked.timeout:g} s: {self._taken}{of}.")
            return BAD
        return BAD if self._failed else 0

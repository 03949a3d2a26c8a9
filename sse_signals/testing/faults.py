"""What a test does to its hub."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from sse_signals.testing.ledger import HubEnded, check_seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from sse_signals.testing.running import RunningHub


class Fault(ABC):
    """Something that is wrong with a hub, from the call that asks for it on, whether that is a context or not.

    It lasts until the end of its ``with`` block, `end`, `SignalsHub.forget`, or the end of the hub.
    """

    def __init__(self, hub: RunningHub) -> None:
        self._hub = hub
        hub.call(self._begin)

    def __enter__(self) -> Self:
        """Let it last until the block ends.

        Raises:
            RuntimeError: It has ended, so that what is done in the block would meet no fault.
        """
        if self not in self._hub.faults:
            raise RuntimeError("this fault has ended already: ask the hub for another one")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Let everything be well again; nothing happens if it is so already."""
        with suppress(HubEnded):
            self._hub.call(lambda: end(self._hub, self))

    @abstractmethod
    async def _begin(self) -> None:
        """Begin it, in the hub's event loop."""

    @abstractmethod
    async def undo(self) -> None:
        """Undo it, in the hub's event loop."""


class Cut(Fault):
    """All streams have been cut; as a context, new ones are as well until it ends.

    Attributes:
        streams: How many were open and have been cut by the call.
    """

    def __init__(self, hub: RunningHub, refuse: float) -> None:
        check_seconds("refuse", refuse)
        self._refuse = refuse
        self._over: asyncio.TimerHandle | None = None
        self.streams = 0
        super().__init__(hub)

    def __enter__(self) -> Self:
        """Cut whoever came back since the call, and refuse who comes."""
        self._hub.call(self._shut)
        return self

    async def _begin(self) -> None:
        if self._refuse:
            self._close()
            self._over = asyncio.get_running_loop().call_later(self._refuse, self._open)
        self.streams = await _cut(self._hub)

    async def _shut(self) -> None:
        if self._over is not None:
            self._over.cancel()
        self._close()
        await _cut(self._hub)

    async def undo(self) -> None:
        """See `Fault.undo`."""
        self._open()

    def _close(self) -> None:
        self._hub.faults[self] = None
        self._hub.refusing.add(self)

    def _open(self) -> None:
        self._hub.faults.pop(self, None)
        self._hub.refusing.discard(self)


class Stall(Fault):
    """Nothing comes through to streams."""

    async def _begin(self) -> None:
        self._hub.faults[self] = None
        self._hub.lines.stall()

    async def undo(self) -> None:
        """See `Fault.undo`."""
        self._hub.lines.flow()


class Unavailable(Fault):
    """The log is away. The hub knows of it when the call returns, and again when it has ended."""

    def __init__(self, hub: RunningHub, retry_after: float) -> None:
        check_seconds("retry_after", retry_after)
        self._retry_after = retry_after
        super().__init__(hub)

    async def _begin(self) -> None:
        self._hub.log.go_away(self._retry_after)
        self._hub.faults[self] = None
        await until(lambda: not self._hub.service.site.ready)

    async def undo(self) -> None:
        """See `Fault.undo`."""
        self._hub.log.come_back()
        await until(lambda: self._hub.service.site.ready and _in_step(self._hub))


async def end(hub: RunningHub, fault: Fault) -> None:
    """End a fault, unless it has ended."""
    if fault in hub.faults:
        del hub.faults[fault]
        await fault.undo()


async def forget(hub: RunningHub) -> None:
    """End all faults, and forget what was published; the log goes on, and so do the streams that are open."""
    for fault in tuple(hub.faults):
        await end(hub, fault)
    hub.log.forget_keys()
    hub.ledger.forget()


async def gap(hub: RunningHub) -> None:
    """Lose the log, and return when the hub has told its streams; it does so when the log is back, if that is away."""
    hub.log.lose()
    await until(lambda: hub.log.away or _in_step(hub))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what takes the event loop a few turns; whoever asks for it sets a limit."""
    while not condition():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.001)


def _in_step(hub: RunningHub) -> bool:
    return hub.service.site.service.node.history.epoch == hub.log.epoch


async def _cut(hub: RunningHub) -> int:
    lines = hub.lines.cut()
    await until(lambda: not any(line.streaming for line in lines))
    return len(lines)

"""What a test does to its hub."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sse_signals.testing.running import HubEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sse_signals.testing.running import RunningHub


class Cut:
    """All streams have been cut; as a context, new ones are as well until it ends."""

    def __init__(self, hub: RunningHub, refuse: float) -> None:
        self._hub = hub
        hub.call(lambda: _cut(hub, refuse))

    def __enter__(self) -> None:
        self._hub.call(self._shut)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(HubEnded):
            self._hub.call(self._open)

    async def _shut(self) -> None:
        self._hub.refusing += 1
        await _cut(self._hub)  # whoever came back meanwhile

    async def _open(self) -> None:
        self._hub.refusing -= 1


async def _cut(hub: RunningHub, refuse: float = 0.0) -> None:
    if refuse > 0:
        hub.refusing += 1
        asyncio.get_running_loop().call_later(refuse, _admit, hub)
    lines = hub.lines.cut()
    await until(lambda: not any(line.streaming for line in lines))


def _admit(hub: RunningHub) -> None:
    hub.refusing -= 1


@contextmanager
def stalled(hub: RunningHub) -> Iterator[None]:
    """Stop what goes to streams for as long as the context lasts."""

    async def shut() -> None:
        hub.lines.stall()

    async def flow() -> None:
        hub.lines.flow()

    hub.call(shut)
    try:
        yield
    finally:
        with suppress(HubEnded):
            hub.call(flow)


async def gap(hub: RunningHub) -> None:
    """Lose the log, and return when the hub has told its streams."""
    epoch = hub.log.lose()
    await until(lambda: hub.service.site.service.node.history.epoch == epoch)


@contextmanager
def unavailable(hub: RunningHub, retry_after: float) -> Iterator[None]:
    """Take the log away for as long as the context lasts; the hub knows of it when this begins, and when it ends."""

    async def go_away() -> None:
        hub.log.go_away(retry_after)
        await until(lambda: not hub.service.site.ready)

    async def come_back() -> None:
        hub.log.come_back()
        await until(lambda: hub.service.site.ready)

    hub.call(go_away)
    try:
        yield
    finally:
        with suppress(HubEnded):
            hub.call(come_back)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what takes the event loop a few turns; whoever asks for it sets a limit."""
    while not condition():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.001)

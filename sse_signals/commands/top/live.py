"""``top`` in a terminal: asks the hub again and again, draws what it says, and heeds keys and signals."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from sse_signals.commands.failures import INTERRUPTED
from sse_signals.commands.top.rates import sample
from sse_signals.commands.top.screen import Scene, picture
from sse_signals.commands.top.view import View, pressed
from sse_signals.errors import NotAuthenticated, NotGranted, SignalsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sse_signals.commands.top.hub import Hub
    from sse_signals.commands.top.rates import Sample
    from sse_signals.commands.top.terminal import Terminal

_ENDS: Final[Mapping[int, int]] = {
    signal.SIGINT: INTERRUPTED,
    signal.SIGTERM: 128 + signal.SIGTERM,
    signal.SIGHUP: 128 + signal.SIGHUP,
    signal.SIGQUIT: 128 + signal.SIGQUIT,
}
_NO_KEYS: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.)")  # what arrows and their like send
_AT_ONCE: Final = 64  # bytes of keys that are read at a time


async def watch(hub: Hub, first: Sample, interval: float, terminal: Terminal) -> int:
    """Show what goes on at a hub until somebody has seen enough; return the exit status.

    Args:
        hub: The hub.
        first: What it has said before.
        interval: Seconds between two looks.
        terminal: Where to show it.

    Raises:
        SignalsError: The hub does not know any more who asks, or grants it no more.
    """
    live = _Live(hub, Scene(hub.url, interval, first, View()), terminal)
    with live.heeding(), terminal:  # in this order, or a signal in between would leave the terminal as it is then
        live.draw()
        asking = asyncio.create_task(live.ask_for_ever())
        asking.add_done_callback(live.ended)
        try:
            return await live.over
        finally:
            asking.cancel()
            await asyncio.wait([asking])


class _Live:
    """What is shown, and whatever changes it."""

    def __init__(self, hub: Hub, scene: Scene, terminal: Terminal) -> None:
        self._hub = hub
        self._scene = scene
        self._terminal = terminal
        self._going_on = asyncio.Event()
        self._going_on.set()
        self.over: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def draw(self) -> None:
        """Show it."""
        columns, rows = self._terminal.size()
        if not self._terminal.draw(picture(replace(self._scene, now=time.time()), columns, rows)):
            self._end(_ENDS[signal.SIGHUP])

    async def ask_for_ever(self) -> None:
        """Ask the hub again and again; while it is away, the last picture stays.

        Raises:
            SignalsError: It refuses who asks. That is not tried again: it counts who fails too often.
        """
        while True:
            await asyncio.sleep(self._scene.interval)
            await self._going_on.wait()
            try:
                _, overview = await self._hub.ask()
            except (NotAuthenticated, NotGranted):
                raise
            except SignalsError as error:
                self._away(str(error).removeprefix(f"{self._hub.url} cannot be reached: "))
            else:
                self._scene = replace(self._scene, sample=sample(overview, self._scene.sample), trouble=None)
            self.draw()

    def ended(self, asking: asyncio.Task[None]) -> None:
        """End because the hub is not asked any more."""
        error = None if asking.cancelled() else asking.exception()
        if error is not None and not self.over.done():
            self.over.set_exception(error)

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Heed keys and signals within this context."""
        loop = asyncio.get_running_loop()
        handlers: dict[int, Callable[[], object]] = {signal.SIGWINCH: self.draw, signal.SIGTSTP: self._stop}
        handlers |= {number: partial(self._end, status) for number, status in _ENDS.items()}
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        keys = self._terminal.keys
        if keys is not None:
            loop.add_reader(keys, self._read, keys)
        try:
            yield
        finally:
            if keys is not None:
                loop.remove_reader(keys)
            for number in handlers:
                loop.remove_signal_handler(number)

    def _away(self, reason: str) -> None:
        since = self._scene.since if self._scene.trouble is not None else time.time()
        self._scene = replace(self._scene, trouble=reason, since=since)

    def _read(self, keys: int) -> None:
        try:
            typed = os.read(keys, _AT_ONCE)
        except OSError:
            typed = b""
        if not typed:
            self._end(_ENDS[signal.SIGHUP])
        for key in _NO_KEYS.sub(b"", typed).decode("ascii", "replace"):
            self._press(key)

    def _press(self, key: str) -> None:
        view = pressed(self._scene.view, key)
        if view is None:
            self._end(0)
            return
        self._scene = replace(self._scene, view=view)
        if view.paused:
            self._going_on.clear()
        else:
            self._going_on.set()
        self.draw()

    def _end(self, status: int) -> None:
        if not self.over.done():
            self.over.set_result(status)

    def _stop(self) -> None:
        """Give the terminal back until the shell has this process go on, as Ctrl-Z has it."""
        with self._terminal.given_back():
            os.kill(os.getpid(), signal.SIGSTOP)
        self.draw()

"""Watching a hub in this process, with a terminal that is none."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import pytest

from sse_signals.commands.top import live
from sse_signals.commands.top.document import overview
from sse_signals.commands.top.hub import Hub
from sse_signals.commands.top.live import watch
from sse_signals.commands.top.rates import sample
from sse_signals.commands.top.terminal import Terminal
from sse_signals.errors import BrokerUnavailable, NotGranted
from tests.commands.top import overviews as told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from blockbuster import BlockBuster

    from sse_signals.commands.top.document import Overview


class Paper(Terminal):
    """A terminal with keys of a test's own, that only notes what it is to show."""

    def __init__(self, keys: int) -> None:
        self.keys = keys
        self.shown: list[str] = []
        self.safe: list[bool] = []

    def __enter__(self) -> Self:
        self.safe.append(signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)
        return self

    def __exit__(self, *_: object) -> None:
        self.safe.append(signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)

    def size(self) -> tuple[int, int]:
        return 80, 24

    def draw(self, lines: Sequence[str]) -> bool:
        self.shown = list(lines)
        return True


class Asked(Hub):
    """A hub that is asked without a network."""

    asked = 0

    async def ask(self) -> tuple[dict[str, Any], Overview]:
        self.asked += 1
        said = told.overview(self.asked)
        return said, overview(said)


async def until(paper: Paper, seen: Callable[[], bool]) -> None:
    """Wait for what is shown, or for what the hub is asked."""
    for _ in range(10_000):
        if seen():
            return
        await asyncio.sleep(0)
    raise AssertionError(paper.shown)


async def test_a_terminal_that_is_gone_ends_it_without_a_signal(
    monkeypatch: pytest.MonkeyPatch, blockbuster: BlockBuster
) -> None:
    """What cannot be shown any more is not asked for, and nothing fails by it."""
    blockbuster.functions["os.write"].deactivate()  # whoever takes a terminal for a picture may wait for it
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as output, open(os.devnull) as nothing:  # noqa: ASYNC230, PTH123
        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setattr(sys, "stdin", nothing)
        terminal = Terminal(coloured=True)
        with terminal:
            assert terminal.size() == (80, 24)
            assert terminal.draw(["there"])
            os.close(ours)
            assert terminal.size() == (80, 24)
            assert not terminal.draw(["gone"])
        async with told.standing_in(told.overview()) as server, Hub(server.url, None, limit=1) as hub:
            _, first = await hub.ask()
            assert await watch(hub, sample(first, None), 60, terminal) == 129


async def test_a_pause_leaves_the_hub_alone() -> None:
    """Nobody asks it meanwhile, and the picture stays; signals are heeded as long as the terminal is taken."""
    theirs, ours = os.pipe()
    for end in (theirs, ours):
        os.set_blocking(end, False)
    hub, paper = Asked("http://h", None, limit=1), Paper(theirs)
    _, first = await hub.ask()
    watching = asyncio.create_task(watch(hub, sample(first, None), 0, paper))

    await until(paper, lambda: hub.asked > 2)
    os.write(ours, b"p")
    await until(paper, lambda: "paused" in paper.shown[0])
    for _ in range(3):  # what was under way
        await asyncio.sleep(0)
    before, picture = hub.asked, paper.shown
    for _ in range(100):
        await asyncio.sleep(0)
    assert (hub.asked, paper.shown) == (before, picture)
    os.write(ours, b"p")
    await until(paper, lambda: hub.asked > before + 2)
    assert "paused" not in paper.shown[0]
    os.write(ours, b"q")
    assert await watching == 0
    assert paper.safe == [True, True]
    os.close(ours)
    os.close(theirs)


async def test_keys_that_cannot_be_read_end_it() -> None:
    """As those of a terminal that is not this process's any more."""
    theirs, keys = os.pipe()
    os.set_blocking(keys, False)
    os.close(theirs)  # this end can only be written to, and is said to be broken
    hub = Asked("http://h", None, limit=1)
    _, first = await hub.ask()
    assert await watch(hub, sample(first, None), 60, Paper(keys)) == 129
    os.close(keys)


async def test_a_grant_that_is_gone_ends_it() -> None:
    """As a token does that is no good any more."""

    class Refusing(Asked):
        async def ask(self) -> tuple[dict[str, Any], Overview]:
            raise NotGranted("It takes the grant 'admin'.", field="request", hint="Ask for it.")

    _, first = await Asked("http://h", None, limit=1).ask()
    theirs, ours = os.pipe()
    paper = Paper(theirs)
    with pytest.raises(NotGranted):
        await watch(Refusing("http://h", None, limit=1), sample(first, None), 0, paper)
    assert len(paper.safe) == 2
    os.close(ours)
    os.close(theirs)


async def test_how_long_a_hub_is_away_is_counted_from_when_it_went(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is tried meanwhile; when it comes back and goes again, from then."""
    clock = iter(range(1_000_000))
    monkeypatch.setattr(live, "time", SimpleNamespace(time=lambda: told.NOON + next(clock)))
    away = True

    class Leaving(Asked):
        async def ask(self) -> tuple[dict[str, Any], Overview]:
            if away:
                self.asked += 1
                raise BrokerUnavailable("http://h/signals cannot be reached: nobody is there.")
            return await super().ask()

    theirs, ours = os.pipe()
    for end in (theirs, ours):
        os.set_blocking(end, False)
    hub, paper = Leaving("http://h", None, limit=1), Paper(theirs)
    _, first = await Asked("http://h", None, limit=1).ask()
    watching = asyncio.create_task(watch(hub, sample(first, None), 0, paper))

    def since() -> str:
        return paper.shown[1].partition("since ")[2].partition(",")[0]

    await until(paper, lambda: hub.asked > 0 and "Away for" in paper.shown[1])
    before, asked = since(), hub.asked
    assert before
    await until(paper, lambda: hub.asked > asked + 3)
    assert since() == before
    away = False
    await until(paper, lambda: "Away" not in paper.shown[1])
    away = True
    await until(paper, lambda: "Away for" in paper.shown[1])
    assert since() > before
    os.write(ours, b"q")
    assert await watching == 0
    os.close(ours)
    os.close(theirs)


async def test_afterwards_signals_and_keys_are_what_they_were() -> None:
    """What else the process does is not ended by what the picture has left behind."""
    theirs, ours = os.pipe()
    for end in (theirs, ours):
        os.set_blocking(end, False)
    heeded = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGWINCH, signal.SIGTSTP)
    before = [signal.getsignal(number) for number in heeded]
    _, first = await Asked("http://h", None, limit=1).ask()
    os.write(ours, b"q")
    assert await watch(Asked("http://h", None, limit=1), sample(first, None), 60, Paper(theirs)) == 0
    assert [signal.getsignal(number) for number in heeded] == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not asyncio.get_running_loop().remove_reader(theirs)
    os.close(ours)
    os.close(theirs)

"""Who takes whose place among the workers of a hub, and when; the workers here are no processes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest import mock

import structlog
from structlog.testing import capture_logs

from sse_signals.process import Wishes
from sse_signals.settings import load
from sse_signals.staff import Staff
from sse_signals.worker import FOLLOWS, LISTENS
from tests.web.doors import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Worker:
    """What does as it is told, and ends when it shall."""

    def __init__(self, hired: list[Worker], member: Any, heard: Callable[[str], object]) -> None:
        self.number = member.number
        self.started: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.follows = asyncio.Event()
        self.steady = True
        self._heard = heard
        self.started.set_result(LISTENS)
        hired.append(self)

    def follow(self) -> None:
        """Follow the log."""
        self.follows.set()
        self._heard(FOLLOWS)

    def end(self, *_: object) -> None:
        """End."""
        if not self.ended.done():
            self.ended.set_result("exit status 0")

    retire = stop = hurry = kill = end


class World:
    """A staff of two, those that were hired so far, and what systemd has heard."""

    def __init__(self) -> None:
        self.hired: list[Worker] = []
        self.heard: list[str] = []
        self.renew = asyncio.Event()

    def ready(self) -> None:
        """Hear that the hub serves."""
        self.heard.append("ready")

    def reloading(self) -> None:
        """Hear that workers are replaced."""
        self.heard.append("reloading")

    async def number(self, count: int) -> Worker:
        """Wait until so many were hired; return the last."""
        await until(lambda: len(self.hired) >= count)
        return self.hired[count - 1]


@asynccontextmanager
async def staff(*, following: bool = True) -> AsyncIterator[World]:
    """Have two at work, who follow their log or not."""
    world = World()

    def hire(member: Any, *_: object, heard: Callable[[str], object]) -> Worker:
        return Worker(world.hired, member, heard)

    settings = replace(load({}, {"port": 0}), workers=2)
    with mock.patch("sse_signals.staff.WorkerProcess", hire):
        people = Staff(settings, structlog.get_logger(), Wishes(), world, ())  # type: ignore[arg-type]
        listening: list[str] = []
        serving = asyncio.create_task(people.serve(world.renew, listening.append))
        await until(lambda: bool(listening))
        if following:
            for worker in world.hired:
                worker.follow()
        try:
            yield world
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await people.end()


async def test_who_is_relieved_stays_until_the_other_follows() -> None:
    """That it listens is not enough: without the log it could give its streams nothing."""
    async with staff() as world:
        assert world.heard == ["ready"]
        world.renew.set()
        for place in (0, 1):
            old, successor = world.hired[place], await world.number(3 + place)
            for _ in range(20):
                await asyncio.sleep(0)
            assert not old.ended.done()
            successor.follow()
            await old.ended
        await until(lambda: world.heard == ["ready", "reloading", "ready"])
        assert not any(worker.ended.done() for worker in world.hired[2:])


async def test_a_successor_that_does_not_follow_leaves_again() -> None:
    """The log is away: after some time who was there stays, nobody else is relieved, and it is told."""
    async with staff() as world:
        with mock.patch("sse_signals.staff.START", 0.01), capture_logs() as logs:
            world.renew.set()
            successor = await world.number(3)
            await successor.ended
            await until(lambda: len(world.heard) == 3)
        assert [(entry["event"], entry["worker"], entry["reason"]) for entry in logs] == [
            ("worker not replaced", 1, "It has not followed its log after 0.01 s.")
        ]
        assert len(world.hired) == 3
        assert not any(worker.ended.done() for worker in world.hired[:2])
        world.renew.set()  # the log is back
        (await world.number(4)).follow()
        (await world.number(5)).follow()
        await until(lambda: len(world.heard) == 5)
        assert [worker.ended.done() for worker in world.hired] == [True, True, True, False, False]


async def test_a_successor_that_ends_before_it_follows() -> None:
    """Who was there stays."""
    async with staff() as world:
        with capture_logs() as logs:
            world.renew.set()
            (await world.number(3)).end()
            await until(lambda: len(world.heard) == 3)
        assert [entry["reason"] for entry in logs] == ["Worker 1 ended with exit status 0."]
        assert not any(worker.ended.done() for worker in world.hired[:2])


async def test_who_ends_while_the_other_does_not_follow_yet() -> None:
    """The other stays, since it is better than nobody, and no third one is hired for the place."""
    async with staff() as world:
        world.renew.set()
        successor = await world.number(3)
        world.hired[0].end()
        (await world.number(4)).follow()
        await until(lambda: len(world.heard) == 3)
        assert not successor.ended.done()
        assert [worker.number for worker in world.hired] == [1, 2, 1, 2]


async def test_nobody_is_told_ready_while_none_follows() -> None:
    """A replacement that fails before the log was ever there leaves the start as it was: it is not over."""
    async with staff(following=False) as world:
        with mock.patch("sse_signals.staff.START", 0.01), capture_logs() as logs:
            world.renew.set()
            await (await world.number(3)).ended
            await until(lambda: bool(logs))
            for _ in range(20):
                await asyncio.sleep(0)
        assert world.heard == ["reloading"]
        for worker in world.hired[:2]:
            worker.follow()
        assert world.heard == ["reloading", "ready"]

"""The workers of a hub: hired, kept at work, relieved one by one, and ended together."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import ConfigurationError
from sse_signals.listening import beside, bound, close, url_of
from sse_signals.own_port import Membership, crew_port
from sse_signals.retry import backoff
from sse_signals.setting_kinds import without_password
from sse_signals.worker import DRAINS, LISTENS
from sse_signals.worker_process import START, WorkerProcess

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from sse_signals.metrics.crew import Crew
    from sse_signals.process import Wishes
    from sse_signals.settings import Settings
    from sse_signals.systemd import Supervisor

FIRST_WAIT: Final = 1.0  # seconds at most until the first worker that died is replaced
LONGEST_WAIT: Final = 30.0  # seconds at most until any is, however many died before


class NotStarted(Exception):
    """A worker that was not started, or that ended before it could say anything, through no fault of a setting."""


@dataclass(slots=True)
class Place:
    """What stays when a worker is replaced: its number, and the sockets on which the next one goes on.

    Attributes:
        ended: All workers that end here.
        turn: Is held by who changes the worker.
        failures: How many workers have died here one soon after another.
    """

    number: int
    sockets: list[socket.socket] = field(default_factory=list)
    worker: WorkerProcess = field(init=False)
    ended: asyncio.Queue[WorkerProcess] = field(default_factory=asyncio.Queue)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    failures: int = 0


class Staff:
    """All workers of a hub."""

    def __init__(
        self,
        settings: Settings,
        logger: Any,
        wishes: Wishes,
        supervisor: Supervisor,
        passed: Sequence[socket.socket],
    ) -> None:
        """Hire nobody yet.

        Args:
            settings: What is set.
            logger: A structlog logger.
            wishes: Where an order to drain that one of them gets is passed on.
            supervisor: Hears when all of them follow their log, and when they are replaced.
            passed: Where all of them listen, instead of where the settings say.
        """
        self._settings = settings
        self._logger = logger
        self._wishes = wishes
        self._supervisor = supervisor
        self._passed = passed
        self._following: set[int] = set()
        self._hurries = False
        self._places = [Place(number) for number in range(1, settings.workers + 1)]
        self._port: list[socket.socket] = []  # never listens: keeps the port, whatever happens to the workers
        self._hired: set[WorkerProcess] = set()
        self._beside = AsyncExitStack()
        self._crew: Crew

    async def serve(self, renew: asyncio.Event, listening: Callable[[str], object]) -> None:
        """Start all workers, and keep them at work for ever.

        Raises:
            ConfigurationError: One cannot start as it is set.
            NotStarted: One cannot start for another reason.
        """
        settings = self._settings
        if self._passed:
            self._port = list(self._passed)
        else:
            if settings.port:  # hubs of the same user could share a port without knowing it
                close(await bound(settings.host, settings.port))
            self._port = await bound(settings.host, settings.port, shared=True)
        self._crew = await self._beside.enter_async_context(crew_port(settings, self._logger))
        first, *others = self._places
        await self._fill(first)  # alone, so that what keeps all of them from starting is told once
        await asyncio.gather(*map(self._fill, others))
        url = url_of(self._port, settings.prefix)
        self._logger.info("listening", url=url, broker=without_password(settings.broker), workers=settings.workers)
        listening(url)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew(renew))
            for place in self._places:
                tasks.create_task(self._keep(place))

    async def end(self) -> None:
        """End all workers, in good order if they can."""
        for place in self._places:
            close(place.sockets)  # or connections would wait there until the last worker has ended
        close(self._port)
        for worker in self._hired:
            if self._wishes.ending.done():
                worker.stop(self._wishes.ending.result())
            if self._hurries or not self._wishes.ending.done():  # the start has failed
                worker.hurry()
        await asyncio.gather(*(worker.ended for worker in self._hired))
        await self._beside.aclose()  # last, so that one can see to the end how they end

    def hurry(self) -> None:
        """Skip what is left of delay and window; if there is nothing to skip, or for the second time, kill them."""
        slow = self._settings.drain_delay + self._settings.drain_window > 0
        for worker in self._hired:
            if slow and not self._hurries:
                worker.hurry()
            else:
                worker.kill("the hub was told twice to end")
        self._hurries = slow

    def _hire(self, place: Place) -> WorkerProcess:
        try:
            place.sockets = place.sockets or self._more_sockets()
            member = Membership(place.number, self._crew, os.getpid())
            worker = WorkerProcess(
                member, self._settings, place.sockets, self._logger, heard=partial(self._heard, place)
            )
        except OSError as error:
            raise NotStarted(f"Worker {place.number} cannot be started: {error.strerror}.") from None

        def ended(_: object) -> None:
            self._hired.discard(worker)
            place.ended.put_nowait(worker)

        self._hired.add(worker)
        worker.ended.add_done_callback(ended)
        return worker

    def _more_sockets(self) -> list[socket.socket]:
        """Return sockets for one more worker: of its own, or those that were passed, from which all accept."""
        return [listener.dup() for listener in self._passed] or beside(self._port)

    def _heard(self, place: Place, word: str) -> None:
        if word == DRAINS:  # an order to one is one to all
            self._wishes.end("order")
        elif len(self._following) < len(self._places):
            self._following.add(place.number)
            if len(self._following) == len(self._places):
                self._supervisor.ready()

    async def _start(self, place: Place) -> WorkerProcess:
        worker = self._hire(place)
        refusal = await asyncio.shield(worker.started)
        if refusal is None:
            raise NotStarted(f"Worker {place.number} ended with {worker.ended.result()}.")
        if refusal != LISTENS:
            raise ConfigurationError(refusal)
        return worker

    async def _fill(self, place: Place) -> None:
        place.worker = await self._start(place)

    async def _keep(self, place: Place) -> None:
        """Have another worker take the place of each that dies."""
        while True:
            worker = await place.ended.get()
            async with place.turn:
                if worker is place.worker:  # it was not relieved
                    await self._refill(place, worker)

    async def _refill(self, place: Place, worker: WorkerProcess) -> None:
        """Have another worker take the place of one that has died."""
        place.failures *= not worker.steady
        reason = worker.started.result() or worker.ended.result()
        while worker is place.worker:
            place.failures += 1
            wait = backoff(place.failures, random.random(), first=FIRST_WAIT, longest=LONGEST_WAIT)  # noqa: S311
            self._logger.warning("worker ended", worker=place.number, reason=reason, again_in=round(wait, 1))
            if place.failures > 1:  # the next may not live for long either: leave all connections to the others
                close(place.sockets)
                place.sockets = []
            await asyncio.sleep(wait)
            try:
                place.worker = self._hire(place)
            except NotStarted as error:
                reason = str(error)

    async def _renew(self, wanted: asyncio.Event) -> None:
        """Relieve all workers, whenever that is wanted."""
        while True:
            await wanted.wait()
            wanted.clear()
            self._supervisor.reloading()
            for place in self._places:
                if not await self._relieve(place):
                    break
            else:
                self._logger.info("all workers replaced")
            if any(place.worker.follows.is_set() for place in self._places):  # or this is said once all of them do
                self._supervisor.ready()

    async def _relieve(self, place: Place) -> bool:
        """Have another worker take the place of one that goes on until the other follows its log; say whether it does.

        One that cannot follow, since the log is away, leaves again, and the old one stays, which has at least its
        history and its streams.
        """
        async with place.turn:
            old = place.worker
            try:
                successor = await self._start(place)
                leaving = await self._settled(place, old, successor)
            except (ConfigurationError, NotStarted) as error:
                self._not_replaced(place, str(error))
                return False
            place.worker = successor if leaving is old else old
        leaving.retire()
        await asyncio.shield(leaving.ended)
        return leaving is old

    async def _settled(self, place: Place, old: WorkerProcess, successor: WorkerProcess) -> WorkerProcess:
        """Wait until it is clear which of two stays; return the one that leaves.

        Raises:
            NotStarted: The new one has ended.
        """
        follows = asyncio.create_task(successor.follows.wait())
        try:
            awaited: list[asyncio.Future[Any]] = [follows, old.ended, successor.ended]
            await asyncio.wait(awaited, timeout=START, return_when=asyncio.FIRST_COMPLETED)
        finally:
            follows.cancel()
        if successor.ended.done():
            raise NotStarted(f"Worker {place.number} ended with {successor.ended.result()}.")
        if successor.follows.is_set() or old.ended.done():
            return old
        self._not_replaced(place, f"It has not followed its log after {START:g} s.")
        return successor

    def _not_replaced(self, place: Place, reason: str) -> None:
        self._logger.error("worker not replaced", worker=place.number, reason=reason)

"""Several processes that serve one port: started, replaced when they die or on SIGHUP, and ended together.

Each has a listening socket of its own at the port (`SO_REUSEPORT`), among which the kernel spreads connections. They
belong to the process that starts them all, too, so that a connection which waits there outlives a worker.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import ConfigurationError
from sse_signals.listening import beside, bound, close, url_of
from sse_signals.retry import backoff
from sse_signals.setting_kinds import without_password
from sse_signals.worker import LISTENS
from sse_signals.worker_process import WorkerProcess

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from sse_signals.settings import Settings

FIRST_WAIT: Final = 1.0  # seconds at most until the first worker that died is replaced
LONGEST_WAIT: Final = 30.0  # seconds at most until any is, however many died before
ONE_WISH: Final = 1.0  # seconds in which signals to end are one wish: `timeout` sends it to a process and to its group


async def serve(settings: Settings, logger: Any, listening: Callable[[str], object]) -> None:
    """Serve with as many processes as are set, until SIGTERM or SIGINT; another one later kills those that are left.

    SIGHUP replaces them one after another; where the log goes to a terminal, it means that the terminal is gone, and
    ends all of them as usual.

    Args:
        settings: What is set.
        logger: A structlog logger.
        listening: Called with the URL of the hub once all of them listen.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
        SystemExit: It cannot start for another reason, which is said in one sentence.
    """
    if settings.auth and settings.secret is None:
        settings = replace(settings, secret=secrets.token_urlsafe(32))  # a ticket of one worker is good at all
    crew = _Crew(settings, logger)
    stop, renew = asyncio.Event(), asyncio.Event()
    _heed(stop, crew)
    if not sys.stderr.isatty():
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, renew.set)
    serving = asyncio.create_task(crew.serve(renew, listening))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():  # or workers that were starting may have been told, too, and have ended
            serving.result()
        logger.info("shutting down", workers=settings.workers)
    except _NotStarted as error:
        raise SystemExit(f"sse-signals: {error}") from None
    finally:
        for task in (serving, stopping):
            task.cancel()
        await asyncio.gather(serving, stopping, return_exceptions=True)
        await crew.end()
    logger.info("stopped")


def _heed(stop: asyncio.Event, crew: _Crew) -> None:
    """Have SIGTERM or SIGINT set an event, and another one, unless it is of the same wish, kill the workers."""
    loop = asyncio.get_running_loop()
    patient_until = 0.0

    def told() -> None:
        nonlocal patient_until
        if not stop.is_set():
            stop.set()
            patient_until = loop.time() + ONE_WISH
        elif loop.time() >= patient_until:
            crew.kill()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)


class _NotStarted(Exception):
    """A worker that was not started, or that ended before it could say anything, through no fault of a setting."""


@dataclass(slots=True)
class _Place:
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


class _Crew:
    """All workers of a hub."""

    def __init__(self, settings: Settings, logger: Any) -> None:
        self._settings = settings
        self._logger = logger
        self._places = [_Place(number) for number in range(1, settings.workers + 1)]
        self._port: list[socket.socket] = []  # never listens: keeps the port, whatever happens to the workers
        self._hired: set[WorkerProcess] = set()

    async def serve(self, renew: asyncio.Event, listening: Callable[[str], object]) -> None:
        """Start all workers, and keep them at work for ever.

        Raises:
            ConfigurationError: One cannot start as it is set.
            _NotStarted: One cannot start for another reason.
        """
        settings = self._settings
        if settings.port:  # hubs of the same user could share a port without knowing it
            close(await bound(settings.host, settings.port))
        self._port = await bound(settings.host, settings.port, shared=True)
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
            worker.stop()
        await asyncio.gather(*(worker.ended for worker in self._hired))

    def kill(self) -> None:
        """End those at once that are left."""
        for worker in self._hired:
            worker.kill("the hub was told twice to end")

    def _hire(self, place: _Place) -> WorkerProcess:
        try:
            place.sockets = place.sockets or beside(self._port)
            worker = WorkerProcess(place.number, self._settings, place.sockets, self._logger)
        except OSError as error:
            raise _NotStarted(f"Worker {place.number} cannot be started: {error.strerror}.") from None

        def ended(_: object) -> None:
            self._hired.discard(worker)
            place.ended.put_nowait(worker)

        self._hired.add(worker)
        worker.ended.add_done_callback(ended)
        return worker

    async def _start(self, place: _Place) -> WorkerProcess:
        worker = self._hire(place)
        refusal = await asyncio.shield(worker.started)
        if refusal is None:
            raise _NotStarted(f"Worker {place.number} ended with {worker.ended.result()}.")
        if refusal != LISTENS:
            raise ConfigurationError(refusal)
        return worker

    async def _fill(self, place: _Place) -> None:
        place.worker = await self._start(place)

    async def _keep(self, place: _Place) -> None:
        """Have another worker take the place of each that dies."""
        while True:
            worker = await place.ended.get()
            async with place.turn:
                if worker is place.worker:  # it was not relieved
                    await self._refill(place, worker)

    async def _refill(self, place: _Place, worker: WorkerProcess) -> None:
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
            except _NotStarted as error:
                reason = str(error)

    async def _renew(self, wanted: asyncio.Event) -> None:
        """Relieve all workers, whenever that is wanted."""
        while True:
            await wanted.wait()
            wanted.clear()
            for place in self._places:
                if not await self._relieve(place):
                    break
            else:
                self._logger.info("all workers replaced")

    async def _relieve(self, place: _Place) -> bool:
        """Have another worker take the place of one that goes on until then; say whether there is one."""
        async with place.turn:
            old = place.worker
            try:
                place.worker = await self._start(place)
            except (ConfigurationError, _NotStarted) as error:
                self._logger.error("worker not replaced", worker=place.number, reason=str(error))  # noqa: TRY400
                return False
        old.retire()
        await asyncio.shield(old.ended)
        return True

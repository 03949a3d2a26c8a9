"""A hub in a thread of its own, with an event loop of its own, that serves tests of any kind."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from aiohttp import web

from sse_signals.app import SignalsService
from sse_signals.clock import wall_clock_ms
from sse_signals.event_broker import EventBroker
from sse_signals.listening import HttpConnection
from sse_signals.logs import adapt
from sse_signals.testing.ledger import HubEnded, Ledger, check_seconds
from sse_signals.testing.lines import Line, Lines
from sse_signals.testing.log import Log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sse_signals.model import HistoryLimits
    from sse_signals.testing.faults import Fault

T = TypeVar("T")
PATIENCE: Final = 10.0  # seconds that anything gets that the hub is asked to do, which takes milliseconds if it is idle
_END: Final = 0.5  # seconds that the hub gets to end
_NO_LOG: Final = cast("logging.Logger", None)
_LOGGER: Final = logging.getLogger("sse_signals.testing")
_LOGGER.addHandler(logging.NullHandler())  # pytest shows it with a test that fails; nobody else asked for it


class RunningHub:
    """A hub that runs, for whoever knows its event loop.

    Attributes:
        url: Where it is, with the prefix of its routes.
        service: The hub.
        log: Its log.
        ledger: What was published.
        lines: Its connections.
        faults: What is wrong with it at the moment, in the order in which it was asked for.
        refusing: Those of them that are reasons to take no streams.
    """

    def __init__(self, history: HistoryLimits, options: dict[str, Any], *, retry: float) -> None:
        """Start it, and return once it listens.

        Args:
            history: How much it holds.
            options: What `SignalsService.create` takes besides.
            retry: Seconds that a stream's client is told to wait before it comes back.

        Raises:
            SignalsError: It cannot start with these.
            ValueError: There is no such time to wait.
        """
        check_seconds("retry", retry)
        self.ledger = Ledger()
        self.lines = Lines(self.ledger.ring)
        self.faults: dict[Fault, None] = {}
        self.refusing: set[Fault] = set()
        self._history = history
        self._options = options
        self._retry = retry
        self._prefix = ""
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        started: SimpleQueue[Exception | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._main, args=(started,), name="sse_signals.testing", daemon=True)
        self._thread.start()
        failure = started.get(timeout=3 * PATIENCE)
        if failure is not None:
            self._thread.join(PATIENCE)
            raise failure

    def call(self, work: Callable[[], Awaitable[T]], within: float = PATIENCE) -> T:
        """Have work done in the hub's event loop, and return what comes of it; works in any thread, in a loop or not.

        Args:
            work: What to do.
            within: Seconds it may take.

        Raises:
            HubEnded: It has ended.
            TimeoutError: It has taken too long; it is not waited for any more.
        """
        answer: SimpleQueue[tuple[T | None, Exception | None]] = SimpleQueue()

        async def do() -> None:
            try:
                async with asyncio.timeout(within):
                    answer.put((await work(), None))
            except TimeoutError:
                text = f"the hub has not done within {within:g} s what it was asked for"
                answer.put((None, TimeoutError(text)))
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                answer.put((None, error))

        def begin() -> None:
            task = self._loop.create_task(do())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        try:
            self._loop.call_soon_threadsafe(begin)
            result, failure = answer.get(timeout=within + PATIENCE)
        except (RuntimeError, Empty):  # the loop is closed, or was so before it came to this
            raise HubEnded from None
        if failure is not None:
            raise failure
        return cast("T", result)

    def open_streams(self) -> list[str]:
        """Describe the streams that are open."""

        async def describe() -> list[str]:
            sweep = self.service.site.sweep
            streams = () if sweep is None else sweep.streams
            return [f"{stream.identity.subject or 'anybody'}: {', '.join(stream.asked)}" for stream in streams]

        return self.call(describe)

    def end(self) -> None:
        """End it within a second, whatever is open, if the machine gives it that."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(PATIENCE)

    def _main(self, started: SimpleQueue[Exception | None]) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve(started))
        finally:
            self.ledger.end()

    async def _serve(self, started: SimpleQueue[Exception | None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self.log = Log(self._history, self.ledger)
        app = web.Application(logger=_LOGGER, middlewares=[self._watch])
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=_END / 2)
        try:
            self.service = SignalsService.create(
                app,
                event_broker=EventBroker(self.log, history=self._history, logger=adapt(_LOGGER), clock=wall_clock_ms),
                logger=_LOGGER,
                **self._options,
            )
            await runner.setup()
        except Exception as error:  # noqa: BLE001 - it is raised where the hub was started
            self._socket.close()
            started.put(error)
            return
        self.service.site.reconnect = (self._retry, self._retry)
        self._prefix = self.service.site.prefix
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{self._prefix}"
        server = await self._loop.create_server(self._connection(runner), sock=self._socket)
        started.put(None)
        await self._ending.wait()
        server.close()
        self.lines.cut(all_of_them=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_END):
                await runner.cleanup()

    def _connection(self, runner: web.AppRunner) -> Callable[[], Line]:
        manager = cast("web.Server", runner.server)

        def connection() -> Line:
            protocol = HttpConnection(
                manager, loop=self._loop, leaving=asyncio.Event(), access_log=_NO_LOG, auto_decompress=False
            )
            return Line(protocol, self.lines)

        return connection

    @web.middleware
    async def _watch(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Know which connections have a stream, and take none of them while that is what the test wants."""
        line: object = request.transport
        if request.path != f"{self._prefix}/stream" or not isinstance(line, Line):  # or its client is gone already
            return await handler(request)
        if self.refusing:
            line.abort()
            return web.Response()
        self.lines.stream(line)
        try:
            return await handler(request)
        finally:
            self.lines.streamed(line)

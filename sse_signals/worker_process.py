"""A process that is one of several at a port, as the one that started it sees it."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import sys
from contextlib import ExitStack, closing, contextmanager, suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Final

from sse_signals.server import grace
from sse_signals.worker import FOLLOWS, LISTENS, RETIRE, work

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    from sse_signals.own_port import Membership
    from sse_signals.settings import Settings

STEADY: Final = 10.0  # seconds after which a worker counts as one that can live
START: Final = 60.0  # seconds that a worker gets to listen, which takes one, and some more when its log is away
_SPAWN: Final = multiprocessing.get_context("spawn")  # a fork would share an event loop, threads and connections
_FOR_PARENT: Final = frozenset({signal.SIGINT, signal.SIGHUP})  # a terminal sends them to all, but the parent decides


class WorkerProcess:
    """A worker, as its parent sees it.

    Attributes:
        started: Is `LISTENS` once it listens, else why it does not, or None if it ended without a word.
        follows: Is set once it follows its log.
        ended: In which way it ended.
    """

    def __init__(
        self,
        member: Membership,
        settings: Settings,
        sockets: Sequence[socket.socket],
        logger: Any,
        *,
        heard: Callable[[str], object],
    ) -> None:
        """Start it.

        Args:
            member: Its number, by which logs call it, and how its crew is asked.
            settings: What is set.
            sockets: Where it shall listen.
            logger: A structlog logger.
            heard: Called with what it says once it listens.

        Raises:
            OSError: The machine has not got what it takes.
        """
        self._loop = asyncio.get_running_loop()
        self._number = member.number
        self._logger = logger
        self._heard = heard
        self._delay, self._window = settings.drain_delay, settings.drain_window
        self._grace = grace(settings)
        self._ending = False
        self._begun = self._loop.time()
        self.started: asyncio.Future[str | None] = self._loop.create_future()
        self.follows = asyncio.Event()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._line, theirs = _SPAWN.Pipe()
        self._fd = self._line.fileno()
        self._process = _SPAWN.Process(
            target=work,
            args=(member, settings, sockets, theirs),
            kwargs={"terminal": sys.stderr.isatty()},
            name=f"sse-signals worker {member.number}",
            daemon=True,
        )
        with closing(theirs), ExitStack() as undone:
            undone.enter_context(self._line)
            with _signals_kept_from_children():
                self._process.start()
            undone.pop_all()
        self._pid = self._process.pid
        self._limit = self._loop.call_later(START, self.kill, f"it has not listened after {START:g} s")
        self._loop.add_reader(self._fd, self._told)
        self._loop.add_reader(self._process.sentinel, self._over)

    @property
    def steady(self) -> bool:
        """Whether it has lived for long."""
        return self._loop.time() - self._begun >= STEADY

    def retire(self) -> None:
        """Have it leave its sockets to another, and end in good order."""
        self._say(RETIRE)
        self._shall_end(self._window + self._grace)

    def stop(self, why: str) -> None:
        """Have it end in good order, and until then tell those who come that they shall come back.

        Args:
            why: What its log says about it.
        """
        self._say(why)
        self._shall_end(self._delay + self._window + self._grace)

    def hurry(self) -> None:
        """Have it end without any delay, in good order as far as that takes no time."""
        self._hang_up()
        self._shall_end(self._grace)

    def kill(self, reason: str) -> None:
        """Have it end at once.

        Args:
            reason: Why, for the log.
        """
        with suppress(ValueError):  # it has just ended
            self._process.kill()  # before anything is logged, which may have to wait
            self._logger.error("worker killed", worker=self._number, pid=self._pid, reason=reason)

    def _say(self, word: str) -> None:
        with suppress(OSError):  # it has ended already
            self._line.send(word)

    def _shall_end(self, seconds: float) -> None:
        """Give it so many seconds from now, if it has not ended."""
        self._ending = True
        self._limit.cancel()
        self._limit = self._loop.call_later(seconds, self.kill, f"it has not ended after {seconds:g} s")

    def _hang_up(self) -> None:
        if not self._line.closed:  # or the number may be that of another one's line by now
            self._loop.remove_reader(self._fd)
            self._line.close()

    def _told(self) -> bool:
        """Hear what it says; say whether it could still say something."""
        try:
            word = self._line.recv()
        except (EOFError, OSError):  # it has ended, or is not wanted any more
            self._hang_up()
            return False
        if word == FOLLOWS:
            self.follows.set()
        if self.started.done():
            self._heard(word)
        else:
            self.started.set_result(word)
            self._begin(word)
        return True

    def _begin(self, word: str) -> None:
        if word != LISTENS:
            self._shall_end(self._grace)
            return
        if not self._ending:
            self._limit.cancel()
        self._logger.info("worker listens", worker=self._number, pid=self._pid)

    def _over(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._process.join()
        code = self._process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        while self._told():  # its last words may not have been read yet
            pass
        if not self.started.done():
            self.started.set_result(None)
            how += " before it listened"
        self._limit.cancel()
        self._hang_up()
        self._process.close()
        self.ended.set_result(how)


@contextmanager
def _signals_kept_from_children() -> Iterator[None]:
    """Have a process that is started meanwhile, which inherits what is blocked, never get the signals of a terminal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # a child, too, whose start unblocks what else a terminal sends
        signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_PARENT)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

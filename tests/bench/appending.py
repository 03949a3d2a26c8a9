"""Appending to a log from many publishers at once, in a process of its own: what all ways of doing it share."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol

from sse_signals.bench.messages import Messages
from sse_signals.bench.remote import Remote, now_us
from sse_signals.model import Signal
from sse_signals.process import rare_collections
from tests.bench import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

MESSAGES: Final = Messages("log", 100)
TOPIC: Final = "bench"


@dataclass(frozen=True)
class Appended:
    """What was appended and acknowledged.

    Attributes:
        count: Requests.
        seconds: From the first request to the last acknowledgement.
        cpu: CPU seconds of the process that appended.
    """

    count: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Acknowledged requests per second."""
        return self.count / self.seconds


class Appender(Protocol):
    """Something that appends to a log; it is used through a loop of its own."""

    async def open(self) -> None:
        """Connect."""

    async def busy(self, publishers: int, batch: int, seconds: float) -> Appended:
        """Append from so many publishers at once, each the next as soon as the last is acknowledged; check the log.

        Args:
            publishers: How many.
            batch: Signals in a request.
            seconds: For how long.
        """

    async def close(self) -> None:
        """Let go of it."""


class Served:
    """Runs appenders, one after another, in the process it is made in; see `sse_signals.bench.remote.Remote`."""

    def __init__(self) -> None:
        self._held = ExitStack()
        self._held.enter_context(rare_collections())  # as in the hub's process
        self._runner = self._held.enter_context(asyncio.Runner())

    def wait(self, calls: Connection) -> None:
        """Wait for a call."""
        calls.poll(None)

    def make(self, make: Callable[..., Appender], *arguments: Any) -> None:
        """Make an appender and connect it."""
        self._appender = make(*arguments)
        self._runner.run(self._appender.open())

    def do(self, method: str, *arguments: Any) -> Any:
        """Call a method of the appender, and return what it returns."""
        return self._runner.run(getattr(self._appender, method)(*arguments))

    def close(self) -> None:
        """End."""
        self._held.close()


class Bench:
    """A process on the core of the servers, in which appenders run one after another."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    @contextmanager
    def running(self, make: Callable[..., Appender], *arguments: Any) -> Iterator[Callable[..., Any]]:
        """Run an appender; yield what calls its methods by name."""

        def call(method: str, *given: Any) -> Any:
            return self._remote.call("do", method, *given)

        self._remote.call("make", make, *arguments)
        yield call
        call("close")


@contextmanager
def bench() -> Iterator[Bench]:
    """Start a process for appenders."""
    with Remote(Served, core=machine.SERVER_CORE) as remote:
        yield Bench(remote)
        remote.call("close")


async def drive(
    append: Callable[[int], Awaitable[object]], publishers: int, *, seconds: float = 3600.0, most: int | None = None
) -> Appended:
    """Append from so many publishers at once, each the next as soon as the last is acknowledged.

    Args:
        append: Appends one request, which is told its number, and returns when it is acknowledged.
        publishers: How many.
        seconds: For how long.
        most: How many requests at most; None for any number.
    """
    numbers = count() if most is None else range(most)
    upcoming = iter(numbers)
    done = 0
    cpu, started = time.process_time(), time.perf_counter()
    end = started + seconds

    async def publish() -> None:
        nonlocal done
        for number in upcoming:
            await append(number)
            done += 1
            if time.perf_counter() >= end:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(publishers):
            group.create_task(publish())
    return Appended(done, time.perf_counter() - started, time.process_time() - cpu)


def signal(number: int) -> Signal:
    """Return a signal with a message that says its number and when it was made."""
    return Signal(MESSAGES.encode(number, 0, now_us()), TOPIC)


def request(number: int, rest: Sequence[Signal]) -> list[Signal]:
    """Return the signals of a request: one that says the request's number, and others."""
    return [signal(number), *rest]


def rest(batch: int) -> Sequence[Signal]:
    """Return what all requests of so many signals have besides their first."""
    return [Signal(MESSAGES.encode(0, index, 0), TOPIC) for index in range(1, batch)]

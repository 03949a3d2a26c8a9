"""The one thread that touches the file of a log: everything that waits joins one transaction."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from sse_signals.brokers.held import Held
from sse_signals.errors import BrokerUnavailable, ConfigurationError, SignalsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sse_signals.brokers.sqlite_file import LogFile
    from sse_signals.history import History
    from sse_signals.model import Event

    Work = Callable[[LogFile], Any]
    Outcome = tuple[asyncio.Future[Any], Any, Exception | None]

_WEIGHT: Final = 2000  # signals that one transaction takes, so that those that wait for it do not wait for long


class Job:
    """Something to be done with the file, and who waits for it.

    Attributes:
        future: Its outcome.
        weight: Signals it appends, or 1.
        writes: Whether it belongs into a transaction.
    """

    __slots__ = ("_work", "future", "weight", "writes")

    def __init__(self, work: Work, future: asyncio.Future[Any], weight: int, *, writes: bool) -> None:
        self._work = [work]  # in a list, because only one thread can take it out of there
        self.future = future
        self.weight = weight
        self.writes = writes

    def take(self) -> Work | None:
        """Return what is to be done, for whoever asks first: the writer, or who does not want it done any more."""
        try:
            return self._work.pop()
        except IndexError:
            return None


class Writer:
    """A thread with a queue, for the event loop that it was made in. None of its methods waits.

    Attributes:
        loop: That loop.
        thread: Which ends some time after `stop`.
        held: What is held of the log; None until the file was opened for the first time.
        stopped: Whether it takes nothing any more.
    """

    def __init__(
        self,
        file: LogFile,
        *,
        after: Writer | None,
        logger: Any,
    ) -> None:
        """Start the thread; the file is opened as soon as there is something to do.

        Args:
            file: Which nobody else touches from now on.
            after: The writer that had the file before, and may not have ended yet.
            logger: A structlog logger.
        """
        self.loop = asyncio.get_running_loop()
        self.held: Held | None = None
        self.stopped = False
        self._file = file
        self._logger = logger
        self._gathered: list[Job] = []
        self._complaint = ""  # the last failure, as long as it lasts
        self._queue: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._before = after.thread if after is not None else None
        self.thread: threading.Thread = threading.Thread(
            target=self._run, name="sse_signals writes the log", daemon=True
        )
        self.thread.start()

    def submit(self, work: Work, *, weight: int = 1, writes: bool = True) -> Job:
        """Have something done with the file. What is submitted in one turn of the loop is handed over together."""
        job = Job(work, self.loop.create_future(), weight, writes=writes)
        if not self._gathered:
            self.loop.call_soon(self._hand_over)
        self._gathered.append(job)
        return job

    def stop(self) -> None:
        """End the thread and close the file, when everything that was submitted is done."""
        self.stopped = True
        self._hand_over()
        self._queue.put(None)

    def _hand_over(self) -> None:
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    def _run(self) -> None:
        if self._before is not None:
            self._before.join()
            self._before = None
        while self._fetch():
            self._do(self._batch())
        self._file.close()

    def _fetch(self) -> bool:
        """Wait for something to do; False when there is nothing more and never will be."""
        with suppress(Empty):
            while True:
                jobs = self._queue.get(block=not self._waiting)
                if jobs is None:
                    self._queue.put(None)  # for the next time, when what still waits is done
                    return bool(self._waiting)
                self._waiting += jobs
        return True

    def _batch(self) -> Sequence[tuple[Job, Work]]:
        batch: list[tuple[Job, Work]] = []
        weight = 0
        while self._waiting and weight < _WEIGHT:
            job = self._waiting.popleft()
            work = job.take()
            if work is not None:
                batch.append((job, work))
                weight += job.weight
        return batch

    def _do(self, batch: Sequence[tuple[Job, Work]]) -> None:
        try:
            if not self._file.usable:
                self._load_anew()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
            known = isinstance(error, (BrokerUnavailable, ConfigurationError))
            outcome = error if known else self._failure(error, unknown=False)
            self._call(self._tell, [(job.future, None, outcome) for job, _ in batch])
            return
        writing = [(job, work) for job, work in batch if job.writes]
        if writing:
            self._transact(writing)
        for job, work in batch:
            if not job.writes:
                self._look(job, work)

    def _load_anew(self) -> None:
        self._call(self._load, self._file.open())
        if self._file.forked:
            self._logger.warning("the log is not where it was left: it gets a new epoch", file=self._file.path)

    def _transact(self, batch: Sequence[tuple[Job, Work]]) -> None:
        committing = False
        try:
            self._file.begin()
            outcomes = [self._outcome(job, work) for job, work in batch]
            committing = True
            events = self._file.commit()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
            harmless = self._file.roll_back(error)
            outcome = self._failure(error, unknown=committing and not harmless)
            self._call(self._tell, [(job.future, None, outcome) for job, _ in batch])
        else:
            self._complaint = ""
            self._call(self._finish, events, outcomes)

    def _outcome(self, job: Job, work: Work) -> Outcome:
        try:
            return job.future, work(self._file), None
        except SignalsError as error:  # it concerns this job alone, which has written nothing
            return job.future, None, error

    def _look(self, job: Job, work: Work) -> None:
        try:
            outcome: Outcome = job.future, work(self._file), None
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
            outcome = job.future, None, self._failure(error, unknown=False)
        self._call(self._tell, [outcome])

    def _failure(self, error: Exception, *, unknown: bool) -> BrokerUnavailable:
        if repr(error) != self._complaint:  # else it has been told
            self._complaint = repr(error)
            self._logger.warning("the log's file cannot be used", error=self._complaint)
        return BrokerUnavailable(f"the log's file cannot be used: {error}", outcome_unknown=unknown)

    def _call(self, callback: Callable[..., object], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed, and with it all that wait
            self.loop.call_soon_threadsafe(callback, *arguments)

    def _finish(self, events: Sequence[Event], outcomes: Iterable[Outcome]) -> None:
        if self.held is not None:  # pragma: no branch - the file was opened first
            self.held.append(events, self._file.clock())
        self._tell(outcomes)

    def _tell(self, outcomes: Iterable[Outcome]) -> None:
        for future, value, error in outcomes:
            if future.done():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

    def _load(self, history: History) -> None:
        if self.held is None:
            self.held = Held(history)
        else:
            self.held.replace(history)

"""One run of a load: streams are opened, messages published, and what the streams received is told."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from sse_signals.bench.fleet import Fleet, spare_cores
from sse_signals.bench.publishers import Published, Publishers
from sse_signals.bench.remote import Remote, now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.bench.messages import Messages
    from sse_signals.bench.tally import Tally
    from sse_signals.bench.target import Target

TIMED: Final = 50_000  # deliveries a second of which latencies are counted at most
_BUSY_RATE: Final = 2_500  # messages a second to expect of a hub that gets them as fast as it answers
_STEP: Final = 0.2  # seconds between two reports of progress
_PATIENCE: Final = 5.0  # seconds without a delivery after which what is missing is lost
_IMPATIENCE: Final = 1.0  # the same if the run was interrupted, or the hub is lost
_TWICE: Final = 0.1  # seconds in which what was received may come a second time


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for.

    Attributes:
        streams: How many are open.
        rate: Messages published a second; None for as fast as they are answered.
        in_flight: Messages unanswered at any time, if there is no rate.
        size: Bytes of a message.
        seconds: How long to publish.
        at_once: How many streams are being opened at a time.
    """

    streams: int = 1000
    rate: float | None = 20.0
    in_flight: int = 1
    size: int = 100
    seconds: float = 10.0
    at_once: int = 64

    @property
    def timed_every(self) -> int:
        """Of so many streams one has its latencies counted: counting must not become the load's main work."""
        return max(1, ceil(self.streams * (self.rate or _BUSY_RATE) / TIMED))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: ``opening`` (streams), ``publishing`` (seconds) or ``waiting`` (deliveries).
        done: How much of it is done.
        whole: How much there is to do.
        deliveries: How many messages streams have received a second of late.
    """

    stage: str
    done: float
    whole: float
    deliveries: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has shown.

    Attributes:
        load: What was asked for.
        opening: Seconds it took to open all streams.
        published: What was published.
        tally: What the streams received.
        seconds: From the first publish to the last delivery.
        readers: CPU time of each process that reads streams, as a share of one core.
        publisher: The same of the process that publishes.
        interrupted: Whether somebody ended it early.
    """

    load: Load
    opening: float
    published: Published
    tally: Tally
    seconds: float
    readers: Sequence[float]
    publisher: float
    interrupted: bool = False

    @property
    def expected(self) -> int:
        """How many deliveries there should be."""
        return self.published.count * self.load.streams

    @property
    def disordered(self) -> int:
        """How many deliveries came late, twice or out of order."""
        return self.tally.late + self.tally.disordered

    @property
    def exact(self) -> bool:
        """Whether every message was accepted, and received by every stream once and in order."""
        return self.tally.exact and not self.published.refused


def measure(
    target: Target,
    messages: Messages,
    load: Load,
    progress: Callable[[Progress], None],
    stopping: Callable[[], bool],
) -> Outcome:
    """Put a load on a hub.

    Args:
        target: The hub.
        messages: What to publish.
        load: How much of it.
        progress: Is told how far it is, several times a second.
        stopping: Says whether to end early. Once publishing has begun, there is an outcome all the same.

    Raises:
        LoadFailed: The hub refused a stream, or could not be reached when publishing began. If it is lost later,
            there is an outcome.
        KeyboardInterrupt: It was to end before anything was published.
    """
    with (
        Fleet(target, messages, load.streams, spare_cores()) as fleet,
        Remote(Publishers, target.address, messages, [target.form]) as publishers,
    ):
        return _Run(fleet, publishers, load, progress, stopping).measure()


class _Run:
    """A run with its processes."""

    def __init__(
        self,
        fleet: Fleet,
        publishers: Remote,
        load: Load,
        progress: Callable[[Progress], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._fleet = fleet
        self._publishers = publishers
        self._load = load
        self._progress = progress
        self._stopping = stopping
        self._received = 0
        self._looked = 0.0

    def measure(self) -> Outcome:
        load, fleet = self._load, self._fleet
        self._opened(0)
        opening = fleet.open(load.at_once, load.timed_every, self._opened, self._check)
        readers_before, publisher_before = fleet.cpu(), self._publishers.cpu()
        started = now_us()
        published = self._publish()
        self._wait(published.count, lost=bool(published.failed))
        seconds = (now_us() - started) / 1e6
        tally = fleet.tally(published.count)
        return Outcome(
            load=load,
            opening=opening,
            published=published,
            tally=tally,
            seconds=max(published.seconds, (tally.last_us - started) / 1e6) if tally.received else published.seconds,
            readers=[(after - before) / seconds for before, after in zip(readers_before, fleet.cpu(), strict=True)],
            publisher=(self._publishers.cpu() - publisher_before) / seconds,
            interrupted=self._stopping(),
        )

    def _opened(self, streams: int) -> None:
        self._progress(Progress("opening", streams, self._load.streams))

    def _check(self) -> None:
        if self._stopping():
            raise KeyboardInterrupt

    def _publish(self) -> Published:
        load, publishers = self._load, self._publishers
        if load.rate is None:
            publishers.begin("busy", load.in_flight, load.seconds)
        else:
            publishers.begin("steady", load.rate, load.seconds)
        started = self._looked = time.monotonic()
        stopped = False
        while not publishers.done(_STEP):
            if self._stopping() and not stopped:
                publishers.begin("stop")
                stopped = True
            done = min(time.monotonic() - started, load.seconds)
            self._progress(Progress("publishing", done, load.seconds, self._look()))
        published: Published = publishers.result()
        if stopped:
            publishers.result()
        elif not published.failed:
            self._progress(Progress("publishing", load.seconds, load.seconds, self._look()))
        return published

    def _wait(self, count: int, *, lost: bool = False) -> None:
        """Wait for what has not been delivered yet, as long as something still comes; not long if the hub is lost."""
        progressed = time.monotonic()
        while not self._fleet.watch(count, _STEP):
            before = self._received
            rate = self._look()
            self._progress(Progress("waiting", self._received, count * self._load.streams, rate))
            if self._received > before:
                progressed = time.monotonic()
            elif time.monotonic() - progressed > (_IMPATIENCE if lost or self._stopping() else _PATIENCE):
                return
        self._fleet.watch(count + 1, _TWICE)

    def _look(self) -> float:
        """Return how many messages were received a second since the last look."""
        received, now = self._fleet.received(), time.monotonic()
        rate = (received - self._received) / max(now - self._looked, 1e-3)
        self._received, self._looked = received, now
        return rate

"""Publishers of a load: at a steady rate, or as fast as they are answered."""

from __future__ import annotations

import select
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sse_signals.bench.connections import Connector
from sse_signals.bench.latencies import Latencies
from sse_signals.bench.publisher import PATIENCE, Publisher
from sse_signals.bench.remote import now_us
from sse_signals.errors import LoadFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from sse_signals.bench.messages import Messages
    from sse_signals.bench.target import Address, Form

MAX_CONNECTIONS: Final = 64  # that a steady publisher opens when answers are slow


@dataclass(slots=True)
class Published:
    """What was published.

    Attributes:
        accepted: Messages that were, for each form.
        refused: How many were not, by what came instead: a status, or 0 when the connection was lost.
        told: What the hub said first with each of these.
        failed: Why it ended early: the hub could not be reached or answered no more. Empty if it did not.
        seconds: How long it took, with the last answers.
        behind: Messages that were sent more than one interval later than the rate asks.
        latencies: From publish to answer; at a steady rate from when the message was due.
    """

    accepted: list[int]
    refused: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    behind: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    told: dict[int, str] = field(default_factory=dict)
    failed: str = ""

    @property
    def count(self) -> int:
        """How many messages were published."""
        return sum(self.accepted)


class Publishers:
    """Publishes from the process it is made in; see `sse_signals.bench.remote.Remote`."""

    def __init__(self, address: Address, messages: Messages, forms: Sequence[Form]) -> None:
        """Make publishers without a connection yet.

        Args:
            address: Where the hub listens.
            messages: What is published.
            forms: How; they take turns.

        Raises:
            LoadFailed: The host is not known.
        """
        self._connector = Connector(address)
        self._messages = messages
        self._forms = forms
        self._epoll = select.epoll()
        self._calls: Connection | None = None
        self._stopped = False
        self._all: list[Publisher] = []
        self._waiting: dict[int, Publisher] = {}  # for an answer, by the number of their socket
        self._idle: list[Publisher] = []
        self._sent = 0
        self._published = Published([])

    def wait(self, calls: Connection) -> None:
        """Wait for a call."""
        self._calls = calls
        calls.poll(None)

    def stop(self) -> None:
        """Do nothing: that this call has come is what ends the one before, which returns what was published so far."""

    def close(self) -> None:
        """Close all connections."""
        for publisher in self._all:
            publisher.disconnect()
        self._epoll.close()

    def steady(self, rate: float, seconds: float) -> Published:
        """Publish so many messages a second, whether or not they are answered in time.

        A message bears the time at which it was due: what a slow hub makes late counts as its latency ("coordinated
        omission" would hide it).

        Raises:
            LoadFailed: The hub cannot be reached, or does not answer, before anything was accepted.
        """
        with self._publishing() as published:
            started = time.monotonic()
            for number in range(round(rate * seconds)):
                due = started + number / rate
                self._take_answers(due)
                if self._stopped:
                    break
                if not self._idle and len(self._all) >= MAX_CONNECTIONS:
                    self._take_answer()
                published.behind += time.monotonic() - due > 1 / rate
                self._send(int(due * 1e6))
            self._take_answers(started + seconds)
        return published

    def busy(self, in_flight: int, seconds: float) -> Published:
        """Publish the next message as soon as one is answered, with so many unanswered at any time.

        Raises:
            LoadFailed: The hub cannot be reached, or does not answer, before anything was accepted.
        """
        with self._publishing() as published:
            end = time.monotonic() + seconds
            while time.monotonic() < end and not self._stopped:
                while len(self._waiting) < in_flight:
                    self._send()
                self._take_answer()
        return published

    @contextmanager
    def _publishing(self) -> Iterator[Published]:
        published = self._published = Published([0] * len(self._forms))
        self._stopped = False
        if self._calls is not None:
            self._epoll.register(self._calls.fileno(), select.EPOLLIN)
        started = time.monotonic()
        try:
            yield published
            while self._waiting:
                self._take_answer()
        except LoadFailed as error:
            self._give_up()
            if not published.count:
                raise
            published.failed = str(error)
        finally:
            published.seconds = time.monotonic() - started
            if self._calls is not None and not self._stopped:
                self._epoll.unregister(self._calls.fileno())

    def _give_up(self) -> None:
        """Count what is unanswered as refused."""
        for fileno, publisher in self._waiting.items():
            self._epoll.unregister(fileno)
            self._idle.append(publisher)
            self._refuse(publisher, "did not answer")
        self._waiting.clear()

    def _refuse(self, publisher: Publisher, told: str) -> None:
        self._published.refused[0] += 1
        self._published.told.setdefault(0, told)
        publisher.disconnect()

    def _add(self) -> Publisher:
        publisher = Publisher(self._connector, len(self._all))
        self._all.append(publisher)
        return publisher

    def _send(self, due_us: int | None = None) -> None:
        publisher = self._idle.pop() if self._idle else self._add()
        form = self._sent % len(self._forms)
        self._sent += 1
        try:
            fileno = publisher.send(self._messages, self._forms[form], form, due_us)
        except LoadFailed:
            self._idle.append(publisher)
            self._refuse(publisher, "could not be reached any more")
            raise
        self._waiting[fileno] = publisher
        self._epoll.register(fileno, select.EPOLLIN)

    def _take_answers(self, until: float) -> None:
        """Take what answers there are, and those that come until then."""
        self._take(0)
        while (left := until - time.monotonic()) > 0 and not self._stopped:
            self._take(left)

    def _take_answer(self) -> None:
        """Wait until one more publisher is idle."""
        end = time.monotonic() + PATIENCE
        before = len(self._waiting)
        while len(self._waiting) == before:
            left = end - time.monotonic()
            if left <= 0:
                raise LoadFailed(f"A publish request has had no answer for {PATIENCE:g} s.")
            self._take(left)

    def _take(self, seconds: float) -> None:
        for fileno, _ in self._epoll.poll(seconds):
            publisher = self._waiting.get(fileno)
            if publisher is None:  # it is a call
                self._stopped = True
                self._epoll.unregister(fileno)
                continue
            result = publisher.answer()
            if result is not None:
                self._epoll.unregister(fileno)
                del self._waiting[fileno]
                self._idle.append(publisher)
                self._count(publisher, result)

    def _count(self, publisher: Publisher, result: int) -> None:
        published = self._published
        if 200 <= result < 300:
            published.accepted[publisher.form] += 1
            published.latencies.add(now_us() - publisher.sent_us)
        else:
            published.refused[result] += 1
            published.told.setdefault(result, publisher.told())
        if not result or publisher.closed:
            publisher.disconnect()

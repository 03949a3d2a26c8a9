"""A load on one server, and what it cost."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sse_signals.bench.messages import Messages
from sse_signals.bench.publishers import Publishers
from sse_signals.bench.readers import Readers
from sse_signals.bench.remote import Remote, now_us
from tests.bench import machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sse_signals.bench.publishers import Published
    from sse_signals.bench.readers import Tally, Wanted
    from sse_signals.bench.target import Form
    from tests.bench.servers import Server

_TWICE = 0.1  # seconds in which what was received may come a second time


@dataclass(frozen=True)
class Cost:
    """What a stretch of load did and cost.

    Attributes:
        published: What was published.
        tally: What the streams received, from the beginning.
        deliveries: Messages received in the stretch.
        seconds: From the first publish to the last delivery.
        cpu: CPU seconds of the server.
        readers_busy: Share of a core that the readers needed.
        publishers_busy: Share of a core that the publishers needed.
    """

    published: Published
    tally: Tally
    deliveries: int
    seconds: float
    cpu: float
    readers_busy: float
    publishers_busy: float

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's CPU per delivery."""
        return self.cpu / self.deliveries * 1e6

    @property
    def server_busy(self) -> float:
        """Share of a core that the server needed."""
        return self.cpu / self.seconds

    @property
    def load_busy(self) -> float:
        """Share of a core that readers and publishers needed together: with two cores they share one."""
        return self.readers_busy + self.publishers_busy

    @property
    def rate(self) -> float:
        """Deliveries per second."""
        return self.deliveries / self.seconds


class Load:
    """Readers and publishers on one server, each in a process of its own."""

    def __init__(
        self, server: Server, messages: Messages, readers: Remote, publishers: Remote, forms: int, patience: float
    ) -> None:
        self.server = server
        self.messages = messages
        self.readers = readers
        self.publishers = publishers
        self.expected: dict[str, int] = {}
        self._forms = forms
        self._patience = patience

    def open(
        self, wanted: Sequence[Wanted] | int, *, at_once: int = 64, timed_every: int = 1, ready: bytes | None = None
    ) -> float:
        """Open streams; return the seconds it took. A number means so many of the server's usual ones."""
        if isinstance(wanted, int):
            wanted = self.server.streams(0, wanted)
        for group in wanted:
            self.expected.setdefault(group.channel, 0)
        ready = self.server.target.ready if ready is None else ready
        seconds: float = self.readers.call("open", wanted, ready, at_once, self._patience, timed_every)
        return seconds

    def steady(self, rate: float, seconds: float, reach: Mapping[str, Sequence[int]] | None = None) -> Cost:
        """Publish at a steady rate, and wait until all has arrived.

        Args:
            rate: Messages a second.
            seconds: For how long.
            reach: For each channel, which of the publishers' forms its streams receive; all receive all by default.

        Raises:
            RuntimeError: A stream did not receive everything once and in order.
        """
        return self._publish("steady", rate, seconds, reach)

    def busy(self, in_flight: int, seconds: float, reach: Mapping[str, Sequence[int]] | None = None) -> Cost:
        """Publish as fast as is answered, and wait until all has arrived; see `steady`."""
        return self._publish("busy", in_flight, seconds, reach)

    def expect(self, published: Published, reach: Mapping[str, Sequence[int]] | None = None) -> None:
        """Add what was published to what streams should have received."""
        if published.refused or published.failed:
            raise RuntimeError(f"{self.server.name} did not publish: {dict(published.refused)} {published.failed}")
        for channel in self.expected:
            forms = range(self._forms) if reach is None else reach[channel]
            self.expected[channel] += sum(published.accepted[form] for form in forms)

    def check(self) -> Tally:
        """Wait until everything has arrived, and a moment longer for what comes twice; return what did.

        Raises:
            RuntimeError: A stream did not receive everything it should have once and in order, or received more.
        """
        return self._settled(self._arrived())

    def stop(self) -> Published:
        """End what the publishers were begun with, if it has not ended yet; return what was published."""
        self.publishers.begin("stop")
        published: Published = self.publishers.result()
        self.publishers.result()
        return published

    def _arrived(self) -> bool:
        """Wait until everything has arrived; say whether it has."""
        arrived: bool = self.readers.call("watch", self.expected, self._patience)
        return arrived

    def _settled(self, arrived: bool) -> Tally:
        more = {channel: count + 1 for channel, count in self.expected.items()}
        self.readers.call("watch", more, _TWICE)
        tally: Tally = self.readers.call("tally", self.expected)
        if not arrived or not tally.exact:
            raise RuntimeError(
                f"{self.server.name}: {tally.lost} lost, {tally.surplus} surplus, {tally.late} late, "
                f"{tally.disordered} out of order, {tally.ended} of {tally.streams} streams ended"
            )
        return tally

    def _publish(self, how: str, number: float, seconds: float, reach: Mapping[str, Sequence[int]] | None) -> Cost:
        self.readers.call("forget_latencies")
        before = self.readers.call("received")
        readers, publishers, cpu = self.readers.cpu(), self.publishers.cpu(), self.server.cpu()
        started = now_us()
        published: Published = self.publishers.call(how, number, seconds)
        self.expect(published, reach)
        arrived = self._arrived()
        tally: Tally = self.readers.call("tally", self.expected)
        time.sleep(2 / 100)  # the system counts CPU time in hundredths
        elapsed = (tally.last_us - started) / 1e6
        cost = Cost(
            published,
            tally,
            deliveries=tally.received - before,
            seconds=elapsed,
            cpu=self.server.cpu() - cpu,
            readers_busy=(self.readers.cpu() - readers) / elapsed,
            publishers_busy=(self.publishers.cpu() - publishers) / elapsed,
        )
        self._settled(arrived)
        return cost


@contextmanager
def on(server: Server, *, size: int = 100, forms: Sequence[Form] = (), patience: float = 30.0) -> Iterator[Load]:
    """Make a load for a server, for as long as the context lasts.

    Args:
        server: Whom.
        size: Bytes of a message.
        forms: How messages are published, in turns; none means the server's usual way.
        patience: Seconds for everything to arrive.
    """
    messages = Messages(secrets.token_hex(4), size)
    address = server.target.address
    used = forms or [server.target.form]
    with (
        Remote(Readers, address, messages, core=machine.READER_CORE) as readers,
        Remote(Publishers, address, messages, used, core=machine.PUBLISHER_CORE) as publishers,
    ):
        yield Load(server, messages, readers, publishers, len(used), patience)

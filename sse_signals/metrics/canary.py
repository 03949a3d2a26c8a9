"""The canary: a signal that a node sends itself now and then, all the way through the log, to see how long it takes."""

from __future__ import annotations

import asyncio
import random
import secrets
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.registry import Collector

from sse_signals.cursor.local import Subscription
from sse_signals.cursor.start import NOTHING, Live
from sse_signals.errors import BrokerUnavailable, SignalsError
from sse_signals.histogram import Histogram
from sse_signals.identity import Identity
from sse_signals.metrics.series_own import CANARY, CANARY_LOST, CANARY_SENT
from sse_signals.model import Event, Signal
from sse_signals.topics import Filters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from prometheus_client.core import Metric

    from sse_signals.errors import SignalsGap
    from sse_signals.service import Service

TOPIC: Final = "signals-canary"  # of all nodes
PATIENCE: Final = 10.0  # seconds after which one that has not arrived is lost
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_KIND: Final = "signals-canary"  # of the entity refs that canaries are sent to


class Canary(Collector):
    """Publishes a signal that only this node can receive, listens for it as any plugin does, and times it.

    It is targeted to an entity ref that is made up anew for each node and told to nobody: whoever claimed to own it
    would have to guess 128 bits. While none is on its way nobody listens, so that the node has no stream more.

    Attributes:
        seconds: How long those that arrived took, from before the publish.
        sent: How many there were.
        lost: How many of them the log did not take, or did not bring back in `PATIENCE` seconds.
    """

    def __init__(
        self,
        service: Service,
        *,
        node: str,
        every: float,
        logger: Any,
        time: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Make one that sends nothing yet.

        Args:
            service: The node's end of the log.
            node: The node's name.
            every: Seconds between two.
            logger: Where it is told when one is lost, and when the next one arrives again.
            time: A monotonic clock, in seconds.
            sleep: Waits for so many seconds.
        """
        self._service = service
        self._every = every
        self._logger = logger
        self._time = time
        self._sleep = sleep
        self._filters = Filters.parse([TOPIC])
        self._identity = Identity(owns=frozenset({f"{_KIND}:{node}/{secrets.token_hex(16)}"}))
        self._task: asyncio.Task[None] | None = None
        self._missed = 0  # how many were lost since one arrived
        self.seconds = Histogram(BOUNDS)
        self.sent = 0
        self.lost = 0

    def start(self) -> None:
        """Begin to send, at some time within the first interval: nodes that start together shall not beat together."""
        self._task = asyncio.create_task(self._run(random.random() * self._every))  # noqa: S311 - no secret

    async def stop(self) -> None:
        """Send no more; harmless when it was not started."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def collect(self) -> Iterator[Metric]:
        """Yield what it has seen."""
        yield CANARY.family(self.seconds)
        yield CANARY_SENT.family(self.sent)
        yield CANARY_LOST.family(self.lost)

    async def _run(self, first: float) -> None:
        await self._sleep(first)
        while True:
            begun = self._time()
            await self.beat()
            await self._sleep(max(0.0, begun + self._every - self._time()))

    async def beat(self) -> None:
        """Send one, and wait until it has arrived or is lost."""
        self.sent += 1
        try:
            took = await self._send()
        except TimeoutError:
            self._lose(f"it has not come back within {PATIENCE:g} s")
        except SignalsError as error:
            self._lose(str(error))
        except Exception as error:
            self._logger.exception("the canary failed")
            self._lose(type(error).__name__)
        else:
            self.seconds.observe(took)
            if self._missed:
                self._logger.info("canary back", lost=self._missed, seconds=round(took, 3))
            self._missed = 0

    async def _send(self) -> float:
        """Return after how many seconds it came back."""
        if not self._service.started:
            raise BrokerUnavailable("the log has not been read yet")
        subscription = Subscription(self._service.node, self._filters, self._identity, _pass_over)
        subscription.open(Live(), NOTHING)
        # It listens before whatever the publish sets going, so that the signal comes through the hub.
        arriving = asyncio.create_task(self._arrival(subscription, self.sent))
        try:
            async with asyncio.timeout(PATIENCE):
                begun = self._time()
                signal = Signal(b"%d" % self.sent, TOPIC, self._identity.owns)
                await self._service.publish([signal])
                return await arriving - begun
        finally:
            subscription.close()  # with which its reading ends
            await asyncio.gather(arriving, return_exceptions=True)

    async def _arrival(self, subscription: Subscription, number: int) -> float:
        """Return the time at which a canary arrives; what others publish to its topic is passed over."""
        async for event in subscription:
            if isinstance(event, Event) and event.targets == self._identity.owns and event.message == number:
                return self._time()
        raise BrokerUnavailable("the node has stopped")

    def _lose(self, reason: str) -> None:
        self.lost += 1
        self._missed += 1
        if self._missed == 1:
            hint = "Publishing fails or is late at this node: see what is logged of the log, and its own health."
            self._logger.warning("canary lost", reason=reason, hint=hint)


def _pass_over(_gap: SignalsGap) -> None:
    """Take no notice of a gap: a canary that is in it is lost."""

"""`EventBroker`: the log that plugins publish to and listen to, whichever it is and wherever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.choice import open_log
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.client.publishing import TIMEOUT
from sse_signals.client.remote_hub import RemoteHub
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import ConfigurationError, InvalidInput
from sse_signals.identity import ANONYMOUS
from sse_signals.local_node import LocalNode
from sse_signals.logs import adapt
from sse_signals.model import MAX_BATCH, HistoryLimits
from sse_signals.setting_kinds import SHARED_BROKERS
from sse_signals.subscriptions import check_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from sse_signals.client.tokens import TokenSource
    from sse_signals.errors import SignalsGap
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Broker, SharedState
    from sse_signals.model import IdempotencyKey, Signal
    from sse_signals.service import Service
    from sse_signals.subscriptions import Gaps, Published, SignalEvent, SignalStream
    from sse_signals.topics import Filters


class EventBroker:
    """The log that plugins publish to and listen to, and that `SignalsService` serves over HTTP.

    One of another hub (``http://…``) cannot be served: it has no log of its own.

    Attributes:
        shared: Whether other processes may be nodes of the same log.
        volatile: Whether the log ends with this process.

    Example:
        >>> event_broker = EventBroker.from_url("memory://", history=HistoryLimits(count=1_000, age=600))
        >>> event_broker.shared, event_broker.volatile
        (False, True)
    """

    def __init__(
        self,
        broker: Broker | RemoteHub,
        *,
        history: HistoryLimits,
        logger: Any,
        clock: Callable[[], int],
        state: SharedState | None = None,
        shared: bool = False,
        volatile: bool = False,
    ) -> None:
        """Make it of its parts; see `from_url`.

        Args:
            broker: The log.
            history: How much of it to keep for those who resume.
            logger: A structlog logger.
            clock: Returns milliseconds since 1970-01-01 UTC.
            state: What all nodes of the log know besides.
            shared: Whether other processes may be nodes of the same log.
            volatile: Whether the log ends with this process.
        """
        self.shared = shared
        self.volatile = volatile
        self._node: LocalNode | RemoteHub
        if isinstance(broker, RemoteHub):
            self._node = broker
        else:
            state = MemoryState(clock=clock) if state is None else state
            self._node = LocalNode(broker, history=history, logger=logger, clock=clock, state=state)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        history: HistoryLimits | None = None,
        options: BrokerOptions | None = None,
        token: TokenSource = None,
        timeout: float = TIMEOUT,
        logger: Any = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> EventBroker:
        """Return the event broker at a URL.

        Args:
            url: ``memory://`` is a log in this process, new at each call; ``sqlite:///path`` one in a file;
                ``redis://host:6379/0`` and ``nats://host:4222`` are logs that several processes share;
                ``http://host:8080`` is a hub somewhere else.
            history: How much of the log to keep for those who resume; a hub somewhere else keeps its own.
            options: What else can be chosen about the log.
            token: For a hub somewhere else; see `sse_signals.SignalsClient.for_plugin`.
            timeout: For a hub somewhere else; see `sse_signals.SignalsClient.for_plugin`.
            logger: A structlog or standard logger.
            clock: Returns milliseconds since 1970-01-01 UTC.

        Raises:
            ConfigurationError: There is no such broker, or what it needs is not installed.
        """
        limits = history or HistoryLimits()
        if url.lower().startswith(("http:", "https:")):
            if history is not None or options is not None:
                raise ConfigurationError("The hub at the URL has its own history and options: leave them out.")
            remote = RemoteHub(url, token=token, timeout=timeout, logger=logger)
            return cls(remote, history=limits, logger=logger, clock=clock)
        if token is not None:
            raise ConfigurationError("A token is for a hub at http:// or https://; other logs have theirs in the URL.")
        log = open_log(url, limits, options or BrokerOptions(), clock=clock, logger=adapt(logger))
        return cls(
            log.broker,
            history=limits,
            logger=adapt(logger),
            clock=clock,
            state=log.state,
            shared=url.startswith(SHARED_BROKERS),
            volatile=url.startswith("memory:"),
        )

    @property
    def service(self) -> Service:
        """The node in this process.

        Raises:
            ConfigurationError: The log is behind another hub, as for the rest of these.
        """
        return self._local.service

    @property
    def state(self) -> SharedState:
        """What all nodes of the log know besides."""
        return self._local.state

    @property
    def clock(self) -> Callable[[], int]:
        """What returns milliseconds since 1970-01-01 UTC."""
        return self._local.clock

    @property
    def _local(self) -> LocalNode:
        if isinstance(self._node, RemoteHub):
            raise ConfigurationError(
                f"The log is behind the hub at {self._node.url.prefix}, and only that hub can serve it: give its URL "
                "to clients, or the URL of the log itself (redis://, nats://) to this one."
            )
        return self._node

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Published:
        """Append one record to the log; see `sse_signals.interfaces.Broker.publish`.

        Raises:
            InvalidInput: There are no signals, or more than 1,000.
            SignalsError: The log, or the hub it is behind, does not take it; see `sse_signals.SignalsClient.publish`.
        """
        if not 1 <= len(signals) <= MAX_BATCH:
            raise InvalidInput(
                f"There are {len(signals)} signals.", field="signals", hint=f"Give from 1 to {MAX_BATCH}."
            )
        return await self._node.publish(signals, key=key)

    def subscribe(
        self,
        filters: Filters,
        *,
        identity: Identity = ANONYMOUS,
        last_event_id: str | None = None,
        on_gap: Callable[[SignalsGap], object] | None = None,
        gaps: Gaps = "raise",
    ) -> AbstractAsyncContextManager[SignalStream[SignalEvent | SignalsGap]]:
        """Listen; see `sse_signals.SignalsClient.subscribe`."""
        check_gaps(gaps, on_gap)
        return self._node.subscribe(filters, identity=identity, last_event_id=last_event_id, on_gap=on_gap, gaps=gaps)

    async def start(self) -> None:
        """Follow the log in this process, from the first user's start to the last one's stop."""
        await self._local.start()

    async def stop(self) -> None:
        """Undo one start."""
        await self._local.stop()

    async def close(self) -> None:
        """Let go of the log's connections and files, when nobody uses it any more."""
        await self._node.close()

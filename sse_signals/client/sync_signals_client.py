"""`SyncSignalsClient`: a plugin's way to publish and to listen in programs without asyncio: Django, Flask, scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, overload

from sse_signals.client.plugin import Plugin
from sse_signals.client.publishing import TIMEOUT
from sse_signals.client.sync_hub import SyncHub
from sse_signals.logs import adapt
from sse_signals.subscriptions import check_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from sse_signals.errors import SignalsGap
    from sse_signals.subscriptions import Gaps, SignalEvent

Item_co = TypeVar("Item_co", covariant=True)


class SyncSignalStream(Protocol[Item_co]):
    """An open subscription: an iterator without end."""

    @property
    def last_event_id(self) -> str | None:
        """Where to resume after what the iteration has given so far; None while there is no such place."""
        ...

    def close(self) -> None:
        """End the iteration, from any thread and at once; leaving the ``with`` does it, too.

        A thread that is in ``token()`` or ``on_gap`` just then ends after it.
        """
        ...

    def __iter__(self) -> Self: ...
    def __next__(self) -> Item_co: ...


class SyncSignalsClient:
    """Publishes as one plugin, and listens to topics of this plugin and others; see `for_plugin` and `for_hub`.

    Any thread may use it. It keeps connections: use it with ``with``, or call `close` at the end of the program. One
    that was made before a process was forked makes connections of its own there.

    Example:
        >>> with SyncSignalsClient.for_hub(url) as signals:  # of a hub, such as "http://127.0.0.1:8080"
        ...     with signals.subscribe("orders/*") as stream:
        ...         sent = signals.publish({"state": "paid"}, topic="orders/42")
        ...         for signal in stream:
        ...             print(signal.address, signal.message, signal.id == sent)
        ...             break
        orders/42 {'state': 'paid'} True
    """

    def __init__(self, plugin: Plugin, *, hub: SyncHub, logger: Any) -> None:
        self._plugin = plugin
        self._hub = hub
        self._logger = adapt(logger).bind(**plugin.names)

    @classmethod
    def for_plugin(
        cls,
        plugin_id: str,
        *,
        url: str,
        token: str | Callable[[], str | None] | None = None,
        timeout: float = TIMEOUT,
        logger: Any = None,
    ) -> SyncSignalsClient:
        """Return the client of a plugin; nothing is connected yet.

        Args:
            plugin_id: The plugin, for example ``catalog``.
            url: The hub: ``http://hub:8080``, or with the prefix of its routes if that is not ``/signals``.
            token: The bearer token, or a function that returns one. It is called before the first request, and when a
                token expires or is refused, by one thread at a time.
            timeout: Seconds in which a publish has its answer, all tries together, and a subscription is open; at most
                240, and less than the hub's ``SIGNALS_IDEMPOTENCY_WINDOW``, or a signal whose answer is lost may be
                published twice. A token takes of this time, too, but the function itself has to end: it is called in
                the thread that needs the token, and nobody can stop it there.
            logger: A structlog or standard logger; the plugin's name is bound to it.

        Raises:
            InvalidInput: The plugin id breaks its rules.
            ConfigurationError: One of the others is not what it may be, or urllib3 is not installed (it comes with the
                extra ``sync``).
        """
        hub = SyncHub(url, token=token, timeout=timeout, logger=logger)
        return cls(Plugin(plugin_id), hub=hub, logger=logger)

    @classmethod
    def for_hub(
        cls,
        url: str,
        *,
        token: str | Callable[[], str | None] | None = None,
        timeout: float = TIMEOUT,
        logger: Any = None,
    ) -> SyncSignalsClient:
        """Return a client of a hub that is no plugin's: its topics and filters are whole addresses, as written.

        Publishing without a topic is a broadcast, and listening without a filter is to everything that one may read.

        Args:
            url: As for `for_plugin`, like the rest of these.
            token: The bearer token, or a function that returns one.
            timeout: Seconds in which a publish has its answer and a subscription is open.
            logger: A structlog or standard logger.

        Raises:
            ConfigurationError: One of these is not what it may be.
        """
        return cls(Plugin.none(), hub=SyncHub(url, token=token, timeout=timeout, logger=logger), logger=logger)

    def __enter__(self) -> Self:
        self._hub.reopen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and end the subscriptions, in whatever threads they are."""
        self._hub.close()

    def publish(
        self,
        message: Any,
        *,
        topic: str | None = None,
        target_ownership_entity_refs: Iterable[str] | None = None,
        event: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Publish a signal, and return its event id once it is in the log.

        A hub that cannot be reached, or is busy, is tried again until the timeout, always with the same idempotency
        key, so that the signal is in the log once.

        Args:
            message: Any JSON value, at most 64 KiB as text.
            topic: A topic of this plugin; None addresses the plugin as a whole. For a client of no plugin it is a whole
                address, and None a broadcast.
            target_ownership_entity_refs: Only identities that own one of these receive it; None means everyone, and an
                empty list nobody.
            event: A name for ``addEventListener``; None for a plain message.
            idempotency_key: A second publish with the same key within 5 minutes returns the first id; it is a key of
                whoever the token belongs to.

        Raises:
            InvalidInput: Something breaks a rule; the error names it.
            IdempotencyConflict: The key was used for another signal.
            IdempotencyTableFull: The key cannot be remembered now.
            BrokerUnavailable: The hub cannot be reached; ``outcome_unknown`` says whether it may have taken the signal.
            NotAuthenticated: It does not take the token, nor a fresh one.
            NotGranted: The token does not allow it.
            TooMany: There have been too many requests, and still are at the end of the timeout.
            UnexpectedAnswer: What answers at the URL is no hub.
        """
        signal = self._plugin.signal(message, topic=topic, targets=target_ownership_entity_refs, event=event)
        receipt = self._hub.publish([signal], key=self._plugin.key(idempotency_key, signal))
        event_id = receipt.ids[0]
        self._logger.debug("signal published", id=event_id, address=signal.address, repeated=receipt.repeated)
        return event_id

    @overload
    def subscribe(
        self,
        *filters: str,
        plugins: Iterable[str] = ...,
        last_event_id: str | None = ...,
        on_gap: Callable[[SignalsGap], object] | None = ...,
        gaps: Literal["raise"] = ...,
    ) -> AbstractContextManager[SyncSignalStream[SignalEvent]]: ...

    @overload
    def subscribe(
        self,
        *filters: str,
        plugins: Iterable[str] = ...,
        last_event_id: str | None = ...,
        on_gap: None = ...,
        gaps: Literal["yield"],
    ) -> AbstractContextManager[SyncSignalStream[SignalEvent | SignalsGap]]: ...

    def subscribe(
        self,
        *filters: str,
        plugins: Iterable[str] = (),
        last_event_id: str | None = None,
        on_gap: Callable[[SignalsGap], object] | None = None,
        gaps: Gaps = "raise",
    ) -> AbstractContextManager[SyncSignalStream[Any]]:
        """Listen to signals: ``with … as stream: for signal in stream: …``.

        Each has an ``id``, a ``time``, an ``address``, a ``message`` and the name of its ``event``. ``with`` returns
        once the stream is open. If it breaks, it is connected again for ever, and goes on where it was; nothing is lost
        while the reader is busy: what it has not read waits at the hub, as long as that holds it.

        Args:
            filters: Topics of this plugin, or prefixes that end in ``*``; one that holds a ``:`` is a whole address
                (``orders:*`` is every topic of the plugin ``orders``).
            plugins: Plugins of which everything is wanted. Without filters and plugins it is everything of this one, or
                for a client of no plugin everything that one may read.
            last_event_id: Where to resume: the stream's ``last_event_id`` of before. None starts with what comes next.
            on_gap: Called with the `SignalsGap` when events are missing.
            gaps: What happens without that: ``raise`` has the iteration raise it, and be gone on with; ``yield`` has it
                give the `SignalsGap` in its place among the events.

        Raises:
            InvalidInput: A filter breaks its rules, or ``gaps`` is neither.
        """
        check_gaps(gaps, on_gap)
        return self._hub.subscribe(
            self._plugin.filters(filters, plugins), last_event_id=last_event_id, on_gap=on_gap, gaps=gaps
        )

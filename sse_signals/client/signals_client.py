"""`SignalsClient`: a plugin's way to publish and to listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, overload

from sse_signals.client.plugin import Plugin
from sse_signals.client.publishing import TIMEOUT
from sse_signals.client.remote_hub import RemoteHub
from sse_signals.errors import ConfigurationError
from sse_signals.identity import ANONYMOUS
from sse_signals.logs import adapt
from sse_signals.subscriptions import check_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from sse_signals.client.tokens import TokenSource
    from sse_signals.errors import SignalsGap
    from sse_signals.identity import Identity
    from sse_signals.subscriptions import Gaps, SignalEvent, SignalStream, Subscriptions


class SignalsClient:
    """Publishes as one plugin, and listens to topics of this plugin and others; see `for_plugin` and `for_hub`.

    One that was given a URL keeps connections: use it with ``async with``, or call `close` at the end.

    Example:
        >>> import asyncio
        >>> async def main():  # url is that of a hub, such as "http://127.0.0.1:8080"
        ...     async with SignalsClient.for_hub(url) as signals, signals.subscribe("orders/*") as stream:
        ...         await signals.publish({"state": "paid"}, topic="orders/42")
        ...         async for signal in stream:
        ...             return signal.address, signal.message
        >>> asyncio.run(main())
        ('orders/42', {'state': 'paid'})
    """

    def __init__(
        self, plugin: Plugin, *, event_broker: Subscriptions, logger: Any, remote: RemoteHub | None = None
    ) -> None:
        self._plugin = plugin
        self._event_broker = event_broker
        self._remote = remote
        self._logger = adapt(logger).bind(**plugin.names)

    @classmethod
    def for_plugin(
        cls,
        plugin_id: str,
        *,
        event_broker: Subscriptions | None = None,
        url: str | None = None,
        token: TokenSource = None,
        timeout: float = TIMEOUT,
        logger: Any = None,
    ) -> SignalsClient:
        """Return the client of a plugin: of an event broker, or of a hub somewhere else.

        Args:
            plugin_id: The plugin, for example ``catalog``.
            event_broker: The log it publishes to, for example ``EventBroker.from_url("memory://")``.
            url: Instead of that, a hub: ``http://hub:8080``, or with the prefix of its routes if that is not
                ``/signals``.
            token: With a URL: the bearer token, or a function that returns one, which may be asynchronous. It is asked
                before the first request, and when a token expires or is refused.
            timeout: With a URL: seconds in which a publish has its answer, all tries together, and a subscription is
                open; at most 240, and less than the hub's ``SIGNALS_IDEMPOTENCY_WINDOW``, or a signal whose answer
                is lost may be published twice. A token takes of this time, too.
            logger: A structlog or standard logger; the plugin's name is bound to it.

        Raises:
            InvalidInput: The plugin id breaks its rules.
            ConfigurationError: There is no event broker and no URL, or both, or one of these is not what it may be.
        """
        if url is None:
            if event_broker is None or token is not None:
                raise ConfigurationError("A client needs event_broker=, or url= (and then perhaps token=).")
            if isinstance(event_broker, str):
                raise ConfigurationError("event_broker= is no text: write url= for a hub, or EventBroker.from_url(…).")
            return cls(Plugin(plugin_id), event_broker=event_broker, logger=logger)
        if event_broker is not None:
            raise ConfigurationError("A client has event_broker= or url=, not both.")
        remote = RemoteHub(url, token=token, timeout=timeout, logger=logger)
        return cls(Plugin(plugin_id), event_broker=remote, logger=logger, remote=remote)

    @classmethod
    def for_hub(
        cls, url: str, *, token: TokenSource = None, timeout: float = TIMEOUT, logger: Any = None
    ) -> SignalsClient:
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
        remote = RemoteHub(url, token=token, timeout=timeout, logger=logger)
        return cls(Plugin.none(), event_broker=remote, logger=logger, remote=remote)

    async def __aenter__(self) -> Self:
        if self._remote is not None:
            self._remote.reopen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to a URL, and end its subscriptions; an event broker is left to whoever made it."""
        if self._remote is not None:
            await self._remote.close()

    async def publish(
        self,
        message: Any,
        *,
        topic: str | None = None,
        target_ownership_entity_refs: Iterable[str] | None = None,
        event: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Publish a signal, and return its event id once it is in the log.

        A remote hub that cannot be reached, or is busy, is tried again until the timeout, always with the same
        idempotency key, so that the signal is in the log once.

        Args:
            message: Any JSON value, at most 64 KiB as text.
            topic: A topic of this plugin; None addresses the plugin as a whole. For a client of no plugin it is an
                address, and None a broadcast.
            target_ownership_entity_refs: Only identities that own one of these receive it; None means everyone, and an
                empty list nobody.
            event: A name for ``addEventListener``; None for a plain message.
            idempotency_key: A second publish with the same key within 5 minutes returns the first id. In this process
                it is a key of the plugin, at a remote hub one of whoever the token belongs to.

        Raises:
            InvalidInput: Something breaks a rule; the error names it.
            IdempotencyConflict: The key was used for another signal.
            IdempotencyTableFull: The key cannot be remembered now.
            BrokerUnavailable: The log cannot be reached; ``outcome_unknown`` says whether it may have taken the signal.
            NotAuthenticated: A remote hub does not take the token, nor a fresh one.
            NotGranted: The token does not allow it.
            TooMany: There have been too many requests, and still are at the end of the timeout.
            UnexpectedAnswer: What answers at the URL is no hub.
        """
        signal = self._plugin.signal(message, topic=topic, targets=target_ownership_entity_refs, event=event)
        key = self._plugin.key(idempotency_key, signal)
        receipt = await self._event_broker.publish([signal], key=key)
        event_id = str(receipt.ids[0])
        self._logger.debug("signal published", id=event_id, address=signal.address, repeated=receipt.repeated)
        return event_id

    @overload
    def subscribe(
        self,
        *filters: str,
        plugins: Iterable[str] = ...,
        last_event_id: str | None = ...,
        identity: Identity = ...,
        on_gap: Callable[[SignalsGap], object] | None = ...,
        gaps: Literal["raise"] = ...,
    ) -> AbstractAsyncContextManager[SignalStream[SignalEvent]]: ...

    @overload
    def subscribe(
        self,
        *filters: str,
        plugins: Iterable[str] = ...,
        last_event_id: str | None = ...,
        identity: Identity = ...,
        on_gap: None = ...,
        gaps: Literal["yield"],
    ) -> AbstractAsyncContextManager[SignalStream[SignalEvent | SignalsGap]]: ...

    def subscribe(
        self,
        *filters: str,
        plugins: Iterable[str] = (),
        last_event_id: str | None = None,
        identity: Identity = ANONYMOUS,
        on_gap: Callable[[SignalsGap], object] | None = None,
        gaps: Gaps = "raise",
    ) -> AbstractAsyncContextManager[SignalStream[Any]]:
        """Listen to signals: ``async with … as stream: async for signal in stream: …``.

        Each has an ``id``, a ``time``, an ``address``, a ``message`` and the name of its ``event``. Nothing is lost
        while the reader is busy: what it has not read waits in the history. A remote stream that breaks is connected
        again for ever, and goes on where it was; ``async with`` returns once it is open for the first time.

        Args:
            filters: Topics of this plugin, or prefixes that end in ``*``; one that holds a ``:`` is a whole address
                (``orders:*`` is every topic of the plugin ``orders``). For a client of no plugin each is one.
            plugins: Plugins of which everything is wanted. Without filters and plugins it is everything of this one,
                or for a client of no plugin everything that one may read.
            last_event_id: Where to resume: the stream's ``last_event_id`` of before. None starts with what comes next.
            identity: Who is listening in this process; without one there are no targeted signals. At a remote hub it
                is whoever the token belongs to.
            on_gap: Called with the `SignalsGap` when events are missing.
            gaps: What happens without that: ``raise`` has the iteration raise it, and be gone on with; ``yield`` has it
                give the `SignalsGap` in its place among the events.

        Raises:
            InvalidInput: A filter breaks its rules, or ``gaps`` is neither.
        """
        check_gaps(gaps, on_gap)
        return self._event_broker.subscribe(
            self._plugin.filters(filters, plugins),
            identity=identity,
            last_event_id=last_event_id,
            on_gap=on_gap,
            gaps=gaps,
        )

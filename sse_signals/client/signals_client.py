"""`SignalsClient`: a plugin's way to publish and to listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sse_signals import messages, names, topics
from sse_signals.identity import ANONYMOUS
from sse_signals.logs import adapt
from sse_signals.model import IdempotencyKey, Signal
from sse_signals.refs import entity_ref

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from contextlib import AbstractAsyncContextManager

    from sse_signals.errors import SignalsGap
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Subscriptions
    from sse_signals.model import Event


class SignalsClient:
    """Publishes as one plugin, and listens to topics of this plugin and others."""

    def __init__(self, plugin_id: str, *, event_broker: Subscriptions, logger: Any) -> None:
        self._plugin_id = topics.plugin_id(plugin_id)
        self._event_broker = event_broker
        self._logger = adapt(logger).bind(plugin=self._plugin_id)

    @classmethod
    def for_plugin(cls, plugin_id: str, *, event_broker: Subscriptions, logger: Any = None) -> SignalsClient:
        """Return the client of a plugin.

        Args:
            plugin_id: The plugin, for example ``catalog``.
            event_broker: The log it publishes to, for example ``EventBroker.from_url("memory://")``.
            logger: A structlog or standard logger; the plugin's name is bound to it.

        Raises:
            InvalidInput: The plugin id breaks its rules.
        """
        return cls(plugin_id, event_broker=event_broker, logger=logger)

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

        Args:
            message: Any JSON value, at most 64 KiB as text.
            topic: A topic of this plugin; None addresses the plugin as a whole.
            target_ownership_entity_refs: Only identities that own one of these receive it; None means everyone, and an
                empty list nobody.
            event: A name for ``addEventListener``; None for a plain message.
            idempotency_key: A second publish with the same key within 5 minutes returns the first id.

        Raises:
            InvalidInput: Something breaks a rule; the error names it.
            IdempotencyConflict: The key was used for another signal.
            IdempotencyTableFull: The key cannot be remembered now.
            BrokerUnavailable: The log cannot be reached.
        """
        if isinstance(target_ownership_entity_refs, str):
            raise TypeError("target_ownership_entity_refs is a list of entity refs, not one text")
        refs = target_ownership_entity_refs
        signal = Signal(
            data=messages.encode(message),
            address=topics.address(self._plugin_id, topic),
            targets=None if refs is None else frozenset(entity_ref(ref) for ref in refs),
            name=None if event is None else topics.event_name(event),
        )
        key = None
        if idempotency_key is not None:
            text = names.visible(idempotency_key, "idempotency_key")
            key = IdempotencyKey.of(f"plugin:{self._plugin_id}", text, [signal])
        receipt = await self._event_broker.publish([signal], key=key)
        event_id = str(receipt.ids[0])
        self._logger.debug("signal published", id=event_id, address=signal.address, repeated=receipt.repeated)
        return event_id

    def subscribe(
        self,
        *filters: str,
        plugins: Iterable[str] = (),
        last_event_id: str | None = None,
        identity: Identity = ANONYMOUS,
        on_gap: Callable[[SignalsGap], object] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Listen to signals, in this process: ``async with … as events: async for event in events: …``.

        Each event has an ``id``, a ``time``, an ``address`` and a ``message``. Nothing is lost while the reader is
        busy: what it has not read waits in the history.

        Args:
            filters: Topics of this plugin, or prefixes that end in ``*``; one that holds a ``:`` is a whole address
                (``orders:*`` is every topic of the plugin ``orders``).
            plugins: Plugins of which everything is wanted. Without filters and plugins it is everything of this one.
            last_event_id: Where to resume; None starts with what comes next.
            identity: Who is listening; without one there are no targeted signals.
            on_gap: Called with the `SignalsGap` when events are missing. Without it, the iteration raises it, and can
                be gone on with.

        Raises:
            InvalidInput: A filter breaks its rules.
        """
        wanted = [text if ":" in text or not text else f"{self._plugin_id}:{text}" for text in filters]
        whole = [topics.plugin_filters(plugin) for plugin in plugins]
        if not wanted and not whole:
            whole = [topics.plugin_filters(self._plugin_id)]
        wanted += [text for texts in whole for text in texts]
        return self._event_broker.subscribe(
            topics.Filters.parse(wanted), identity=identity, last_event_id=last_event_id, on_gap=on_gap
        )

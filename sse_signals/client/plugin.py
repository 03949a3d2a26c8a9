"""A plugin's own view of the log: what it publishes becomes signals, and what it listens to topic filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sse_signals import messages, names, topics
from sse_signals.errors import InvalidInput
from sse_signals.model import IdempotencyKey, Signal
from sse_signals.refs import entity_ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.topics import Filters


class Plugin:
    """One plugin, or none, with the rules that hold for all its clients.

    Attributes:
        id: Its id, checked; None for a client of no plugin, whose topics and filters are whole addresses.
    """

    def __init__(self, plugin_id: str) -> None:
        """Check the id.

        Raises:
            InvalidInput: It breaks its rules.
        """
        self.id: str | None = topics.plugin_id(plugin_id)

    @classmethod
    def none(cls) -> Plugin:
        """Return the view of a client that is no plugin's: of the log as a whole."""
        nobody = cls.__new__(cls)
        nobody.id = None
        return nobody

    @property
    def names(self) -> dict[str, str]:
        """What every line of its log says: which plugin it is, if it is one."""
        return {} if self.id is None else {"plugin": self.id}

    def signal(self, message: Any, *, topic: str | None, targets: Iterable[str] | None, event: str | None) -> Signal:
        """Return a signal of this plugin.

        Args:
            message: Any JSON value.
            topic: A topic of this plugin; None addresses the plugin as a whole. Without a plugin it is an address, and
                None a broadcast.
            targets: Entity refs of which a receiver must own one; None for everyone.
            event: Its name, or None.

        Raises:
            InvalidInput: Something breaks a rule.
            TypeError: The targets are one text.
        """
        if isinstance(targets, str):
            raise TypeError("target_ownership_entity_refs is a list of entity refs, not one text")
        return Signal(
            data=messages.encode(message),
            address=topics.address(self.id, topic),
            targets=None if targets is None else frozenset(entity_ref(ref) for ref in targets),
            name=None if event is None else topics.event_name(event),
        )

    def key(self, text: str | None, signal: Signal) -> IdempotencyKey | None:
        """Return the idempotency key of a signal.

        Raises:
            InvalidInput: It breaks the rules of names.
        """
        if text is None:
            return None
        return IdempotencyKey.of(f"plugin:{self.id or ''}", names.visible(text, "idempotency_key"), [signal])

    def filters(self, texts: Iterable[str], plugins: Iterable[str]) -> Filters:
        """Return topic filters: relative to this plugin, if it is one, unless they hold a ``:``; all of other plugins.

        Args:
            texts: Topics, or prefixes that end in ``*``.
            plugins: Plugins of which everything is wanted. Without any of these it is everything of this one, or
                everything there is.

        Raises:
            InvalidInput: One breaks its rules.
        """
        texts, plugins = list(texts), list(plugins)
        for text in (*texts, *plugins):
            if not isinstance(text, str):
                hint = "Write each topic as an argument: subscribe('a', 'b/*'), or subscribe(*topics)."
                raise InvalidInput(f"It is {type(text).__name__}, and no text.", field="filters", hint=hint)
        wanted = [text if self.id is None or ":" in text or not text else f"{self.id}:{text}" for text in texts]
        whole = [topics.plugin_filters(plugin) for plugin in plugins]
        if self.id is not None and not wanted and not whole:
            whole = [topics.plugin_filters(self.id)]
        return topics.Filters.parse([*wanted, *(text for texts in whole for text in texts)])

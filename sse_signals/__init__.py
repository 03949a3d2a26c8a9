"""A Server-Sent Events hub: publish small JSON signals, and every client that should see one sees it.

The public interface: `EventBroker`, `SignalsClient`, `SignalsService`, what they take and give, and what they raise.

Each is imported when it is first used, so that a command starts at once, and a client without the server.

Example:
    >>> import asyncio
    >>> from sse_signals import EventBroker, SignalsClient
    >>> async def main():
    ...     event_broker = EventBroker.from_url("memory://")
    ...     signals = SignalsClient.for_plugin("orders", event_broker=event_broker)
    ...     async with signals.subscribe("*") as stream:
    ...         await signals.publish({"state": "paid"}, topic="42")
    ...         signal = await anext(stream)
    ...         return signal.address, signal.message
    >>> asyncio.run(main())
    ('orders:42', {'state': 'paid'})

`SignalsService.create` puts such an event broker on an HTTP server; with ``for_hub(url)`` in the place of
``for_plugin`` the same calls reach a hub somewhere else. The README of the project has the concepts.
"""

from importlib import import_module

TYPE_CHECKING = False  # importing typing takes longer than all of this

if TYPE_CHECKING:
    from sse_signals.app import SignalsService
    from sse_signals.authenticators import authentication
    from sse_signals.broker_options import BrokerOptions
    from sse_signals.client.signals_client import SignalsClient
    from sse_signals.client.sync_signals_client import SyncSignalsClient
    from sse_signals.errors import (
        BrokerUnavailable,
        ConfigurationError,
        IdempotencyConflict,
        IdempotencyTableFull,
        InvalidInput,
        IssuerUnavailable,
        MessageTooLarge,
        NotAuthenticated,
        NotGranted,
        NotRecognised,
        SignalsError,
        SignalsGap,
        TooMany,
        UnexpectedAnswer,
    )
    from sse_signals.event_broker import EventBroker
    from sse_signals.grants import Grants, PublishGrant
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Authenticator, Credentials
    from sse_signals.life.authentication import Authentication
    from sse_signals.model import Event, HistoryLimits
    from sse_signals.rules import Rule, Rules
    from sse_signals.subscriptions import SignalEvent, SignalStream
    from sse_signals.web.limits import Limits

__all__ = [
    "Authentication",
    "Authenticator",
    "BrokerOptions",
    "BrokerUnavailable",
    "ConfigurationError",
    "Credentials",
    "Event",
    "EventBroker",
    "Grants",
    "HistoryLimits",
    "IdempotencyConflict",
    "IdempotencyTableFull",
    "Identity",
    "InvalidInput",
    "IssuerUnavailable",
    "Limits",
    "MessageTooLarge",
    "NotAuthenticated",
    "NotGranted",
    "NotRecognised",
    "PublishGrant",
    "Rule",
    "Rules",
    "SignalEvent",
    "SignalStream",
    "SignalsClient",
    "SignalsError",
    "SignalsGap",
    "SignalsService",
    "SyncSignalsClient",
    "TooMany",
    "UnexpectedAnswer",
    "authentication",
]

_LATER = {
    "Authentication": "life.authentication",
    "Authenticator": "interfaces",
    "BrokerOptions": "broker_options",
    "BrokerUnavailable": "errors",
    "ConfigurationError": "errors",
    "Credentials": "interfaces",
    "Event": "model",
    "EventBroker": "event_broker",
    "Grants": "grants",
    "HistoryLimits": "model",
    "IdempotencyConflict": "errors",
    "IdempotencyTableFull": "errors",
    "Identity": "identity",
    "InvalidInput": "errors",
    "IssuerUnavailable": "errors",
    "Limits": "web.limits",
    "MessageTooLarge": "errors",
    "NotAuthenticated": "errors",
    "NotGranted": "errors",
    "NotRecognised": "errors",
    "PublishGrant": "grants",
    "Rule": "rules",
    "Rules": "rules",
    "SignalEvent": "subscriptions",
    "SignalStream": "subscriptions",
    "SignalsClient": "client.signals_client",
    "SignalsError": "errors",
    "SignalsGap": "errors",
    "SignalsService": "app",
    "SyncSignalsClient": "client.sync_signals_client",
    "TooMany": "errors",
    "UnexpectedAnswer": "errors",
    "authentication": "authenticators",
}


def __getattr__(name: str) -> object:
    """Import what is used for the first time (PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""A Server-Sent Events hub: publish small JSON signals, and every client that should see one sees it.

The public interface: `EventBroker`, `SignalsClient`, `SignalsService`, what they take and give, and what they raise.
"""

from sse_signals.app import EventBroker, SignalsService
from sse_signals.client.signals_client import SignalsClient
from sse_signals.errors import (
    BrokerUnavailable,
    ConfigurationError,
    IdempotencyConflict,
    IdempotencyTableFull,
    InvalidInput,
    MessageTooLarge,
    SignalsError,
    SignalsGap,
)
from sse_signals.identity import Identity
from sse_signals.model import Event, HistoryLimits
from sse_signals.web.site import Limits

__all__ = [
    "BrokerUnavailable",
    "ConfigurationError",
    "Event",
    "EventBroker",
    "HistoryLimits",
    "IdempotencyConflict",
    "IdempotencyTableFull",
    "Identity",
    "InvalidInput",
    "Limits",
    "MessageTooLarge",
    "SignalsClient",
    "SignalsError",
    "SignalsGap",
    "SignalsService",
]

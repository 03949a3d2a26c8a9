from __future__ import annotations

import pytest

from sse_signals import EventBroker, SignalsClient


@pytest.fixture
def event_broker() -> EventBroker:
    """A log in this process."""
    return EventBroker.from_url("memory://")


@pytest.fixture
def catalog(event_broker: EventBroker) -> SignalsClient:
    """The client of a plugin."""
    return SignalsClient.for_plugin("catalog", event_broker=event_broker)


@pytest.fixture
def orders(event_broker: EventBroker) -> SignalsClient:
    """The client of another plugin on the same log."""
    return SignalsClient.for_plugin("orders", event_broker=event_broker)

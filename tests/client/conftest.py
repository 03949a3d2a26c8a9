from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sse_signals import EventBroker, SignalsClient
from sse_signals.client import subscribing
from sse_signals.testing import hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.testing import SignalsHub


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


@pytest.fixture
def signals_hub() -> Iterator[SignalsHub]:
    """A hub in a thread of its own."""
    with hub() as running:
        yield running


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits after failures be short."""
    monkeypatch.setattr(subscribing, "LONGEST", 0.02)

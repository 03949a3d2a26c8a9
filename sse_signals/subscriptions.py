"""What publishing and listening look like to a plugin, wherever the log is: seams that every client shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from sse_signals.errors import SignalsGap
    from sse_signals.identity import Identity
    from sse_signals.model import IdempotencyKey, Signal
    from sse_signals.topics import Filters

Item_co = TypeVar("Item_co", covariant=True)
Gaps = Literal["raise", "yield"]


class SignalEvent(Protocol):
    """What a subscriber gets, whether the log is in this process or behind a remote hub."""

    @property
    def id(self) -> str:
        """Where to resume after it. Keep it as it is: its form may change."""
        ...

    @property
    def time(self) -> datetime:
        """When the log took it, in UTC."""
        ...

    @property
    def address(self) -> str | None:
        """Where it was published, or None for a broadcast."""
        ...

    @property
    def event(self) -> str:
        """Its name for ``addEventListener``: ``message`` unless its publisher gave it one."""
        ...

    @property
    def message(self) -> Any:
        """Its JSON value."""
        ...


class SignalStream(Protocol[Item_co]):
    """An open subscription: an asynchronous iterator without end."""

    @property
    def last_event_id(self) -> str | None:
        """Where to resume after what the iteration has given so far; None while there is no such place."""
        ...

    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> Item_co: ...


class Published(Protocol):
    """What a log answers a publish, as a plugin needs it."""

    @property
    def ids(self) -> Sequence[Any]:
        """One id a signal, in the order they were given; ``str()`` of each is what subscribers know it by."""
        ...

    @property
    def repeated(self) -> bool:
        """True when an idempotency key was seen before and nothing was published."""
        ...


class Subscriptions(Protocol):
    """Where a plugin publishes and listens: what `SignalsClient` needs of an event broker."""

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Published:
        """As `Broker.publish`."""
        ...

    def subscribe(
        self,
        filters: Filters,
        *,
        identity: Identity,
        last_event_id: str | None = None,
        on_gap: Callable[[SignalsGap], object] | None = None,
        gaps: Gaps = "raise",
    ) -> AbstractAsyncContextManager[SignalStream[SignalEvent | SignalsGap]]:
        """Open a subscription; see `SignalsClient.subscribe`."""
        ...

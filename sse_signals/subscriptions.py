"""What publishing and listening look like to a plugin, wherever the log is: seams that every client shares."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar

from sse_signals.errors import InvalidInput

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


def check_gaps(gaps: object, on_gap: object) -> None:
    """Check how a subscriber wants to hear of gaps.

    Raises:
        InvalidInput: It is none of the ways there are, or two at once.
    """
    if gaps not in {"raise", "yield"}:
        raise InvalidInput(f"It is {gaps!r}.", field="gaps", hint="Write gaps='raise' or gaps='yield'.")
    if gaps == "yield" and on_gap is not None:
        raise InvalidInput(
            "With on_gap nothing is yielded.", field="gaps", hint="Give gaps='yield' or on_gap, not both."
        )
    if any(inspect.iscoroutinefunction(each) for each in (on_gap, getattr(on_gap, "__call__", None))):  # noqa: B004
        raise _asynchronous()


def tell_gap(gap: SignalsGap, on_gap: Callable[[SignalsGap], object] | None, gaps: Gaps) -> bool:
    """Tell a subscriber of a gap; say whether the iteration is to give it.

    Raises:
        SignalsGap: It is to be raised.
        InvalidInput: ``on_gap`` is asynchronous, and only its call has shown it.
    """
    if on_gap is None:
        if gaps == "raise":
            raise gap
        return True
    given = on_gap(gap)
    if inspect.iscoroutine(given):
        given.close()  # nobody will await it
        raise _asynchronous()
    return False


def _asynchronous() -> InvalidInput:
    hint = "Give a function that is not, or gaps='yield'."
    return InvalidInput("It is asynchronous, and nobody would await it.", field="on_gap", hint=hint)


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

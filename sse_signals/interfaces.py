"""Every seam of the package on one page: what the parts ask of each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sse_signals.identity import Identity
    from sse_signals.model import Event, EventId, HistoryLimits, IdempotencyKey, Receipt, Signal, Tail


Method = TypeVar("Method")


def at_once(method: Method) -> Method:
    """Mark a broker's `publish` that never waits, so that nobody needs a task to keep it from being interrupted.

    The mark is the function itself, so that neither an override nor a wrapper inherits it.
    """
    method.__dict__["at_once"] = method
    return method


def in_time(method: Method) -> Method:
    """Mark a broker's `publish` that by itself answers within two seconds, whatever the log does.

    And it only waits for what it has handed in, so that a caller who is cancelled may be so in the middle of it: nobody
    needs a task to keep the two apart. Like `at_once`, it is not inherited.
    """
    method.__dict__["in_time"] = method
    return method


def never_waits(method: Any) -> bool:
    """Say whether a bound method is marked with `at_once`."""
    return _marked(method, "at_once")


def answers_in_time(method: Any) -> bool:
    """Say whether a bound method is marked with `in_time`."""
    return _marked(method, "in_time")


def _marked(method: Any, mark: str) -> bool:
    function = getattr(method, "__func__", method)
    return getattr(function, mark, None) is function


class Broker(Protocol):
    """The log that all nodes share: it orders records and gives them positions and times."""

    async def open(self) -> None:
        """Look whether the log can be used, and make it if it is not there. Harmless when it is done already.

        Raises:
            ConfigurationError: It cannot, and will not without somebody's doing; one sentence says why.
            BrokerUnavailable: It cannot be reached; try again.
        """
        ...

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """Append one record that holds all the signals, or none.

        Returns when the record is as durable as the broker declares. A caller that is cancelled while it waits does not
        take back what it handed in. A repeated key returns the first receipt's ids and appends nothing; a concurrent
        repeat waits for the first. A log that appends without waiting marks this method with `at_once`, one that waits
        on its own terms with `in_time`.

        Raises:
            IdempotencyConflict: The key came with other content before.
            IdempotencyTableFull: The key cannot be remembered.
            BrokerUnavailable: The log cannot be reached.
        """
        ...

    async def head(self) -> EventId:
        """Return the id of the newest event, or of the place before the first.

        Raises:
            BrokerUnavailable: The log cannot be reached.
        """
        ...

    async def tail(self, limits: HistoryLimits) -> Tail:
        """Return the newest events within ``limits``, and the floor they follow.

        Raises:
            BrokerUnavailable: The log cannot be reached.
        """
        ...

    def follow(self, after: EventId) -> AsyncIterator[Sequence[Event]]:
        """Yield what comes after an id, in log order, for as long as the log can be reached.

        Records are not divided: ids show that a record is missing, but not that the rest of one is. What the log no
        longer holds, or another epoch, shows as a jump in the ids. If ``after`` is of an epoch that the log goes on
        from, or the log gets another epoch meanwhile, a `Fork` comes first. A log that is silent is looked for every
        few seconds, so that one that is gone is noticed.

        Raises:
            BrokerUnavailable: The log cannot be reached, or not any more; follow again from the last event.
        """
        ...

    async def control(self, data: bytes) -> EventId:
        """Append one record that tells all nodes something and reaches no stream: a `ControlRecord` to who follows.

        Args:
            data: JSON text.

        Raises:
            BrokerUnavailable: The log cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...


class SharedState(Protocol):
    """The little that all nodes have to know besides the log. Everything in it has a time after which it is gone."""

    async def claim(self, key: str, ttl: float) -> bool:
        """Take a name that only one can have; False when somebody has had it within the last ``ttl`` seconds.

        Raises:
            BrokerUnavailable: Nobody can tell.
        """
        ...

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """Keep a value for ``ttl`` seconds, instead of what the key had before.

        Raises:
            BrokerUnavailable: It cannot be kept.
        """
        ...

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        """Return the keys that begin with ``prefix`` with their values, in any order.

        Raises:
            BrokerUnavailable: They cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody shows to prove who they are.

    Attributes:
        token: The text of a bearer token or an API key. It is a secret.
    """

    token: str = field(repr=False)


class Authenticator(Protocol):
    """Tells from credentials who somebody is."""

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return who shows these credentials.

        The grants are those that the credentials themselves carry; rules are applied later.

        Raises:
            NotRecognised: They are of a kind that it does not know; another authenticator may.
            NotAuthenticated: They are no good.
            IssuerUnavailable: What is needed to check them cannot be fetched at the moment.
        """
        ...


@runtime_checkable
class Refreshing(Protocol):
    """An authenticator that can look again what somebody owns who is still there."""

    async def refresh(self, identity: Identity) -> Identity:
        """Return an identity as its issuer sees it today; the same if nothing changed or the issuer is out of reach.

        Raises:
            NotAuthenticated: The issuer no longer vouches for it.
        """
        ...


class Scheduler(Protocol):
    """The part of an asyncio event loop that fan-out uses, so that a test can be the loop."""

    def time(self) -> float:
        """Return a monotonic time in seconds."""
        ...

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call back in the next turn."""
        ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> object:
        """Call back at a monotonic time."""
        ...


class Transport(Protocol):
    """The part of an asyncio transport that a stream writes to. No call blocks."""

    def write(self, data: bytes, /) -> None:
        """Take all of ``data``, and buffer what the connection cannot take now."""
        ...

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are buffered."""
        ...

    def is_closing(self) -> bool:
        """Say whether the connection is closed or about to be."""
        ...

    def get_extra_info(self, name: str, /) -> Any:
        """Return what lies below, such as ``socket``; None when there is no such thing."""
        ...

    def abort(self) -> None:
        """Close at once, dropping what is buffered."""
        ...

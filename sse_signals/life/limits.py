"""Limits for each identity and each address, so that nobody takes the hub from the others.

Streams per identity, per address and in total are capped before any costly authentication; health answers meanwhile. So
a stream takes its place as its address first (`StreamLimits.open`), is authenticated, and then counts for its identity
too (`Place.identify`). The total is counted where streams are counted anyway. A publish flood by one identity meets 429
from a token bucket, and others are unaffected (`publish_rate`). An address whose authentications keep failing is not
listened to for a while (`FailedAuthentications`).

Addresses are those of `sse_signals.web.address`: no client can choose its own.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sse_signals.errors import TooMany
from sse_signals.life.buckets import MOST_KEYS, Buckets
from sse_signals.life.counts import Counts

if TYPE_CHECKING:
    from collections.abc import Callable

_PROXY: Final = (
    "if others share it because they come through a proxy, the operator of the hub has to name that in "
    "SIGNALS_TRUSTED_PROXIES"
)


class StreamLimits:
    """How many streams one identity and one address may have open.

    Args:
        per_identity: Streams of one subject. Those of nobody in particular count for their address alone.
        per_address: Streams of one address.
    """

    __slots__ = ("addresses", "identities")

    def __init__(self, *, per_identity: int, per_address: int) -> None:
        self.identities = Counts(
            per_identity,
            reason="identity-streams",
            detail=f"This identity has all {per_identity} streams open that one may have: close some of them, or let "
            "the parts of a program share one.",
        )
        self.addresses = Counts(
            per_address,
            reason="address-streams",
            detail=f"This address has all {per_address} streams open that one may have: close some of them; {_PROXY}.",
        )

    def open(self, subject: str | None, address: str) -> Place:
        """Return the place of a stream, to be closed with it.

        Args:
            subject: Who opens it; None for somebody anonymous, or as long as nobody knows.
            address: Where from.

        Raises:
            TooMany: There is none, for the reason ``address-streams`` or ``identity-streams``; nothing is counted.
        """
        place = Place(self, address)
        try:
            place.identify(subject)
        except TooMany:
            place.close()
            raise
        return place


class Place:
    """What one stream counts for, until it is closed. `StreamLimits.open` gives them out."""

    __slots__ = ("_address", "_limits", "_subject")

    def __init__(self, limits: StreamLimits, address: str) -> None:
        limits.addresses.take(address)
        self._limits = limits
        self._address: str | None = address
        self._subject: str | None = None

    def identify(self, subject: str | None) -> None:
        """Count it for a subject, now that it is known, instead of for whom it counted before.

        A place that is closed counts for nobody any more.

        Raises:
            TooMany: The subject has all it may have (``identity-streams``). The place is as it was: it is still to be
                closed.
        """
        if self._address is None or subject == self._subject:
            return
        if subject is not None:
            self._limits.identities.take(subject)
        self._give_subject_back()
        self._subject = subject

    def close(self) -> None:
        """Give back what it counts for; more than once is as good as once."""
        if self._address is None:
            return
        self._limits.addresses.give_back(self._address)
        self._address = None
        self._give_subject_back()

    def _give_subject_back(self) -> None:
        if self._subject is not None:
            self._limits.identities.give_back(self._subject)


class FailedAuthentications:
    """How often authentication may fail from one address, before nobody there is listened to for a while.

    Args:
        burst: Failures at once.
        every_s: Seconds after which there may be one more.
        clock_s: A monotonic clock, in seconds.
        most_keys: How many addresses are remembered at most.
    """

    __slots__ = ("_buckets",)

    def __init__(
        self,
        burst: int = 20,
        every_s: float = 3.0,
        *,
        clock_s: Callable[[], float] = time.monotonic,
        most_keys: int = MOST_KEYS,
    ) -> None:
        detail = (
            "Too many authentications from this address have failed: mend the credential, as the answer to each "
            f"said; {_PROXY}."
        )
        self._buckets = Buckets(
            1 / every_s,
            burst,
            reason="failed-authentications",
            detail=detail,
            clock_s=clock_s,
            most_keys=most_keys,
        )

    def check(self, address: str) -> None:
        """See whether an address may try, before anything costly is done.

        Raises:
            TooMany: It failed too often (``failed-authentications``).
        """
        self._buckets.check(address)

    def failed(self, address: str) -> None:
        """Count one failure. Those who tried at the same time are all counted, up to one burst more than may be."""
        self._buckets.charge(address)


def publish_rate(rate: float, burst: int, *, clock_s: Callable[[], float] = time.monotonic) -> Buckets:
    """Return how many signals each identity may publish: what a request spends is the signals in it.

    Args:
        rate: Signals per second.
        burst: Signals at once; a larger batch needs a full bucket, and a longer rest after it.
        clock_s: A monotonic clock, in seconds.
    """
    detail = (
        f"One identity may publish {rate:g} signals per second, and {burst} at once: wait for as long as Retry-After "
        "says, then publish more slowly."
    )
    return Buckets(rate, burst, reason="publish-rate", detail=detail, clock_s=clock_s)

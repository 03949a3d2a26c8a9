"""Traces: what is told of a publish while it goes on, and how W3C Trace Context names the trace that it belongs to.

Whoever sends traces somewhere implements `Tracing`; without one nothing of this is called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.model import Receipt, Signal

TRACEPARENT: Final = "traceparent"  # the header, and the member of a record's head
TRACESTATE: Final = "tracestate"

Delivery = Literal["streams", "nobody", "unseen"]
"""Whom a publish reached first: streams of this node, nobody here, or nobody knows (more went on than are watched)."""

# https://www.w3.org/TR/trace-context/#traceparent-header: lower case only, and no identifier is all zeros.
_FORM: Final = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?")


def traceparent_of(text: object) -> str | None:
    """Return a ``traceparent`` as version 00 writes it; None if it is none, and so to be ignored.

    Of later versions, which may be longer, the part that version 00 knows is taken.
    """
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None or (found[1] == "00" and found[3] is not None):
        return None
    return f"00-{found[2]}"


# https://www.w3.org/TR/trace-context/#tracestate-header
_KEY: Final = r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_MEMBER: Final = re.compile(rf"({_KEY})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_MEMBERS: Final = 32


def tracestate_of(text: str) -> str | None:
    """Return a ``tracestate`` without empty members; None if it is none, and so to be ignored, all of it."""
    found = [_MEMBER.fullmatch(member) for each in text.split(",", 2 * _MEMBERS) if (member := each.strip(" \t"))]
    keys = {each[1] for each in found if each is not None}
    if not 0 < len(keys) == len(found) <= _MEMBERS:
        return None
    return ",".join(each[0] for each in found if each is not None)


class Trace(Protocol):
    """One publish request, told as it goes on. No method waits or fails.

    Attributes:
        traceparent: What continues this trace; the signals carry it.
    """

    @property
    def traceparent(self) -> str:
        """What continues this trace; the signals carry it."""
        ...

    def handed_over(self, signals: Sequence[Signal], size: int) -> None:
        """Tell that the log is asked to take signals.

        Args:
            signals: What is published.
            size: Bytes of the request's body.
        """
        ...

    def committed(self, receipt: Receipt) -> None:
        """Tell that the log has them."""
        ...

    def failed(self, kind: str) -> None:
        """Tell that the log does not have them, or that nobody knows.

        Args:
            kind: Why, as a short name for programs.
        """
        ...

    def answered(self, status: int, kind: str | None) -> None:
        """Tell that the request has its answer; it is the end, but for `delivered`.

        Args:
            status: The HTTP status.
            kind: The short name of the problem, if it is one.
        """
        ...

    def delivered(self, to: Delivery) -> None:
        """Tell that what is `committed` was first written to a stream of this node, or never will be."""
        ...


class Tracing(Protocol):
    """Where traces go."""

    def publish(self, route: str, traceparent: str | None, tracestate: str | None) -> Trace:
        """Begin to trace a publish request.

        Args:
            route: Its path.
            traceparent: The trace that it belongs to, checked; None begins a new one.
            tracestate: What else the caller says about it.
        """
        ...

    async def close(self) -> None:
        """Send what is left, for no longer than a few seconds."""
        ...

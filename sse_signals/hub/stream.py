"""A stream: one client's cursor into the log, and the connection it is written to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.hub.groups import Group
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Transport
    from sse_signals.model import Event, Gap
    from sse_signals.topics import Filters
    from sse_signals.wire.formats import Format

HIGH_WATER: Final = 64 * 1024  # bytes that may wait in a connection's buffer


class Stream:
    """One client's place in the log. There is no queue: what it has not got yet is read from the history.

    A stream is *live* when the hub writes new events to it, and *behind* when it is being caught up from the history.

    Attributes:
        name: Its public name.
        asked: What it asks for.
        filters: What of that it may have.
        identity: Who is listening.
        format: How events become bytes.
        transport: The connection.
        remote: The address at its other end, if it has one.
        opened_ms: When it was made, in milliseconds since 1970-01-01 UTC; 0 where nobody asks.
        pos: Everything up to this position has been given to it, or is not for it.
        gap: A hole it must be told of before anything else.
        until: The position after which it is complete, for polling; None for a stream without end.
        group: The streams with the same filters and format, while it is open.
        own: Targeted events that wait for the next flush, in log order.
        live: Whether the hub writes to it.
        queued: Whether it stands at the turnstile.
        ended: Why it ended, or None while it is open.
        events: Events written.
        size: Bytes written, among them those still in the connection's buffer.
        times_behind: How often it fell behind.
        gaps: How many gaps it was told of.
    """

    __slots__ = (
        "_notify",
        "asked",
        "ended",
        "events",
        "filters",
        "format",
        "gap",
        "gaps",
        "group",
        "identity",
        "live",
        "name",
        "opened_ms",
        "own",
        "own_size",
        "pos",
        "queued",
        "remote",
        "size",
        "times_behind",
        "transport",
        "until",
    )

    def __init__(
        self,
        *,
        name: str,
        filters: Filters,
        identity: Identity,
        wire_format: Format,
        transport: Transport,
        notify: Callable[[], object],
        asked: Filters | None = None,
        remote: str = "",
        opened_ms: int = 0,
    ) -> None:
        """Make a stream that is not open yet.

        Args:
            name: Its public name.
            filters: What it may have of what it asks for.
            identity: Who is listening.
            wire_format: How events become bytes.
            transport: The connection.
            notify: Called when it fell behind (its owner then waits until the connection takes bytes, and brings it to
                the turnstile) and when it ended.
            asked: What it asks for, when that is not the same.
            remote: The address at the connection's other end.
            opened_ms: The time, in milliseconds since 1970-01-01 UTC.
        """
        self._notify = notify
        self.name = name
        self.asked = filters if asked is None else asked
        self.filters = filters
        self.identity = identity
        self.format = wire_format
        self.transport = transport
        self.remote = remote
        self.opened_ms = opened_ms
        self.pos = 0
        self.gap: Gap | None = None
        self.until: int | None = None
        self.group: Group | None = None
        self.own: list[Event] = []
        self.own_size = 0
        self.live = False
        self.queued = False
        self.ended: str | None = None
        self.events = 0
        self.size = 0
        self.times_behind = 0
        self.gaps = 0

    def write(self, data: bytes) -> bool:
        """Hand ``data`` to the connection, all or nothing, and say whether it was taken.

        Nothing is written when the buffer is not empty and would grow over the high-water mark: then the stream must be
        given the same again later. A connection that is found closed ends the stream.
        """
        transport = self.transport
        if transport.is_closing():
            self.end("client-gone")
            return False
        buffered = transport.get_write_buffer_size()
        if buffered and buffered + len(data) > HIGH_WATER:
            return False
        try:
            transport.write(data)
        except (OSError, RuntimeError):  # uvloop raises what asyncio reports by closing
            self.end("client-gone")
            return False
        self.size += len(data)
        return True

    def wait(self) -> None:
        """Have it brought to the turnstile again as soon as its connection takes bytes."""
        self._notify()

    def end(self, reason: str) -> None:
        """End it; the first reason stands."""
        if self.ended is None:
            self.ended = reason
            self._notify()

    def abort(self, reason: str) -> None:
        """End it and drop the connection with what is buffered."""
        self.end(reason)
        self.transport.abort()

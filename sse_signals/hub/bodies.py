"""What one flush writes to a stream: events in log order, and their bytes, shared wherever they are the same."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.model import Event
    from sse_signals.wire.formats import Format

SHARED_EVENTS: Final = 4  # longer lists are hardly ever the same for two groups
KEPT_BYTES: Final = 1024 * 1024  # of bodies that are kept within a flush

_position = attrgetter("position")


def in_order(events: Sequence[Event], own: Sequence[Event], after: int) -> Sequence[Event]:
    """Return a group's events and a stream's own in log order, without those up to the position ``after``."""
    merged = sorted((*events, *own), key=_position) if events and own else events or own
    if merged and merged[0].position <= after:
        return [event for event in merged if event.position > after]
    return merged


class Bodies:
    """Makes the bytes of the same events in the same format once in a flush.

    Thousands of groups of one stream each may get the same event, and so may thousands of owners of one target: that
    they get the very same object saves most of what they cost besides the write itself.
    """

    __slots__ = ("_made", "_size")

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], bytes] = {}
        self._size = 0

    def of(self, wire_format: Format, events: Sequence[Event]) -> bytes:
        """Return events as they are written to a connection, in one piece."""
        if len(events) > SHARED_EVENTS:
            return wire_format.events(events)
        key = (wire_format, *map(_position, events))
        data = self._made.get(key)
        if data is None:
            data = wire_format.events(events)
            self._size += len(data)
            if self._size > KEPT_BYTES:
                self._made.clear()
                self._size = len(data)
            self._made[key] = data
        return data

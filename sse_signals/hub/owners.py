"""From an entity ref to the live streams whose identity owns it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.hub.stream import Stream


class Owners:
    """An index of live streams by what they own."""

    __slots__ = ("_streams",)

    def __init__(self) -> None:
        self._streams: dict[str, dict[Stream, None]] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def add(self, stream: Stream) -> None:
        """File a stream under each ref it owns."""
        for ref in stream.identity.owns:
            self._streams.setdefault(ref, {})[stream] = None

    def remove(self, stream: Stream) -> None:
        """Take a stream out again."""
        for ref in stream.identity.owns:
            streams = self._streams[ref]
            del streams[stream]
            if not streams:
                del self._streams[ref]

    def of(self, ref: str) -> Sequence[Stream]:
        """Return the streams that own a ref."""
        return list(self._streams.get(ref, ()))

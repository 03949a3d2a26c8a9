"""Whom something published now would reach: asked for a publish that is traced, never while events are routed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.wire.formats import IN_PROCESS

if TYPE_CHECKING:
    from sse_signals.hub.groups import Groups
    from sse_signals.hub.owners import Owners
    from sse_signals.model import Signal


class Reach:
    """The live streams of a hub, as a signal would find them."""

    __slots__ = ("_groups", "_owners")

    def __init__(self, groups: Groups, owners: Owners) -> None:
        self._groups = groups
        self._owners = owners

    def any(self, signal: Signal) -> bool:
        """Say whether a live stream over a connection may have a signal."""
        if signal.targets is None:
            return any(group.live for group in self._groups.match(signal.address) if group.format is not IN_PROCESS)
        return any(
            stream.format is not IN_PROCESS and stream.filters.match(signal.address)
            for ref in signal.targets
            for stream in self._owners.of(ref)
        )

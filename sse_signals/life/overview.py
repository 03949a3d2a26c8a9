"""The overview: what one node, or all nodes of a cluster, have open, and what is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sse_signals.life.rows import slowness
from sse_signals.life.shared import Shared
from sse_signals.life.slices import in_slices
from sse_signals.life.survey import Part, survey
from sse_signals.wire.frames import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.life.survey import Subject


class Overview:
    """One node's surveys of itself, one at a time however many ask."""

    def __init__(self, subject: Subject, time: Callable[[], float]) -> None:
        """Make it.

        Args:
            subject: What it looks at.
            time: A monotonic clock, in seconds.
        """
        self.subject = subject
        self._time = time
        self._surveys = Shared[tuple[int, Part]]()  # with the limit of each

    async def look(self, limit: int) -> Part:
        """Return a survey that has not begun before this call; those who wait for the same one get the same.

        Args:
            limit: How many open streams are told of one by one, and how many closed ones.
        """

        async def look() -> tuple[int, Part]:
            return limit, await in_slices(survey(self.subject, limit), self._time)

        _, part = await self._surveys.get(look, fits=lambda found: found[0] >= limit)
        return replace(part, streams=part.streams[:limit], closed=part.closed[:limit])


def together(
    parts: Sequence[Part], *, node: str, now_ms: int, limit: int, incomplete: str | None = None
) -> dict[str, Any]:
    """Return the answer to who asks, as a JSON object.

    Args:
        parts: What each node says of itself.
        node: Who answers.
        now_ms: The time there, in milliseconds since 1970-01-01 UTC.
        limit: How many open streams are told of one by one, and how many closed ones.
        incomplete: What is missing, one sentence, or None.
    """
    streams = sorted((stream for part in parts for stream in part.streams), key=slowness)
    closed = sorted((stream for part in parts for stream in part.closed), key=lambda each: each["closed"], reverse=True)
    said = {
        "time": timestamp(now_ms),
        "node": node,
        "nodes": sorted((part.node for part in parts), key=lambda each: str(each["node"])),
        "streams": streams[:limit],
        "closed": closed[:limit],
    }
    return said if incomplete is None else {**said, "incomplete": incomplete}

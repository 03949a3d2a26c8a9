"""What the log refuses is told in the hub's own log, and not as often as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.errors import BrokerUnavailable

EVERY_MS: Final = 10_000  # milliseconds between two lines


class Refusals:
    """Requests that the log did not take. Clients are not told why: that says where the log is."""

    def __init__(self, logger: Any, clock: Callable[[], int]) -> None:
        """Begin with none.

        Args:
            logger: A structlog or standard logger.
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self._logger = logger
        self._clock = clock
        self._count = 0
        self._told_ms = -EVERY_MS

    def tell(self, error: BrokerUnavailable, request_id: str) -> None:
        """Count one; the first is told at once, and then how many there were, every ten seconds."""
        self._count += 1
        now_ms = self._clock()
        if abs(now_ms - self._told_ms) >= EVERY_MS:  # a clock that is set back must not silence it
            self._logger.warning(
                "the log did not take a request", error=str(error), requests=self._count, request_id=request_id
            )
            self._count, self._told_ms = 0, now_ms

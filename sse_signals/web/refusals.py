"""What the log refuses is told in the hub's own log, and not as often as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sse_signals.web.paced import Paced

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
        self._paced = Paced(clock, every_ms=EVERY_MS)

    def tell(self, error: BrokerUnavailable, request_id: str) -> None:
        """Count one; the first is told at once, and then how many there were, every ten seconds."""
        if count := self._paced.count("log"):
            self._logger.warning(
                "the log did not take a request", error=str(error), requests=count, request_id=request_id
            )

"""What became of publishes, counted: by outcome, and how long the log took."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sse_signals.errors import BrokerUnavailable, SignalsError
from sse_signals.histogram import Histogram

HASTY: Final = 1.0  # seconds; that somebody leaves sooner says nothing about the log
SECONDS: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)


class Publishes:
    """Counts of what was handed to the log.

    Attributes:
        outcomes: Requests by outcome: ``accepted``, ``repeated`` (the log had it already), ``refused``,
            ``unavailable`` (nothing was done), ``unknown`` (it may be in the log or not), ``abandoned`` (the same, and
            nobody waited for as long as the log may take: mostly it is there).
        signals: Signals that the log has taken.
        seconds: How long the log took to commit, or to recognise what it had.
    """

    __slots__ = ("outcomes", "seconds", "signals")

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.signals = 0
        self.seconds = Histogram(SECONDS)

    def committed(self, signals: int, seconds: float, *, repeated: bool) -> None:
        """Count a request that the log answered.

        Args:
            signals: How many signals it held.
            seconds: How long the log took.
            repeated: Whether the log had it already, so that nothing was added.
        """
        self.seconds.observe(seconds)
        if repeated:
            self.outcomes["repeated"] += 1
        else:
            self.outcomes["accepted"] += 1
            self.signals += signals

    def failed(self, error: BaseException, *, abandoned: bool = False) -> None:
        """Count a request for which the log had no answer, or one that says no.

        Args:
            error: What was raised.
            abandoned: Whether nobody waited for the answer any more, within `HASTY`.
        """
        self.outcomes["abandoned" if abandoned else outcome_of(error)] += 1

    def refused(self, *, unavailable: bool = False) -> None:
        """Count a request that never came to the log.

        Args:
            unavailable: Whether the same request may be good at another time.
        """
        self.outcomes["unavailable" if unavailable else "refused"] += 1


def outcome_of(error: BaseException) -> str:
    """Return the outcome of a publish that ended with an error; who gave up, or met a fault, cannot know it."""
    match error:
        case BrokerUnavailable(outcome_unknown=False):
            return "unavailable"
        case SignalsError() if not isinstance(error, BrokerUnavailable):
            return "refused"
        case _:
            return "unknown"

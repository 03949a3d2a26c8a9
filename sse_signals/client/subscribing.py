"""Where a remote subscription stands, over all its connections: what is asked for next, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.client.answers import from_hub, passing, retry_after
from sse_signals.client.reading import HEARTBEAT, Reading
from sse_signals.client.refusals import refusal
from sse_signals.client.requests import LIVE
from sse_signals.errors import BrokerUnavailable
from sse_signals.retry import backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.client.answers import Answer
    from sse_signals.client.reading import Item
    from sse_signals.client.requests import HubUrl, Request, Start
    from sse_signals.topics import Filters

RETRY: Final = 3.0  # seconds, until a hub says otherwise
OPENING: Final = 15.0  # seconds without an answer's head after which a connection counts as dead
SHORTEST: Final = 1.0  # seconds of silence that no heartbeat is too short for
LEAST: Final = 0.05  # seconds between two connections, whatever a hub says: no answer makes a client run wild
LONGEST: Final = 30.0  # seconds between two connections, unless a server asks for more

_NEED_A_TOKEN: Final = frozenset({"expired", "revoked", "not-granted"})  # goodbyes that a fresh token may undo


@dataclass(frozen=True, slots=True)
class Again:
    """Connect again.

    Attributes:
        wait: After so many seconds.
        reason: Why, for the log.
        fresh: Whether the token that was used is no good any more.
    """

    wait: float
    reason: str
    fresh: bool = False


class Course:
    """A subscription's way from connection to connection.

    A shell asks for a `request`, sends it, and tells what came of it: `answered` if it is no stream, `failed` if
    there is no answer or it broke off, and `begin`, `feed` and `ended` if it is one. It keeps the items, in order, for
    whoever reads them, and does what `Again` says.

    Attributes:
        last_event_id: Where the next connection resumes: after all that has been read.
        opened: Whether there has been a stream.
        finished: Whether all that was asked for has come, as it does if the start is a poll.
        reading: The response that is being read.
    """

    def __init__(
        self,
        hub: HubUrl,
        filters: Filters,
        last_event_id: str | None,
        *,
        fraction: Callable[[], float],
        start: Start = LIVE,
    ) -> None:
        """Begin.

        Args:
            hub: Where.
            filters: What is wanted.
            last_event_id: Where to resume; None starts where ``start`` says.
            fraction: Returns a random number from 0 to 1.
            start: Where it starts without an id, and whether it ends.
        """
        self._start = start
        self._hub = hub
        self._filters = filters
        self._fraction = fraction
        self._failures = 0
        self._refused = 0  # requests for their token, since there was a stream
        self._dismissed = 0  # streams, one soon after another
        self._retry = RETRY
        self._heartbeat = HEARTBEAT
        self.last_event_id = last_event_id
        self.opened = False
        self.finished = False
        self.reading = Reading(last_event_id)

    @property
    def patience(self) -> float:
        """Seconds without a byte after which a stream counts as dead: two heartbeats."""
        return max(SHORTEST, 2 * self._heartbeat)

    def request(self, token: str | None) -> Request:
        """Return the request that goes on where the last connection ended."""
        return self._hub.stream(self._filters, self.last_event_id, token, self._start)

    def begin(self) -> None:
        """Start to read a response that is a stream."""
        self.reading = Reading(self.last_event_id)

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes of the stream, and return what they bring.

        Raises:
            UnexpectedAnswer: They are not what a hub sends.
        """
        reading = self.reading
        went_on = reading.stream is not None
        items = reading.feed(data)
        if reading.stream is not None:
            self.opened, self._heartbeat = True, reading.heartbeat
            self._failures = self._refused = 0
        if went_on and reading.goodbye is None:
            self._dismissed = 0
        self.last_event_id = self.last_event_id if reading.last_event_id is None else reading.last_event_id
        self._retry = self._retry if reading.retry is None else max(LEAST, reading.retry)
        return items

    def ended(self) -> Again:
        """Return what follows when the response has come to its proper end."""
        goodbye = self.reading.goodbye
        # Without a heartbeat at its end it is something between that has ended it too early.
        self.finished = self._start.poll and self.reading.caught_up
        if goodbye in _NEED_A_TOKEN:
            self._dismissed += 1
            again = Again(0.0, "") if self._dismissed == 1 else self.failed("")
            return Again(again.wait, f"goodbye: {goodbye}", fresh=True)
        if goodbye is None and self.reading.stream is None and self.reading.retry is None:
            return self.failed("the stream ended before it began")
        # Exactly as long as the hub asks for: it has spread its clients already.
        return Again(self._retry, "the stream ended" if goodbye is None else f"goodbye: {goodbye}")

    def failed(self, reason: str, retry_after: float = 0.0, *, final: bool = False) -> Again:
        """Return what follows when there was no answer, or the stream broke off.

        Args:
            reason: Why, for the log.
            retry_after: Seconds that the server asks to wait.
            final: Whether another try will fail in the same way; once there was a stream, it may be well again.

        Raises:
            BrokerUnavailable: It is final, and there was no stream yet.
        """
        if final and not self.opened:
            raise BrokerUnavailable(f"{self._hub.prefix} cannot be reached: {reason}")
        longest = min(LONGEST, self._retry * 2 ** min(self._failures, 10))
        self._failures += 1
        return Again(max(longest * self._fraction(), retry_after), reason)

    def answered(self, answer: Answer) -> Again:
        """Return what follows an answer that is no stream.

        Raises:
            SignalsError: It will not be another one if the same is asked again.
        """
        error = refusal(answer, self._hub.prefix)
        if answer.status == 401 and not self._refused:
            self._refused = 1
            return Again(0.0, str(error), fresh=True)
        if passing(answer) or answer.status >= 500:
            return self.failed(str(error), retry_after(answer) or 0.0)
        # Once there was a hub, whatever else answers in its place (a proxy's page, a login) may be gone soon.
        if self.opened and answer.status not in {400, 401, 403} and not from_hub(answer):
            return self.failed(str(error), retry_after(answer) or 0.0)
        raise error

    def renewal(self, token: str | None) -> Request:
        """Return the request that lets the open stream go on with a fresh token."""
        return self._hub.renew(self.reading.stream or "", token)


def renewed(answer: Answer) -> bool | None:
    """Say whether a stream goes on after a renewal; None when another try may tell.

    Args:
        answer: What the hub said to `Course.renewal`.
    """
    if answer.status in {200, 202}:
        return True
    return None if passing(answer) or answer.status == 401 or answer.status >= 500 else False


def renew_again(attempt: int, fraction: float) -> float:
    """Return seconds to wait before the next try to renew a stream.

    Args:
        attempt: How many tries have failed.
        fraction: A random number from 0 to 1.
    """
    return backoff(attempt, fraction, first=1.0, longest=LONGEST)

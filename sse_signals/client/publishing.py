"""One publish to a remote hub, from the first try to its receipt or its error, without any input or output.

It is a generator: it asks for what is to be done next, and is told what came of it. An asynchronous and a synchronous
shell do what it asks for::

    steps = publishing(…)
    step = next(steps)
    while True:
        step = steps.send(do(step))     # StopIteration brings the receipt
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sse_signals.client.answers import Answer, document, may_be_done, passing, retry_after
from sse_signals.client.refusals import no_hub, refusal
from sse_signals.client.tokens import GetToken
from sse_signals.errors import BrokerUnavailable, ConfigurationError, SignalsError
from sse_signals.retry import backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from sse_signals.client.requests import HubUrl, Request
    from sse_signals.model import Signal

TIMEOUT: Final = 30.0  # seconds that a publish may take altogether
MAX_TIMEOUT: Final = 240.0  # seconds; a hub remembers keys for 5 minutes, and a later repeat would be published twice
_LAST: Final = 0.5  # seconds before the end in which no other try need be begun
ONE_TRY: Final = 10.0  # seconds that one try may take; a hub answers within two


def checked_timeout(seconds: Any) -> None:
    """Check a client's timeout.

    Raises:
        ConfigurationError: It is no time from 0 to `MAX_TIMEOUT` seconds.
    """
    if not isinstance(seconds, int | float) or not 0 < seconds <= MAX_TIMEOUT:
        raise ConfigurationError(f"timeout is {seconds!r}; it may be up to {MAX_TIMEOUT:g} seconds.")


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request, and say what came of it: an `Answer`, or `Failed`.

    Attributes:
        request: What to send.
        seconds: After which it has failed.
    """

    request: Request
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait.

    Attributes:
        seconds: How long.
        reason: What went wrong, for the log.
    """

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A request without an answer.

    Attributes:
        reason: Why, the end of a sentence without a full stop; nothing in it is secret.
        sent: Whether the hub may have got it.
        final: Whether no other try will do.
    """

    reason: str
    sent: bool
    final: bool = False


CLOSED: Final = Failed("the client was closed", sent=False, final=True)

Step = GetToken | Send | Pause


@dataclass(frozen=True, slots=True)
class Accepted:
    """A remote hub's receipt; see `sse_signals.subscriptions.Published`."""

    ids: Sequence[str]
    repeated: bool = False


def publishing(
    hub: HubUrl,
    signals: Sequence[Signal],
    key: str,
    *,
    timeout: float,
    clock: Callable[[], float],
    fraction: Callable[[], float],
) -> Generator[Step, Any, Accepted]:
    """Publish signals as one record: ask for the steps, and return the receipt.

    Every try carries the same key, so that the record is in the log once, however many tries got there.

    Args:
        hub: Where.
        signals: What.
        key: The idempotency key.
        timeout: Seconds that all tries may take together.
        clock: Returns a monotonic time in seconds.
        fraction: Returns a random number from 0 to 1.

    Raises:
        SignalsError: The hub refuses it, or cannot be reached in time.
    """
    until = clock() + timeout
    token = yield from _token(GetToken(), until, clock, taken=False)
    taken = False
    fresh = False
    attempt = 0
    error: SignalsError | None = None
    while True:
        attempt += 1
        seconds = max(0.0, min(ONE_TRY, until - clock()))
        outcome: Answer | Failed = yield Send(hub.publish(signals, key, token), seconds)
        if isinstance(outcome, Answer):
            if outcome.status == 401 and not fresh:
                fresh, before = True, token
                token = yield from _token(GetToken(before, fresh=True), until, clock, taken=taken)
                if token != before:
                    continue
            if not passing(outcome):
                return _concluded(outcome, len(signals), hub.prefix, taken=taken)
            taken = taken or may_be_done(outcome)
            error, wait = refusal(outcome, hub.prefix), retry_after(outcome) or 0.0
        else:
            taken = taken or outcome.sent
            wait = 0.0
            if error is None or seconds >= _LAST:  # or else what it had no time for would hide why the others failed
                error = BrokerUnavailable(f"{hub.prefix} cannot be reached: {outcome.reason}")
        # At most half of what is left, so that it is tried up to the end.
        longest = min(5.0, max(_LAST, (until - clock()) / 2))
        wait += backoff(attempt, fraction(), first=0.2, longest=longest)
        if clock() + wait >= until or (isinstance(outcome, Failed) and outcome.final):
            raise _given_up(error, attempt, taken=taken, retry_after=wait)
        yield Pause(wait, str(error))


def _token(
    wanted: GetToken, until: float, clock: Callable[[], float], *, taken: bool
) -> Generator[Step, Any, str | None]:
    """Ask for a token; whatever goes wrong with that does not hide that an earlier try may have been taken."""
    try:
        token: str | None = yield replace(wanted, seconds=max(0.0, until - clock()))
    except BrokerUnavailable as error:
        error.outcome_unknown = error.outcome_unknown or taken
        raise
    except Exception as error:
        _note(error, taken=taken)
        raise
    if clock() >= until:
        raise BrokerUnavailable("token() has taken all the time that there was", outcome_unknown=taken)
    return token


def _concluded(answer: Answer, number: int, where: str, *, taken: bool) -> Accepted:
    try:
        return accepted(answer, number, where)
    except SignalsError as error:
        _note(error, taken=taken)
        if 200 <= answer.status < 300:
            error.add_note("The server has taken the request, whatever its answer means: the signal may be in the log.")
        raise


def _note(error: Exception, *, taken: bool) -> None:
    """Say with an error that is not about it that an earlier try may have been taken."""
    if taken:
        error.add_note("An earlier try of the same publish had no answer: the signal may be in the log.")


def accepted(answer: Answer, number: int, where: str) -> Accepted:
    """Return what a hub says of a publish.

    Args:
        answer: Its answer.
        number: How many signals there were.
        where: The hub's URL, for people.

    Raises:
        SignalsError: It did not publish them, or it is no hub.
    """
    if answer.status != 202:
        raise refusal(answer, where)
    members = document(answer.body)
    ids = [members.get("id")] if number == 1 else members.get("ids")
    if not isinstance(ids, list) or len(ids) != number or not all(isinstance(each, str) for each in ids):
        raise no_hub(answer, where)
    return Accepted(ids, repeated=answer.headers.get("Idempotent-Replayed") == "true")


def _given_up(error: SignalsError, tries: int, *, taken: bool, retry_after: float) -> SignalsError:
    """Return the error of a publish whose time is over: the last reason, and what may have become of it."""
    if not isinstance(error, BrokerUnavailable):
        _note(error, taken=taken)
        return error
    text = f"{str(error).removesuffix('.')} (after {tries} {'try' if tries == 1 else 'tries'})"
    return BrokerUnavailable(text, outcome_unknown=taken, retry_after=retry_after)

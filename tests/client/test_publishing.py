"""A publish from the first try to its end: what is asked for, and when, with a clock and chance that a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from multidict import CIMultiDict

from sse_signals.client.answers import Answer
from sse_signals.client.publishing import ONE_TRY, Failed, Pause, Send, publishing
from sse_signals.client.requests import HubUrl
from sse_signals.client.tokens import GetToken
from sse_signals.errors import (
    BrokerUnavailable,
    IdempotencyTableFull,
    InvalidInput,
    NotAuthenticated,
    SignalsError,
    TooMany,
)
from sse_signals.model import Signal
from sse_signals.web import problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.client.publishing import Accepted
    from sse_signals.client.requests import Request

DONE = Answer(202, CIMultiDict(), b'{"id":"a-1"}')
BAD = Answer(400, CIMultiDict({"Content-Type": "application/json"}), b'{"type":"urn:sse-signals:problem:bad-signal"}')
LOST = Failed("the connection broke", sent=True)
NEVER = Failed("no connection", sent=False)


def says(error: SignalsError, **headers: str) -> Answer:
    """Return what a hub answers when its log raises an error."""
    response = problems.of(error).response({})
    assert isinstance(response.body, bytes)
    return Answer(response.status, CIMultiDict({**response.headers, **headers}), response.body)


def proxy(status: int, **headers: str) -> Answer:
    """Return what something before the hub answers."""
    return Answer(status, CIMultiDict({"Content-Type": "text/html", **headers}), b"<html>")


@dataclass
class World:
    """Plays the shell: answers in turn, and time that passes only in pauses and where an answer takes some.

    Attributes:
        outcomes: What comes of the requests, the last for ever.
        tokens: What the function gives, the last for ever.
        takes: Seconds that a request takes.
        fraction: Chance.
    """

    outcomes: Sequence[Answer | Failed]
    tokens: Sequence[str | None] = ("t0",)
    takes: float = 0.0
    fraction: float = 1.0
    now: float = 1000.0
    sent: list[Request] = field(default_factory=list)
    patience: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    asked: list[GetToken] = field(default_factory=list)

    def publish(self, *, timeout: float = 30.0) -> Accepted:
        """Publish one signal."""
        steps = publishing(
            HubUrl.parse("http://hub"),
            [Signal(b"1", "a")],
            "key",
            timeout=timeout,
            clock=lambda: self.now,
            fraction=lambda: self.fraction,
        )
        try:
            step = next(steps)
            while True:
                step = steps.send(self._do(step))
        except StopIteration as stop:
            accepted: Accepted = stop.value
            return accepted

    def _do(self, step: Any) -> Any:
        match step:
            case GetToken():
                self.asked.append(step)
                return self.tokens[min(len(self.asked), len(self.tokens)) - 1]
            case Send(request, seconds):
                self.sent.append(request)
                self.patience.append(seconds)
                self.now += min(self.takes, seconds)
                return self.outcomes[min(len(self.sent), len(self.outcomes)) - 1]
            case Pause(seconds):
                self.pauses.append(seconds)
                self.now += seconds
                return None


def test_a_publish_that_works_is_one_request() -> None:
    """Nothing is waited for, and the token is asked for before."""
    world = World([DONE])
    assert world.publish().ids == ["a-1"]
    assert (len(world.sent), world.pauses, world.asked) == (1, [], [GetToken()])
    assert world.sent[0].headers["Authorization"] == "Bearer t0"
    assert world.patience == [ONE_TRY]


@pytest.mark.parametrize("outcome", [LOST, NEVER, proxy(502), proxy(503), proxy(504), proxy(429), proxy(408)])
def test_what_passes_is_tried_again_with_the_same_request(outcome: Answer | Failed) -> None:
    """Key, body and token are the same each time, so that it is in the log once."""
    world = World([outcome, outcome, outcome, DONE])
    assert world.publish().ids == ["a-1"]
    assert len(world.sent) == 4
    assert all(request == world.sent[0] for request in world.sent)
    assert world.sent[0].headers["Idempotency-Key"] == "key"


def test_waits_grow_up_to_a_limit_and_are_spread_by_chance() -> None:
    """Full jitter: from nothing to twice as much each time, five seconds and half of what is left at most."""
    world = World([NEVER])
    with pytest.raises(BrokerUnavailable):
        world.publish(timeout=30.0)
    assert world.pauses[:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert world.pauses[8:] == pytest.approx([4.4, 2.2, 1.1, 0.55, 0.5])
    world = World([NEVER] * 5 + [DONE], fraction=0.0)
    world.publish()
    assert world.pauses == [0.0] * 5


def test_retry_after_is_waited_for_and_a_little_more() -> None:
    """So that not everybody who was sent away comes back in the same moment."""
    world = World([proxy(503, **{"Retry-After": "7"}), says(TooMany("publish-rate", "x", retry_after=2)), DONE])
    world.publish()
    assert world.pauses == [7.2, 2.4]


def test_who_is_asked_to_wait_for_longer_than_there_is_time_hears_so_at_once() -> None:
    """It makes no sense to wait for what cannot be."""
    world = World([proxy(503, **{"Retry-After": "60"})])
    with pytest.raises(BrokerUnavailable) as caught:
        world.publish(timeout=30.0)
    assert (world.pauses, world.now) == ([], 1000.0)
    assert caught.value.retry_after == 60.2


def test_it_is_tried_up_to_the_end() -> None:
    """Chance never takes so much of the time that none is left for another try, but for the last half second."""
    for fraction in (0.4, 0.7, 1.0):
        world = World([NEVER], fraction=fraction)
        with pytest.raises(BrokerUnavailable):
            world.publish(timeout=10.0)
        assert 1009.5 <= world.now < 1010.0


def test_a_sentence_of_the_hub_ends_once() -> None:
    """How many tries there were is part of it."""
    world = World([says(BrokerUnavailable("The log takes nothing."), **{"Retry-After": "60"})])
    with pytest.raises(BrokerUnavailable, match=r"[^.] \(after 1 try\)$"):
        world.publish()


def test_a_server_that_is_away_is_named() -> None:
    """Where something before it answers in its place."""
    with pytest.raises(BrokerUnavailable, match=r"^http://\S+ answered 502 Bad Gateway \(after"):
        World([proxy(502)]).publish(timeout=1.0)


def test_a_certificate_that_is_not_valid_is_tried_once() -> None:
    """No other try would make it valid."""
    world = World([Failed("its certificate is not valid", sent=False, final=True)])
    with pytest.raises(BrokerUnavailable, match="after 1 try"):
        world.publish()
    assert world.pauses == []


def test_the_timeout_holds_for_all_tries_together() -> None:
    """The last try gets what is left; a try that hangs is given up after ten seconds."""
    world = World([LOST], takes=60.0, fraction=0.0)
    with pytest.raises(BrokerUnavailable, match=r"cannot be reached: the connection broke \(after 3 tries\)"):
        world.publish(timeout=25.0)
    assert (world.patience, world.now) == ([10.0, 10.0, 5.0], 1025.0)


def test_a_try_that_has_hardly_any_time_does_not_hide_why_the_others_failed() -> None:
    """That it had no answer is no reason: the one before it is told."""
    world = World([LOST, Failed("no answer within 0.1 s", sent=False)])
    with pytest.raises(BrokerUnavailable, match=r"the connection broke \(after 2 tries\)"):
        world.publish(timeout=0.3)
    assert world.patience == pytest.approx([0.3, 0.1])


def test_a_token_that_takes_all_the_time_leaves_none_for_the_request() -> None:
    """It is not sent at all, and nothing can have become of it."""
    world = World([LOST])
    tokens = world._do

    def slow(step: Any) -> Any:
        world.now += 40.0 if isinstance(step, GetToken) else 0.0
        return tokens(step)

    world._do = slow  # type: ignore[method-assign]
    with pytest.raises(BrokerUnavailable, match="token") as caught:
        world.publish(timeout=30.0)
    assert (world.sent, caught.value.outcome_unknown) == ([], False)


@pytest.mark.parametrize(
    ("outcomes", "unknown"),
    [
        ([NEVER], False),
        ([LOST, NEVER], True),
        ([NEVER, LOST, NEVER], True),
        ([says(BrokerUnavailable("x"))], False),
        ([says(BrokerUnavailable("x", outcome_unknown=True)), says(BrokerUnavailable("x"))], True),
        ([proxy(502), NEVER], True),
        ([proxy(408), NEVER], False),
    ],
)
def test_the_error_says_whether_it_may_be_in_the_log(outcomes: list[Answer | Failed], unknown: bool) -> None:
    """It may be if any try may have got there, whatever the last one says."""
    with pytest.raises(BrokerUnavailable) as caught:
        World(outcomes).publish()
    assert caught.value.outcome_unknown is unknown


@pytest.mark.parametrize("error", [TooMany("publish-rate", "x", retry_after=1.0), IdempotencyTableFull(1.0)])
def test_what_does_not_pass_in_time_is_raised_as_what_it_is(error: SignalsError) -> None:
    """Limits too are waited for, and then told."""
    world = World([says(error)])
    with pytest.raises(type(error)) as caught:
        world.publish()
    assert len(world.sent) > 3
    assert not getattr(caught.value, "__notes__", [])
    with pytest.raises(type(error)) as caught:
        World([LOST, says(error)]).publish()
    assert "may be in the log" in caught.value.__notes__[0]


def test_a_mistake_is_raised_at_once() -> None:
    """And says if an earlier try may have been taken nevertheless."""
    world = World([BAD])
    with pytest.raises(InvalidInput) as caught:
        world.publish()
    assert (len(world.sent), world.pauses) == (1, [])
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(InvalidInput) as caught:
        World([LOST, BAD]).publish()
    assert "may be in the log" in caught.value.__notes__[0]


EXPIRED = says(NotAuthenticated("expired", "It expired.", hint="Get another."))


def test_a_token_that_is_refused_is_replaced_once() -> None:
    """At once, and with the same key; a second refusal is final."""
    world = World([EXPIRED, DONE], tokens=["old", "new"])
    assert world.publish().ids == ["a-1"]
    assert [request.headers["Authorization"] for request in world.sent] == ["Bearer old", "Bearer new"]
    assert world.asked[1] == GetToken("old", fresh=True)
    assert world.pauses == []
    world = World([EXPIRED], tokens=["old", "new", "newer"])
    with pytest.raises(NotAuthenticated, match="expired"):
        world.publish()
    assert (len(world.sent), len(world.asked)) == (2, 2)


def test_without_another_token_a_refusal_is_final() -> None:
    """A text, or a function that gives the same again: the same would be refused the same."""
    world = World([EXPIRED])
    with pytest.raises(NotAuthenticated):
        world.publish()
    assert len(world.sent) == 1

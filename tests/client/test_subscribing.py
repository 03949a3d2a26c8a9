"""A subscription from connection to connection: when it connects again, with which token, and when it gives up."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from sse_signals.client.answers import Answer
from sse_signals.client.requests import HubUrl
from sse_signals.client.subscribing import LEAST, LONGEST, RETRY, Course, renewed
from sse_signals.errors import (
    BrokerUnavailable,
    InvalidInput,
    NotAuthenticated,
    NotGranted,
    SignalsError,
    UnexpectedAnswer,
)
from sse_signals.topics import EVERYTHING
from sse_signals.wire import controls
from sse_signals.wire.formats import SSE_PLAIN
from tests.client.test_publishing import proxy, says
from tests.client.test_reading import frame, place, receipt

EXPIRED = says(NotAuthenticated("expired", "It expired.", hint="Get another."))
HEARTBEAT = SSE_PLAIN.control(controls.heartbeat(place(9), 0))


def course(last_event_id: str | None = None, *, opened: bool = False) -> Course:
    """Return a subscription whose chance is always the longest wait."""
    made = Course(HubUrl.parse("http://hub"), EVERYTHING, last_event_id, fraction=lambda: 1.0)
    if opened:
        made.begin()
        made.feed(receipt(place(4)))
    return made


def goodbye(reason: str) -> bytes:
    """Return a goodbye that asks for four seconds."""
    return SSE_PLAIN.control(controls.goodbye(reason, 4000, 0))


def resumes(made: Course) -> str | None:
    """Return where the next connection resumes."""
    return made.request(None).headers.get("Last-Event-ID")


def test_each_connection_goes_on_where_the_last_one_ended() -> None:
    """After everything that was read: receipts, events, heartbeats; an event that was cut short was not."""
    made = course("old-1")
    assert resumes(made) == "old-1"
    made.begin()
    made.feed(receipt(None))
    assert resumes(made) == "old-1"
    made.feed(frame(5) + frame(6)[:-1])
    assert resumes(made) == "7k2m9xq4-5"
    made.failed("cut")
    made.begin()
    assert made.reading.last_event_id == "7k2m9xq4-5"
    made.feed(receipt(place(5)) + HEARTBEAT)
    assert resumes(made) == "7k2m9xq4-9"


@pytest.mark.parametrize(("data", "reason"), [(b"", "the stream ended"), (goodbye("shutdown"), "goodbye: shutdown")])
def test_after_a_proper_end_it_waits_exactly_as_long_as_the_hub_asks(data: bytes, reason: str) -> None:
    """The hub has spread its clients itself."""
    made = course(opened=True)
    made.feed(data)
    again = made.ended()
    assert (again.wait, again.reason, again.fresh) == (4.0 if data else 2.5, reason, False)


def test_a_hub_that_is_not_ready_says_when_to_come() -> None:
    """It sends no receipt, only a goodbye."""
    made = course()
    made.begin()
    made.feed(goodbye("starting"))
    assert made.ended().wait == 4.0
    assert not made.opened


def test_failures_wait_longer_each_time_until_there_is_a_stream() -> None:
    """From what the hub asks for up to half a minute, spread by chance; a proper end without a word is a failure."""
    made = course()
    assert [made.failed("x").wait for _ in range(6)] == [RETRY, 6.0, 12.0, 24.0, LONGEST, LONGEST]
    made.begin()
    assert made.ended().wait == LONGEST
    made.feed(receipt(place(4)))
    assert [made.failed("x").wait for _ in range(2)] == [2.5, 5.0]
    lucky = Course(HubUrl.parse("http://hub"), EVERYTHING, None, fraction=lambda: 0.0)
    assert lucky.failed("x").wait == 0.0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_bad_moment_is_waited_out(status: int) -> None:
    """As long as the server asks for, or longer."""
    assert course().answered(proxy(status)).wait == RETRY
    assert course().answered(proxy(status, **{"Retry-After": "50"})).wait == 50.0


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        says(NotGranted("No.", field="topic", hint="Ask.")),
        says(InvalidInput("It is bad.", field="topic", hint="Mend it.")),
        proxy(403),
        proxy(400),
    ],
)
def test_a_lasting_fault_is_raised(answer: Answer, opened: bool) -> None:
    """Asked again the hub would say the same, today and tomorrow."""
    with pytest.raises(SignalsError):
        course(opened=opened).answered(answer)


@pytest.mark.parametrize("answer", [proxy(404), proxy(302), proxy(200)])
def test_what_is_no_hub_is_an_error_at_first_and_may_pass_later(answer: Answer) -> None:
    """A wrong URL has to be told; but a page that takes the place of a hub for a while is no reason to end."""
    with pytest.raises(UnexpectedAnswer):
        course().answered(answer)
    assert course(opened=True).answered(answer).wait == 2.5


def test_a_refused_token_is_replaced_at_once_and_only_once() -> None:
    """Until there is a stream again."""
    made = course()
    again = made.answered(EXPIRED)
    assert (again.wait, again.fresh) == (0.0, True)
    with pytest.raises(NotAuthenticated):
        made.answered(EXPIRED)
    made.begin()
    made.feed(receipt(place(4)))
    assert made.answered(EXPIRED).fresh


@pytest.mark.parametrize("reason", ["expired", "revoked", "not-granted"])
def test_a_stream_whose_token_is_over_gets_another_at_once(reason: str) -> None:
    """But not without a wait if the next stream ends the same way before it has brought anything."""
    made = course(opened=True)
    made.feed(goodbye(reason))
    again = made.ended()
    assert (again.wait, again.fresh) == (0.0, True)
    made.begin()
    made.feed(receipt(place(4)))
    made.feed(goodbye(reason))
    again = made.ended()
    assert again.wait > 0.0
    assert again.fresh
    made.begin()
    made.feed(receipt(place(4)))
    made.feed(HEARTBEAT)
    made.feed(goodbye(reason))
    assert made.ended().wait == 0.0


def test_patience_is_two_heartbeats() -> None:
    """As the receipt says; never less than a second."""
    made = course()
    assert made.patience == 30.0
    made.begin()
    made.feed(receipt(place(4), heartbeat=7.0))
    assert made.patience == 14.0
    made.begin()
    made.feed(receipt(place(4), heartbeat=0.1))
    assert made.patience == 1.0


def test_a_renewal_is_for_the_open_stream() -> None:
    """By the name in its receipt; some answers are final."""
    assert course(opened=True).renewal("t").url.endswith("/streams/s1/renew")
    ok = Answer(200, CIMultiDict(), b"{}")
    assert renewed(ok) is renewed(Answer(202, CIMultiDict(), b"{}")) is True
    for passing in (EXPIRED, proxy(503), proxy(500), says(BrokerUnavailable("x"))):
        assert renewed(passing) is None
    for final in (proxy(404), says(NotGranted("No.", field="topic", hint="Ask."))):
        assert renewed(final) is False


def test_what_fails_in_the_same_way_each_time_is_raised_at_first() -> None:
    """As it is with a certificate; once there was a stream, it may be well again."""
    with pytest.raises(BrokerUnavailable, match="http://hub/signals cannot be reached: no certificate"):
        course().failed("no certificate", final=True)
    assert course(opened=True).failed("no certificate", final=True).reason == "no certificate"


def test_no_hub_makes_a_client_run_wild() -> None:
    """Who is told to come back at once waits a little all the same, and longer each time that it fails."""
    made = course(opened=True)
    made.feed(b"retry: 0\n\n")
    assert made.ended().wait == LEAST > 0
    assert [made.failed("cut").wait for _ in range(3)] == [LEAST, 2 * LEAST, 4 * LEAST]

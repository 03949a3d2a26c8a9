"""Answers become the package's own errors: those that the hub makes problem documents of, and what is no hub's."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict

from sse_signals import errors
from sse_signals.client.answers import MAX_ANSWER, Answer, from_hub, is_stream, may_be_done, passing, retry_after
from sse_signals.client.publishing import accepted
from sse_signals.client.refusals import refusal
from sse_signals.errors import InvalidInput, UnexpectedAnswer
from sse_signals.web import problems
from sse_signals.web.signals import load_batch, load_signal

WHERE = "http://hub/signals"
TOO_LONG = b'{"type": "urn:sse-signals:problem:x", "detail": "' + b"y" * MAX_ANSWER + b'"}'
PROBLEM, JSON, HTML = "application/problem+json", "application/json", "text/html"


def answer(status: int, body: bytes = b"", content_type: str = "application/problem+json", **headers: str) -> Answer:
    """Return an answer; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, CIMultiDict({"Content-Type": content_type, **named}), body)


def hub_says(problem: problems.Problem) -> Answer:
    """Return what a client of a hub gets for a problem."""
    response = problem.response({})
    assert isinstance(response.body, bytes)
    return Answer(response.status, response.headers, response.body)


def refused(value: Any) -> problems.Problem:
    """Return what the hub finds wrong with a body."""
    with pytest.raises(problems.Problem) as caught:
        load_batch(value, 100) if isinstance(value, list) else load_signal(value, 100)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidInput("It is bad.", field="topic", hint="Mend it."),
        errors.BrokerUnavailable("x", retry_after=3.0),
        errors.BrokerUnavailable("x", outcome_unknown=True, retry_after=1.0),
        errors.IdempotencyConflict("x"),
        errors.IdempotencyTableFull(7.0),
        errors.NotAuthenticated("expired", "It expired.", hint="Get another."),
        errors.NotGranted("No.", field="topic", hint="Ask."),
        errors.NotGranted("No.", field="topic", hint="Ask.", index=3),
        errors.IssuerUnavailable("x", retry_after=5.0),
        errors.TooMany("publish-rate", "It is too much.", retry_after=2.0),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_errors_of_a_hub_come_back_as_they_were(error: errors.SignalsError) -> None:
    """The hub's own code makes the answer of an error, and the client the same error of the answer."""
    again = refusal(hub_says(problems.of(error)), WHERE)
    assert type(again) is type(error)
    for name in ("field", "hint", "cause", "detail", "index", "reason", "retry_after", "outcome_unknown"):
        if hasattr(error, name):
            assert getattr(again, name) == getattr(error, name), name


@pytest.mark.parametrize(
    ("value", "field", "said"),
    [
        ({"topic": "a*", "message": 1}, "topic", "'\\*' stands in it"),
        ([{"message": 1}, {"tpic": "a", "message": 1}], "tpic", "Did you mean 'topic'"),
        ([], None, "0 signals"),
    ],
)
def test_a_refused_signal_names_the_field(value: Any, field: str | None, said: str) -> None:
    """As the same mistake does in process."""
    error = refusal(hub_says(refused(value)), WHERE)
    assert type(error) is errors.InvalidInput
    assert error.field == field
    assert error.hint
    with pytest.raises(errors.InvalidInput, match=said):
        raise error


def test_a_message_that_is_too_large_for_the_hub_is_told_so() -> None:
    """Its limit may be lower than the client's."""
    error = refusal(hub_says(refused({"message": "x" * 200})), WHERE)
    assert type(error) is errors.MessageTooLarge
    assert error.field == "message"
    body = problems.Problem(413, "body-too-large", "It is long.", hint="Shorten it.")
    assert type(refusal(hub_says(body), WHERE)) is errors.MessageTooLarge


@pytest.mark.parametrize(
    ("status", "body", "content_type", "headers", "kind", "said"),
    [
        (404, b"<html>no such page</html>", HTML, {}, UnexpectedAnswer, "no hub's .text/html"),
        (404, b"", "", {}, UnexpectedAnswer, "of no type"),
        (302, b"", "", {"Location": "https://login/?rd=secret"}, UnexpectedAnswer, "on to https://login/,"),
        (301, b"", "", {}, UnexpectedAnswer, "nowhere"),
        (200, b'{"status":"up"}', JSON, {}, UnexpectedAnswer, "no hub's"),
        (599, b"", "", {}, UnexpectedAnswer, "599 [?]"),
        (400, b"<html>", HTML, {}, UnexpectedAnswer, "400 Bad Request"),
        (413, b"<html>", HTML, {}, UnexpectedAnswer, "413"),
        (403, b"<html>", HTML, {}, UnexpectedAnswer, "403"),
        (409, b"{}", JSON, {}, UnexpectedAnswer, "409"),
        (401, b"<html>", HTML, {}, errors.NotAuthenticated, "refused"),
        (429, b"", "", {"Retry-After": "9"}, errors.TooMany, "too many"),
        (502, b"<html>", HTML, {}, errors.BrokerUnavailable, "502 Bad Gateway"),
        (503, b'{"type": "urn:sse-signals:problem:broker-unava', PROBLEM, {}, errors.BrokerUnavailable, "503"),
        (403, b'{"type": "about:blank", "title": "T\\nX", "detail": "D"}', PROBLEM, {}, UnexpectedAnswer, r"T\\nX: D"),
        (404, b'{"type": "urn:sse-signals:problem:not-found", "title": "Not Found", "detail": "No.", "hint": "H."}',
         PROBLEM, {}, UnexpectedAnswer, "404 Not Found: No. H."),
        (400, b"[]", PROBLEM, {}, UnexpectedAnswer, "400"),
        (400, b'{"type": "urn:sse-signals:problem:x", "errors": [1]}', JSON, {}, InvalidInput, "breaks a rule"),
        (400, b'{"type": "urn:sse-signals:problem:x", "errors": 1, "detail": 7}', JSON, {}, InvalidInput, "breaks"),
        (400, TOO_LONG, JSON, {}, UnexpectedAnswer, "400"),
    ],
)  # fmt: skip
def test_odd_answers(
    status: int, body: bytes, content_type: str, headers: dict[str, str], kind: type[Exception], said: str
) -> None:
    """Proxies, login pages, broken documents: each becomes an error that says what it was."""
    error = refusal(answer(status, body, content_type, **headers), WHERE)
    assert type(error) is kind
    with pytest.raises(kind, match=said):
        raise error
    assert len(str(error)) < 2000
    assert "secret" not in str(error)


def test_a_long_text_of_a_server_is_cut() -> None:
    """An error is read by people, and stands in logs."""
    error = refusal(answer(404, b'{"detail": "' + b"y" * 5000 + b'"}'), WHERE)
    assert 500 < len(str(error)) < 800


@pytest.mark.parametrize(
    ("body", "count"),
    [(b'{"id":"a-1"}', 1), (b'{"ids":["a-1","a-1.1"]}', 2)],
)
def test_a_receipt(body: bytes, count: int) -> None:
    """One id for each signal, and whether they were there before."""
    got = accepted(answer(202, body, "application/json", Idempotent_Replayed="true"), count, WHERE)
    assert (list(got.ids), got.repeated) == (["a-1", "a-1.1"][:count], True)
    assert not accepted(answer(202, body, "application/json"), count, WHERE).repeated


@pytest.mark.parametrize(
    ("status", "body", "count"),
    [(200, b'{"id":"a"}', 1), (202, b"", 1), (202, b'{"id":1}', 1), (202, b'{"ids":["a"]}', 2), (202, b'{"ids":7}', 2)],
)
def test_what_is_no_receipt(status: int, body: bytes, count: int) -> None:
    """Success without the ids is somebody else's success."""
    with pytest.raises(errors.UnexpectedAnswer):
        accepted(answer(status, body, "application/json"), count, WHERE)


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("7", "", 7.0),
        ("0", "", 0.0),
        ("99999", "", 300.0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:47 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 -0000", None),
        ("Mon, 01 Jan 2027 00:00:00 +99999999999999999", "Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("soon", "Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("", "", None),
        ("-1", "", None),
        ("²", "", None),
    ],
)
def test_retry_after(text: str, date: str, seconds: float | None) -> None:
    """Seconds, or a time by the server's own clock; nothing else, and not for ever."""
    assert retry_after(answer(503, Retry_After=text, Date=date)) == seconds


def test_what_an_answer_says_of_the_outcome() -> None:
    """A hub says so; of a proxy nobody knows, unless it says that it took nothing."""
    unknown, known = (
        hub_says(problems.of(errors.BrokerUnavailable("x", outcome_unknown=each))) for each in (True, False)
    )
    assert may_be_done(unknown)
    assert not may_be_done(known)
    for status, expected in ((408, False), (429, False), (502, True), (503, True), (504, True)):
        assert passing(answer(status))
        assert may_be_done(answer(status)) is expected
    for status in (200, 301, 400, 401, 403, 404, 500):
        assert not passing(answer(status))
    assert from_hub(unknown)
    assert not from_hub(answer(503, b"{}"))


def test_what_is_a_stream() -> None:
    """A status and a type; parameters and case do not matter."""
    assert is_stream(answer(200, content_type="Text/Event-Stream; charset=utf-8"))
    assert not is_stream(answer(201, content_type="text/event-stream"))
    assert not is_stream(answer(200, content_type="text/html"))

"""Requests, as bytes."""

from __future__ import annotations

from typing import Any

import pytest

from sse_signals.bench.target import Address
from sse_signals.conformance.adapter import Publish, Subscribe
from sse_signals.conformance.requests import Requests
from sse_signals.errors import ConfigurationError

ADDRESS = Address("127.0.0.1", 80)


def requests(**options: Any) -> Requests:
    """Return what makes requests below a prefix."""
    return Requests(ADDRESS, "/hub", **options)


def lines(request: bytes) -> list[str]:
    """Return a request's lines, the last of which is its body."""
    return request.decode().split("\r\n")


def test_a_stream_request_has_its_topics_and_what_resumes_it() -> None:
    """Topics are percent-encoded, and the query goes on with whichever sign it needs."""
    how = Subscribe("/sub?t={topic}", more="&t={topic}", headers=(("accept", "text/event-stream;v=1"),))
    assert lines(requests().stream(how, ["a/b", "ü{topic}"], query="after=1", headers={"X": "y"}, version="1.0")) == [
        "GET /hub/sub?t=a%2Fb&t=%C3%BC%7Btopic%7D&after=1 HTTP/1.0",
        "Host: 127.0.0.1",
        "accept: text/event-stream;v=1",
        "X: y",
        "",
        "",
    ]
    assert b"GET /hub/sub/a?after=1 HTTP/1.1\r\n" in requests().stream(
        Subscribe("/sub/{topic}"), ["a"], query="after=1"
    )


@pytest.mark.parametrize(
    ("content", "body", "message", "sent"),
    [
        ("text", "{message}", "a\r\n{topic}", b"a\r\n{topic}"),
        ("text", "{message}", {"a": 1}, b'{"a": 1}'),
        (
            "json",
            '{"t": {topic}, "d": {message}, "x": {}}',
            'a"\n{topic}',
            b'{"t": "t&", "d": "a\\"\\n{topic}", "x": {}}',
        ),
        ("json", "[{message}]", {"a": None}, b'[{"a": null}]'),
        ("form", "topic={topic}&data={message}", "a=b&c\n", b"topic=t%26&data=a%3Db%26c%0A"),
        ("form", "data={message}", [1], b"data=%5B1%5D"),
    ],
)
def test_a_message_goes_into_the_body_of_its_kind(content: str, body: str, message: Any, sent: bytes) -> None:
    """What a message holds is never taken for a part of the template."""
    request = requests().publish(Publish("/pub/{topic}", content=content, body=body), "t&", message)
    head, _, came = request.partition(b"\r\n\r\n")
    assert came == sent
    assert head.startswith(b"POST /hub/pub/t%26 HTTP/1.1\r\n")
    assert b"Content-Length: %d" % len(sent) in head


@pytest.mark.parametrize("event_id", ["é", "a\x1b[31m", "\U0001f4e1 \u2028", "\x7f", "x" * 4000])
def test_an_id_is_sent_as_utf_8_whatever_it_holds(event_id: str) -> None:
    """So the standard has it; a stream can bring every character in an id but a line end and a NUL."""
    request = requests().stream(Subscribe("/s/{topic}"), ["t"], headers={"Last-Event-ID": event_id})
    assert b"\r\nLast-Event-ID: " + event_id.encode() + b"\r\n" in request
    assert request.count(b"\r\n") == 5


@pytest.mark.parametrize("event_id", ["a\rb", "a\nb", "a\0b"])
def test_an_id_never_makes_a_header(event_id: str) -> None:
    """Whoever gives one with a line end in it is told so."""
    with pytest.raises(ConfigurationError, match="'Last-Event-ID' holds characters"):
        requests().stream(Subscribe("/s/{topic}"), ["t"], headers={"last-event-id": event_id})


def test_names_of_events_and_types_of_bodies_may_stand_in_headers() -> None:
    """A header of the description outranks the usual one, in whichever case it is written."""
    how = Publish("/p?t={topic}", headers=(("X-Event", "{event}"), ("content-type", "a/b")))
    told = lines(requests().publish(how, "t", "m", "named"))
    assert "X-Event: named" in told
    assert "content-type: a/b" in told
    assert not any(line.startswith("Content-Type") for line in told)


def test_a_token_goes_where_the_description_says_or_else_where_it_always_goes() -> None:
    """It is never sent twice, and what the user has said on the command line outranks all."""
    mine = requests(token="abc")
    assert "Authorization: Bearer abc" in lines(mine.stream(Subscribe("/s/{topic}"), ["t"]))
    told = lines(mine.stream(Subscribe("/s/{topic}", headers=(("X-Key", "{token}"),)), ["t"]))
    assert "X-Key: abc" in told
    assert not any(line.startswith("Authorization") for line in told)
    both = requests(token="abc", headers=[("authorization", "Basic x")])
    assert [line for line in lines(both.plain("GET", "/", {})) if "uthorization" in line] == ["authorization: Basic x"]
    assert "X-Key: " in lines(requests().plain("GET", "/", {"X-Key": "{token}"}))

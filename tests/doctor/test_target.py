"""Where a hub is, and what is asked there."""

from __future__ import annotations

import pytest

from sse_signals.doctor.target import OVERSIZED, Requests, Target, origin
from sse_signals.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "at", "local"),
    [
        ("http://hub/signals", "http://hub", False),
        ("https://hub:443/signals", "https://hub", False),
        ("https://hub:8443/a/b", "https://hub:8443", False),
        ("http://127.0.0.1:8080/signals", "http://127.0.0.1:8080", True),
        ("http://[::1]:8080/signals", "http://[::1]:8080", True),
        ("http://localhost/signals", "http://localhost", True),
        ("http://a.localhost/signals", "http://a.localhost", True),
    ],
)
def test_target(url: str, at: str, local: bool) -> None:
    """A target has the origin that browsers would send, and is known to be this machine."""
    target = Target.of(url)
    assert (target.origin, target.local, target.tls) == (at, local, url.startswith("https"))
    assert target.url == at + target.path


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.com:443/", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_origin(text: str, meant: str) -> None:
    """An origin is what browsers make of it."""
    assert origin(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "app.example.com",
        "https://a/b",
        "https://u@a",
        "https://a?b",
        "ftp://a",
        "https://[",
        "https://ä",
    ],
)
def test_no_origin(text: str) -> None:
    """What no browser would send is refused, with what to write."""
    with pytest.raises(ConfigurationError, match=r"https://app\.example\.com"):
        origin(text)


def test_requests() -> None:
    """Tokens go into a header, pages are named, topics are escaped, and nothing is packed but where browsers ask."""
    requests = Requests("/signals", "a/ü", (("Authorization", "Bearer t"),))
    stream = requests.stream("busy", "gzip, br")
    assert stream.target == "/signals/stream?topic=a%2F%C3%BC%2Fbusy"
    assert dict(stream.headers)["Accept-Encoding"] == "gzip, br"
    assert "Bearer t" not in repr(stream)
    poll = requests.poll(origin="https://a", after="e-1", ndjson=True)
    assert dict(poll.headers) == {
        "User-Agent": "sse-signals doctor", "Accept-Encoding": "identity", "Accept": "application/x-ndjson",
        "Origin": "https://a", "Last-Event-ID": "e-1", "Authorization": "Bearer t",
    }  # fmt: skip
    assert "Authorization" not in dict(requests.preflight("stream", "GET", "https://a").headers)
    assert len(requests.oversized().body) == OVERSIZED + 1
    assert requests.publish("1").body == b"1"

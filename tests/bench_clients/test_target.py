"""URLs and headers become requests, or one sentence."""

from __future__ import annotations

import ssl

import pytest

from sse_signals.bench.target import Address, Target, parse
from sse_signals.errors import ConfigurationError


def test_the_requests() -> None:
    """They are those of the README, with the headers that were asked for."""
    target = Target.hub("http://127.0.0.1:8080/signals/", "a b/ü", headers={"Authorization": "Bearer x"})
    assert target.stream == (
        b"GET /signals/stream?topic=a%20b%2F%C3%BC HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
        b"Accept: text/event-stream\r\nAuthorization: Bearer x\r\n\r\n"
    )
    assert target.form.request(b"{}") == (
        b"POST /signals/publish?topic=a%20b%2F%C3%BC HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
        b"Content-Type: application/json\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_a_host_of_ones_own() -> None:
    """It takes the place of the URL's."""
    target = Target.hub("http://127.0.0.1:8080/signals", "a", headers={"host": "hub.example.com"})
    assert target.stream.lower().count(b"host: ") == 1
    assert b"\r\nhost: hub.example.com\r\n" in target.stream


@pytest.mark.parametrize(
    ("url", "host", "port", "netloc", "path"),
    [
        ("http://localhost", "localhost", 80, "localhost", ""),
        ("https://hub.example.com/a/b/", "hub.example.com", 443, "hub.example.com", "/a/b"),
        ("http://[::1]:8080/x", "::1", 8080, "[::1]:8080", "/x"),
        ("http://h:1/ü", "h", 1, "h:1", "/%C3%BC"),
    ],
)
def test_urls(url: str, host: str, port: int, netloc: str, path: str) -> None:
    """A port may be left out, and a slash at the end does no harm."""
    address, found = parse(url)
    assert (address.host, address.port, address.netloc, found) == (host, port, netloc, path)


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://h/", "http://", "http://h:x/", "http://h/?a=1", "http://u:p@h/", "//h"]
)
def test_what_is_no_url_of_a_hub(url: str) -> None:
    """It is told in one sentence, without a password."""
    with pytest.raises(ConfigurationError) as error:
        parse(url)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X": "ü"}, {"X\0": "a"}])
def test_headers_that_cannot_be_sent(headers: dict[str, str]) -> None:
    """Nothing gets between the lines of a request."""
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        Target.hub("http://h/", "a", headers=headers)


def test_certificates() -> None:
    """They have to be valid unless it is said that they need not."""
    assert Address("h", 1).context() is None
    strict, lenient = Address("h", 1, tls=True).context(), Address("h", 1, tls=True, verify=False).context()
    assert strict is not None
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert lenient is not None
    assert lenient.verify_mode == ssl.CERT_NONE

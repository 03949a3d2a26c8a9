"""Where redirects are followed to, and with what."""

from __future__ import annotations

import pytest

from sse_signals.doctor.redirects import led_on
from sse_signals.doctor.target import Target

USUAL = Target("http", "hub.example.com", 80, "/signals")
ODD = Target("http", "hub.example.com", 8080, "/signals")
SECURE = Target("https", "hub.example.com", 443, "/signals")


@pytest.mark.parametrize(
    ("target", "location", "without", "with_token"),
    [
        (USUAL, "https://hub.example.com/signals/stream", "https://hub.example.com/signals", True),
        (USUAL, "https://HUB.example.com:443/signals/stream/?a=b", "https://hub.example.com/signals", True),
        (USUAL, "/app/signals/stream", "http://hub.example.com/app/signals", True),
        (ODD, "http://hub.example.com:8080/app/stream", "http://hub.example.com:8080/app", True),
        (ODD, "http://hub.example.com:8081/signals/stream", "http://hub.example.com:8081/signals", False),
        (ODD, "https://hub.example.com/signals/stream", "https://hub.example.com/signals", False),
        (USUAL, "https://hub.example.com:8443/signals/stream", "https://hub.example.com:8443/signals", False),
        (SECURE, "https://hub.example.com:8443/signals/stream", "https://hub.example.com:8443/signals", False),
        (SECURE, "http://hub.example.com/signals/stream", None, False),
        (SECURE, "http://hub.example.com:443/signals/stream", None, False),
        (USUAL, "https://evil.example.com/signals/stream", None, False),
        (USUAL, "/login", None, False),
        (USUAL, "ftp://hub.example.com/signals/stream", None, False),
        (USUAL, "http://[", None, False),
    ],
)
def test_redirects(target: Target, location: str, without: str | None, with_token: bool) -> None:
    """Nothing follows to another host or away from TLS, and a token only to the same port, or from 80 to 443."""
    found = led_on(target, location, token=False)
    assert (found.url if found else None) == without
    assert led_on(target, location, token=True) == (found if with_token else None)

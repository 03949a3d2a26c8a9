"""What addresses and URLs mean to settings."""

from __future__ import annotations

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.settings import load, loopback, without_password


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("localhost", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("a", False),
    ],
)
def test_what_is_a_loopback_address(host: str, is_it: bool) -> None:
    """Only addresses that cannot be reached from elsewhere are."""
    assert loopback(host) is is_it


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("memory://", "memory://"),
        ("redis://localhost/0", "redis://localhost/0"),
        ("redis://user:secret@host/0", "redis://***@host/0"),
        ("redis:user:secret@host", "redis://***@host"),
        ("redis://:s@cret@host", "redis://***@host"),
        ("secret@[", "***@["),
        ("redis://host/0?password=secret", "redis://host/0?password=***"),
        ("redis://host/0?db=1&Password=s@cret&x=1", "redis://***"),
        ("redis://u:p@host?p%61ssword=a?secret#&db=1", "redis://***@host?p%61ssword=***&db=1"),
        ("redis://host?username=secret&password&timeout=2", "redis://host?username=***&***&timeout=2"),
        ("redis://host/0?", "redis://host/0?"),
        ("redis://host/0?pwd=secret&p=secret&bogus=secret", "redis://host/0?pwd=***&p=***&bogus=***"),
        ("https://host/k?sig=secret&code=secret&secret&x y=secret", "https://host/k?sig=***&code=***&***&***"),
        ("redis://host?db=1;pwd=secret&timeout=2?secret&db=" + "secret" * 6, "redis://host?db=***&timeout=***&db=***"),
        ("redis://host?ssl_cert_reqs=none&db=1#secret", "redis://host?ssl_cert_reqs=none&db=***"),
        ("redis://u:p?secret@host", "redis://***@host"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    """However a URL is written, an error says what was meant without its credentials."""
    assert without_password(url) == shown
    with pytest.raises(ConfigurationError) as caught:
        load({}, {"broker": url.replace("redis:", "kafka:").replace("memory:", "kafka:")})
    assert "cret" not in str(caught.value)

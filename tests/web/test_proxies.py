"""The setting that names trusted proxies."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.errors import ConfigurationError
from sse_signals.web.address import NO_PROXIES, Proxies

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("10.0.0.1", ["10.0.0.1"], ["10.0.0.2"]),
        ("10.0.0.0/8,192.0.2.1", ["10.1.2.3", "192.0.2.1"], ["11.0.0.0", "192.0.2.2"]),
        (" 10.0.0.0/8 ,\n 2001:db8::/32 ", ["10.1.2.3", "2001:DB8::1"], ["2001:db9::", "::1"]),
        ("::1", ["::1"], ["::2", "127.0.0.1"]),
        ("::ffff:10.0.0.0/104", ["10.1.2.3"], ["11.0.0.0"]),
        ("::ffff:10.0.0.1", ["10.0.0.1"], ["10.0.0.2"]),
    ],
)
def test_settings(text: str, inside: Sequence[str], outside: Sequence[str]) -> None:
    """Addresses and networks of both kinds, separated by commas or spaces."""
    proxies = Proxies.parse(text)
    assert all(ip_address(address) in proxies for address in inside)
    assert not any(ip_address(address) in proxies for address in outside)
    assert None not in proxies


@pytest.mark.parametrize("text", ["unix", "unix:", "10.0.0.0/8, unix"])
def test_unix_as_a_setting(text: str) -> None:
    """A proxy on the same machine that speaks to a Unix socket can be named."""
    assert None in Proxies.parse(text)


def test_nothing_is_trusted_unless_it_is_named() -> None:
    """An empty setting names nobody."""
    assert Proxies.parse("") == Proxies.parse(" , ") == NO_PROXIES == Proxies()
    assert None not in NO_PROXIES


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("*", "it may be"),
        ("localhost", "it may be"),
        ("10.0.0.0/33", "it may be"),
        ("10.0.0.0/", "it may be"),
        ("10.0.0.0/255.0.0.0", "it may be"),
        ("10.0.0", "it may be"),
        ("fe80::1%eth0", "it may be"),
        ("[::1]", "it may be"),
        ("/8", "it may be"),
        ("10.0.0.5/8", "did you mean the network 10.0.0.0/8 or the address 10.0.0.5?"),
        ("2001:db8::1/32", "did you mean the network 2001:db8::/32 or the address 2001:db8::1?"),
        ("0.0.0.0/0", "could then choose an address"),
        ("::/0", "could then choose an address"),
        ("::ffff:0.0.0.0/96", "could then choose an address"),
    ],
)
def test_settings_that_are_none(entry: str, says: str) -> None:
    """They stop the start with a sentence that names the setting, the entry and what it may be."""
    with pytest.raises(ConfigurationError) as refused:
        Proxies.parse(f"10.0.0.1, {entry}")
    assert str(refused.value).startswith(f"SIGNALS_TRUSTED_PROXIES names {entry!r}: ")
    assert says in str(refused.value)


@given(st.text() | st.text("0123456789abcdef:./, x"))
def test_settings_are_right_or_refused(text: str) -> None:
    """No text of a setting is any other error."""
    with contextlib.suppress(ConfigurationError):
        Proxies.parse(text)

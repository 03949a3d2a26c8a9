"""How a hub finds out who is there: mistakes in a program are told at the start."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from sse_signals import Authentication, ConfigurationError, EventBroker, SignalsService
from tests.authenticated import Tokens, WallClock


class NotAsync:
    """What looks like an authenticator, and is none."""

    def authenticate(self, _credentials: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize("authenticators", [[], Tokens(WallClock()), [Tokens], [NotAsync()], [object()]])
def test_what_is_no_authenticator_is_refused(authenticators: Any) -> None:
    """A class, a plain function or nothing at all would only fail with the first request."""
    with pytest.raises(ConfigurationError, match="authenticators"):
        Authentication(authenticators)


def test_a_short_secret_is_refused() -> None:
    """It is not shown."""
    for secrets in ({"secret": b"canary"}, {"secret": b"s" * 32, "other_secrets": [b"o" * 32, b"canary"]}):
        with pytest.raises(ConfigurationError, match="secret has 6 bytes") as caught:
            Authentication([Tokens(WallClock())], **secrets)
        assert "canary" not in str(caught.value)
    found = Authentication([Tokens(WallClock())], secret=b"s" * 32, other_secrets=[b"canary" * 6])
    assert "canary" not in repr(found)


async def test_nobody_is_let_in_before_the_hub_runs() -> None:
    """An application that is asked too early answers that it is starting, and not that everybody may do everything."""
    app = web.Application()
    broker = EventBroker.from_url("memory://")
    service = SignalsService.create(app, event_broker=broker, authentication=Authentication([Tokens(WallClock())]))
    with pytest.raises(Exception, match="starting"):
        await service.site.identify(None)  # type: ignore[arg-type]


def test_an_authenticator_is_no_authentication() -> None:
    """Who forgets the one around the other is told."""
    wrong: Any = Tokens(WallClock())
    with pytest.raises(ConfigurationError, match="write Authentication"):
        SignalsService.create(web.Application(), event_broker=EventBroker.from_url("memory://"), authentication=wrong)

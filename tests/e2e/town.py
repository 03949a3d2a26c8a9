"""Ann and Bob, who use one browser, and what each of them must not see."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.authenticated import NO_GRANTS, Tokens, WallClock
from tests.e2e.browser import serving_pages
from tests.e2e.tabs import browsing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from sse_signals import Credentials, Grants, Identity
    from tests.e2e.tabs import Browsing, Tab

ANN, BOB = "user:default/ann", "user:default/bob"
HELD = "session"  # the cookie that holds a token


class People(Tokens):
    """Tokens that say whose they are, as a JWT does."""

    def issue(self, subject: str, *owns: str, grants: Grants = NO_GRANTS, **options: Any) -> str:
        """Make a token, and return it."""
        token = super().issue(subject, *owns, grants=grants, **options)
        head, claims = (
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
            for part in ({"alg": "none"}, {"sub": subject})
        )
        jwt = f"{head}.{claims}.{token}"
        self.known[jwt] = self.known[token]
        return jwt

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Say who shows a token."""
        return self.known.get(credentials.token) or await super().authenticate(credentials)


class Town:
    """Ann and Bob, with signals for both, for each, and for nobody.

    Args:
        room: Where they browse.
    """

    def __init__(self, room: Browsing) -> None:
        self.room, self.feed = room, room.feed
        self.turns = 0

    def token(self, who: str, **options: Any) -> str:
        """Make a token of one of them, who owns themselves."""
        return self.room.hub.tokens.issue(who, who, **options)

    async def tab(self, who: str, *, token: str = "", **options: Any) -> Tab:
        """Open a tab in which one of them has signed in."""
        return await self.room.tab("news", token=token or self.token(who), owns=[who], **options)

    async def publish(self) -> None:
        """Publish to each of them, and to both."""
        for _ in range(10):
            for targets in ([ANN], [BOB], [ANN, BOB], ["user:default/carl"], []):
                await self.feed.publish("news", *targets)

    def secrets(self, who: str) -> list[str]:
        """Return the messages that one of them may not see."""
        return [json.dumps(each.message) for each in self.feed.published if each.targets and who not in each.targets]

    async def nothing_of_others(self, who: str, *tabs: Tab) -> None:
        """Check that nothing that one may not see is in what the tabs told or heard, nor any name of another."""
        other = BOB if who == ANN else ANN
        for tab in tabs:
            text = await tab.page.evaluate("JSON.stringify([seen, {...localStorage}, {...sessionStorage}])")
            text = text.replace('\\"', '"').replace("\\\\", "")
            assert not [secret for secret in self.secrets(who) if secret in text]
            names = await tab.page.evaluate("[...seen.channels, ...seen.locks]")
            assert not [name for name in names if other in name], names


@asynccontextmanager
async def a_room(browser: Browser) -> AsyncIterator[Browsing]:
    """A profile, and a hub that asks who is there."""
    clock = WallClock()
    options: dict[str, Any] = {
        "clock": clock,
        "tokens": People(clock),
        "anonymous": False,
        "authentication": {"cookie": HELD},
    }
    async with serving_pages() as origin, browsing(browser, origin, **options) as opened:
        yield opened

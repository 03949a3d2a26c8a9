"""The browser module and its tokens: renewed on the open stream, expired, refused, and not to be had."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from tests.e2e.client_world import PROMPT, world
from tests.web.doors import until

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]


async def test_renewed_in_place(profile: BrowserContext) -> None:
    """A token that is about to expire is replaced on the open stream: its name stays, nothing is interrupted."""
    async with world(heartbeat=10.0) as it, it.page(profile) as page:
        (stream,), before = it.streams, len(page.subscriptions["a"].statuses)
        assert page.tokens == 1
        for turn in range(2, 5):
            it.clock.advance(3550)
            await page.until(lambda: page.tokens == turn, "another token")  # noqa: B023
            await until(lambda: all(each.identity.expires_ms > it.clock() + 3_000_000 for each in it.streams))
            await it.news(page)
            assert it.streams == [stream]
        assert len(page.subscriptions["a"].statuses) == before
        await it.judge(page)


async def test_expired(profile: BrowserContext) -> None:
    """A token that expires before anybody could renew it ends the stream, and another opens the next."""
    async with world() as it, it.page(profile) as page:
        (stream,) = it.streams
        it.clock.advance(3700)
        await until(lambda: it.streams not in ([], [stream]))
        await it.news(page)
        assert page.tokens <= 3
        await it.judge(page)


async def test_expires_while_away(profile: BrowserContext) -> None:
    """A token that has expired meanwhile is refused once, and another is asked for at once."""
    async with world() as it, it.page(profile) as page:
        it.proxy.cut()
        await page.until(lambda: page.subscriptions["a"].status == "waiting", "waiting")
        it.clock.advance(3700)
        await it.proxy.restore()
        await it.news(page)
        assert page.tokens == 2
        await it.judge(page)


async def test_no_token_to_be_had(profile: BrowserContext) -> None:
    """While the page's own function of tokens fails it waits, and tries again."""
    failing = False
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        if failing:
            raise RuntimeError("no token today")
        return it.token()

    async with world() as it, it.page(profile, token=token) as page:
        failing, asked = True, 0
        it.clock.advance(3700)
        await until(lambda: asked >= 4)
        assert page.subscriptions["a"].status in {"waiting", "connecting"}
        assert await page.status() in {"waiting", "connecting"}
        failing = False
        await it.news(page, 6 * PROMPT)
        await it.judge(page)


async def test_bad_tokens(profile: BrowserContext) -> None:
    """Tokens that are refused, each a new one, are tried ever more seldom, until there is a good one."""
    bad = False
    async with world() as it, it.page(profile, token=lambda: f"token-{monotonic()}" if bad else it.token()) as page:
        bad = True
        it.clock.advance(3700)
        await page.until(lambda: page.tokens >= 5, "tokens")
        assert page.subscriptions["a"].status in {"waiting", "connecting"}
        bad = False
        await it.news(page, 6 * PROMPT)
        await it.judge(page)


async def test_no_other_token(profile: BrowserContext) -> None:
    """When the only token there is has expired, it is told why, and does not knock for ever."""
    async with world() as it, it.page(profile, token=it.token()) as page:
        it.clock.advance(3700)
        await page.until(lambda: all(each.status == "refused" for each in page.subscriptions.values()), "refused")
        assert await page.status() == "refused"
        assert page.subscriptions["a"].statuses[-1].detail["problem"]["status"] == 401
        before = it.proxy.connections
        await asyncio.sleep(0.5)
        assert it.proxy.connections == before

"""Across tabs of one browser, signals never reach a tab of another subject: item 46 of the security checklist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.authenticated import Tokens
from tests.e2e.browser import serving_pages
from tests.e2e.tabs import browsing, until
from tests.e2e.town import ANN, BOB, HELD, Town

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.e2e.tabs import Browsing

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]


async def test_46_another_subject_has_another_connection(room: Browsing) -> None:
    """46: tabs of two people have two streams, and neither hears, asks for, nor holds anything of the other's."""
    town = Town(room)
    anns = [await town.tab(ANN), await town.tab(ANN)]
    bobs = [await town.tab(BOB), await town.tab(BOB)]
    await room.streams(2)
    await town.publish()
    await room.judge()
    await town.nothing_of_others(ANN, *anns)
    await town.nothing_of_others(BOB, *bobs)
    for mine, others in ((anns, bobs), (bobs, anns)):
        await (await room.leader(*mine)).close()
        await room.leader(*(tab for tab in mine if not tab.page.is_closed()))
        await town.publish()
        await room.leader(*(tab for tab in others if not tab.page.is_closed()))
    await room.judge()
    await room.streams(2)
    await town.nothing_of_others(ANN, *(tab for tab in anns if not tab.page.is_closed()))
    await town.nothing_of_others(BOB, *(tab for tab in bobs if not tab.page.is_closed()))


async def test_46_another_hub_has_another_connection(caching_browser: Browser) -> None:
    """46: two hubs share nothing, although one person listens to both in one page."""
    async with (
        serving_pages() as origin,
        browsing(caching_browser, origin) as room,
        browsing(caching_browser, origin) as other,
    ):
        tabs = [await room.tab("a"), await room.tab("a")]
        for tab in tabs:
            await tab.start("other", url=other.proxy.url)
            await tab.listen("a", name="other", feed=other.feed)
        await room.streams(1)
        await other.streams(1)
        for feed in (room.feed, other.feed):
            for _ in range(20):
                await feed.publish("a")
        other.tabs = tabs
        await room.judge()
        await other.judge()
        for url in (room.proxy.url, other.proxy.url):
            assert await tabs[0].page.evaluate("(url) => seen.locks.filter((name) => name.includes(url)).length", url)


async def test_46_signing_out(room: Browsing) -> None:
    """46: whoever signs out gives all up at once and gets nothing more, and the next one has nothing of theirs."""
    town = Town(room)
    shared, other = await town.tab(ANN), await town.tab(ANN)
    assert await room.leader() is shared
    await town.publish()
    await shared.sign_out()
    got = list(shared.heard[0].got)
    assert await shared.page.evaluate("seen.open") == 0
    await town.publish()
    await shared.start("next", token=town.token(BOB), owns=[BOB])
    await shared.listen("news", name="next")
    await room.leader(other)
    await room.streams(2)
    await town.publish()
    await room.judge()
    assert shared.heard[0].got == got
    await other.sign_out()
    await shared.sign_out("next")
    await room.streams(0)
    for tab in (shared, other):
        held = await tab.page.evaluate("navigator.locks.query().then(({held, pending}) => [...held, ...pending])")
        assert (held, await tab.page.evaluate("seen.open")) == ([], 0)


@pytest.mark.parametrize("way", ["expired", "revoked"])
async def test_46_token_returns_another_person(room: Browsing, way: str) -> None:
    """46: a leader whose token() turns out to be somebody else's leaves the others, and tells them nothing of it."""
    town = Town(room)
    changes = await town.tab(ANN, token=town.token(ANN, seconds=200))
    stays = await town.tab(ANN)
    assert await room.leader() is changes
    await town.publish()
    await until(lambda: len(stays.heard[0].got) >= 30)
    changes.heard[0].until = len(town.feed.published)
    was = len(changes.heard[0].got)
    await changes.sign_in(town.token(BOB))
    if way == "expired":
        room.hub.clock.advance(150)  # it is told that it will, and asks for another token
    else:
        security = room.hub.service.site.security
        assert security is not None
        for stream in security.lives.streams:
            security.lives.end(stream, "revoked")
    await room.leader(stays)
    await room.streams(2)
    await town.publish()
    last = await town.feed.publish(None)
    await until(lambda: all(tab.heard[0].has(last) for tab in (changes, stays)))
    secret = {message for _, message in changes.heard[0].got[was:]} & {json.loads(each) for each in town.secrets(BOB)}
    assert not secret
    assert stays.heard[0].fault() is None
    await town.nothing_of_others(ANN, stays)
    posted = await changes.page.evaluate("seen.posted")
    assert not [text for name, text in posted if name.endswith(ANN) and BOB in text]
    assert not [text for name, text in posted if name.endswith(ANN) and any(each in text for each in town.secrets(ANN))]


@pytest.mark.parametrize("first", [BOB, ANN])
async def test_46_who_claims_to_be_somebody_else(room: Browsing, first: str) -> None:
    """46: a client that says it is somebody else than its token does is left alone, whoever comes first."""
    town = Town(room)
    tabs = {who: await town.tab(who, subject=ANN) for who in (first, BOB if first == ANN else ANN)}
    await room.streams(2)
    await town.publish()
    await room.judge()
    assert await room.leader() is tabs[ANN]
    posted = await tabs[BOB].page.evaluate("seen.posted")
    assert not [text for _, text in posted if any(secret in text for secret in town.secrets(ANN))]


async def test_46_who_is_somebody_else_for_the_hub(room: Browsing) -> None:
    """46: a leader whom the hub finds to be somebody else than it says parts before anybody hears anything of it."""
    town = Town(room)
    opaque = Tokens.issue(room.hub.tokens, BOB, BOB)
    liar = await town.tab(BOB, token=opaque, subject=ANN)
    ann = await town.tab(ANN, subject=ANN)
    await room.streams(2)
    await town.publish()
    await room.judge()
    assert await room.leader() is ann
    assert not [text for _, text in await liar.page.evaluate("seen.posted") if "signal" in text and "block" in text]


@pytest.mark.parametrize("subject", [None, ANN])
async def test_46_cookies_say_nothing(room: Browsing, subject: str | None) -> None:
    """46: tabs with a cookie share only if the page says who is signed in, and another person's cookie ends that."""
    town = Town(room)

    async def sign_in(who: str) -> None:
        cookie = {"name": HELD, "value": town.token(who), "url": room.hub.url}
        await room.context.add_cookies([cookie])  # type: ignore[list-item]

    await sign_in(ANN)
    options: dict[str, Any] = {"credentials": "include"} | ({} if subject is None else {"subject": subject})
    tabs = [await room.tab("news", owns=[ANN], **options) for _ in range(2)]
    await room.streams(2 if subject is None else 1)
    await town.publish()
    await room.judge()
    await sign_in(BOB)
    third = await room.tab("news", owns=[BOB], **(options | {"subject": BOB} if subject else options))
    await room.streams(3 if subject is None else 2)
    await town.publish()
    await room.judge()
    for tab in tabs:
        tab.heard[0].until = len(town.feed.published)
    room.proxy.drop()  # whoever comes back does so with Bob's cookie
    room.proxy.release()
    await room.streams(3)
    await town.publish()
    last = await town.feed.publish(None)
    await until(lambda: all(tab.heard[0].has(last) for tab in room.tabs))
    assert third.heard[0].fault() is None
    for tab in tabs:
        posted = await tab.page.evaluate("seen.posted")
        assert not [text for _, text in posted if any(secret in text for secret in town.secrets(ANN))]
        assert subject or not posted


async def test_46_a_token_that_names_nobody(room: Browsing) -> None:
    """46: who shows a token that says nothing of its owner, and does not say it either, shares with nobody."""
    town = Town(room)
    opaque = [Tokens.issue(room.hub.tokens, who, who) for who in (ANN, BOB)]
    tabs = [await town.tab(who, token=token) for who, token in zip((ANN, BOB), opaque, strict=True)]
    await room.streams(2)
    await town.publish()
    await room.judge()
    assert await tabs[1].page.evaluate("[...seen.locks, ...seen.channels]") == []

"""The console where people authenticate, and what a page does of which somebody else has the link."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sse_signals.topics import Filters
from tests.authenticated import ADMIN, PUBLISHER, house, signal
from tests.e2e.console_page import console_page, open_hub
from tests.web.doors import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Request

    from tests.e2e.console_page import Hub

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]

JSON = "Content-Type: application/json"
ANN = "user:default/ann"
HIDE = """() => {
    Object.defineProperty(document, 'hidden', {value: true, configurable: true});
    document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
}"""
SHOW = "() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange', {bubbles: true})); }"


@pytest_asyncio.fixture(loop_scope="module")
async def hub() -> AsyncIterator[Hub]:
    """A hub."""
    async with open_hub() as opened:
        yield opened


async def test_who_one_is(shared_browser: Browser) -> None:
    """Without a token it says what is needed; with one it is who that says; and the token is nowhere on the page."""
    async with house() as hub, console_page(shared_browser, hub.url, "#topic=orders/*") as console:
        page = console.page
        await console.until_status("closed")
        assert "Paste a token" in await console.text("#connect-problem")
        token = hub.tokens.issue(ANN, ANN)
        await console.open("orders/*", token=token)
        await console.until_says("#state-text", ANN)
        await console.until_says(".chart:nth-child(2)", "needs the admin grant")
        await console.until_says(".chart:nth-child(4)", "the grant to publish to signals-console/*")
        await page.click("#tab-streams")
        await console.until_says("#streams-note", "needs the admin grant")
        await page.click("#tab-signals")
        admin = hub.tokens.issue(ANN, ANN, grants=ADMIN)
        await hub.publish(
            admin, signal(1, "orders/1"), signal(2, "orders/1", [ANN]), signal(3, "orders/1", ["user:default/bob"])
        )
        await console.until_messages(["1", "2"])
        await page.click(".row[data-kind=signal]")
        assert "$TOKEN" in await console.text("#inspect .line code")
        everything = (
            "document.documentElement.outerHTML + location.href + document.title + JSON.stringify(localStorage)"
        )
        everything += "+ JSON.stringify(sessionStorage) + JSON.stringify(history.state)"
        everything += "+ [...document.querySelectorAll('input, textarea')].map(({value}) => value)"
        everything += "+ performance.getEntriesByType('resource').map(({name}) => name)"
        assert token not in await page.evaluate(everything)
        # Another page may lead this one elsewhere, but not have it use the token there.
        await page.evaluate("location.hash = '#topic=secrets&since=all'")
        await console.until_says("#connect-problem", "press Reconnect")
        assert await page.input_value("#topics") == "secrets"
        await hub.publish(admin, signal(4, "orders/1"))
        await console.until_messages(["1", "2", "4"])
        await page.click("#forget")
        await console.until_status("off")
        await until(lambda: hub.service.streams == 0)
        await console.connect("orders/*")
        await console.until_status("closed")


async def test_another_token(shared_browser: Browser) -> None:
    """A token that expires is told of, and with a fresh one it goes on where it was; so it does after a revocation."""
    async with house() as hub, console_page(shared_browser, hub.url) as console:
        admin = hub.tokens.issue("user:default/root", grants=ADMIN)
        await hub.publish(admin, signal(0))
        await console.open("t", since="-1", token=hub.tokens.issue(ANN, seconds=30))
        await console.until_messages(["0"])
        await console.until_says("#rows", "Paste a fresh one")
        await console.open("t", since="-1", token=hub.tokens.issue(ANN, seconds=3600))
        await console.until_says("#rows", "nothing is missing")
        assert await console.messages() == ["0"]
        await hub.ask("POST", "revocations", JSON, token=admin, body=json.dumps({"subject": ANN}).encode())
        await console.until_status("closed")
        assert "revoked" in await console.text("#connect-problem")
        await hub.publish(admin, signal(1))
        await console.open("t", since="-1", token=hub.tokens.issue("user:default/bob"))
        await console.until_messages(["0", "1"])


async def test_the_canary_is_nobody_elses(shared_browser: Browser) -> None:
    """Latency is measured once one has connected by hand, on the same stream, with signals that nobody else gets."""
    latency = ".chart:nth-child(4)"
    async with house() as hub, console_page(shared_browser, hub.url) as console:
        page = console.page
        bob = hub.tokens.issue("user:default/bob", grants=ADMIN)
        async with hub.stream(bob) as (reader, _):
            await console.open(token=hub.tokens.issue(ANN, ANN, grants=PUBLISHER))
            await console.until_says(f"{latency} .now", " ms")
            assert "admin grant" in await console.text(".chart:nth-child(3)")
            assert hub.service.streams == 2  # bob's, and that of the page
            await page.evaluate(HIDE)
            await page.uncheck("#canary")
            await page.evaluate(SHOW)
            await console.until_says(f"{latency} .range", "switched off")
            await hub.publish(bob, signal("the first that bob gets"))
            assert b"canary" not in await reader.readuntil(b"the first that bob gets")
            await console.until_messages(['"the first that bob gets"'])
            assert (await console.text("#foot")).startswith("1 received")
            # Whoever may not listen to it listens to what was asked for, and is told.
            await page.check("#canary")
            few = hub.tokens.issue(ANN, ANN, grants=replace(PUBLISHER, subscribe=Filters.parse(["orders/*"])))
            await console.open("orders/*", token=few)
            await console.until_says(latency, "the grant to subscribe to signals-console/*")
            assert await console.text("#connect-problem") == ""
            await hub.publish(bob, signal(7, "orders/1"))
            await console.until_messages(['"the first that bob gets"', "7"])


async def test_a_link_publishes_nothing(shared_browser: Browser, hub: Hub) -> None:
    """A page that a link has opened only listens, until somebody presses Connect; and it stops while it is hidden."""
    async with console_page(shared_browser, hub.url, "#topic=orders/*") as console:
        page, published = console.page, [0]
        latency = ".chart:nth-child(4)"

        def count(request: Request) -> None:
            published[0] += request.url.endswith("/publish")

        page.on("request", count)
        await console.until_says("#tab-streams", "Streams (1)")
        await console.until_says(latency, "Off until you connect by hand.")
        assert published == [0]
        await page.evaluate(HIDE)
        await page.click("#connect-go")
        await console.until("() => document.querySelectorAll('.row[data-kind=note]').length === 2")  # it is open again
        assert published == [0]
        await page.evaluate(SHOW)
        await console.until_says(f"{latency} .now", " ms")
        assert published[0] > 0


async def test_the_streams(shared_browser: Browser) -> None:
    """Whoever may see them sees who is connected and who no longer is, sorted as one likes; two charts follow it."""
    async with house() as hub, console_page(shared_browser, hub.url) as console:
        page = console.page
        admin = hub.tokens.issue(ANN, ANN, grants=ADMIN)
        async with hub.stream(hub.tokens.issue("user:default/old"), "?topic=old"):
            pass
        async with hub.stream(hub.tokens.issue("user:default/bob"), "?topic=a&topic=b/*"):
            await console.open("orders/*", token=admin)
            await page.click("#tab-streams")
            await console.until_says("#tables", "user:default/bob")
            await console.until_says("#tab-streams", "Streams (2)")
            await console.until_says(".chart:nth-child(2) .now", "2")
            await console.until_says(".chart:nth-child(3) .now", "B")
            await page.click("[aria-label='Open streams'] th button:has-text('Subject')")
            heads = page.locator("[aria-label='Open streams'] th[aria-sort=ascending]")
            assert await heads.all_text_contents() == ["Subject"]
            subjects = await page.locator("[aria-label='Open streams'] td.of-subject").all_text_contents()
            assert subjects == [ANN, "user:default/bob"]
            await page.click("[aria-label='Open streams'] th button:has-text('Subject')")
            subjects = await page.locator("[aria-label='Open streams'] td.of-subject").all_text_contents()
            assert subjects == ["user:default/bob", ANN]
            own = await page.locator("[aria-label='Open streams'] td.of-stream").all_text_contents()
            assert [name.endswith(" (this page)") for name in own] == [False, True]
            closed = await console.text("[aria-label='Closed lately'] tbody")
            assert "user:default/old" in closed
            assert "client-gone" in closed

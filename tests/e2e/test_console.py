"""The console in a real browser: what one sees, does and copies."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.authenticated import ADMIN, PUBLISHER, house, signal
from tests.e2e.console_page import console_page, open_hub, paid
from tests.e2e.nginx import behind, nginx
from tests.faults.proxy import FaultProxy
from tests.web.doors import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

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


async def shell(line: str, **environment: str) -> str:
    """Run a line that was copied, as a shell does."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", line.replace("curl ", "curl -s --max-time 5 ", 1), env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


async def test_one_signal_from_end_to_end(shared_browser: Browser, hub: Hub) -> None:
    """A signal arrives, is shown digit for digit, and its lines listen before it and publish it again."""
    raw = '{"id":9007199254740993,"rate":1.0,"who":"O\'Neill \\"x\\" $HOME `id` !! \\n","n":[]}'
    async with console_page(shared_browser, hub.url) as console:
        await console.open("orders/* news")
        assert await console.page.evaluate("location.hash") == "#topic=orders/*&topic=news"
        await hub.publish({"topic": "elsewhere", "message": 0})
        ids = await hub.publish(paid(1, "news"), f'{{"topic":"orders/42","event":"changed","message":{raw}}}')
        await console.until_messages(["1", raw])
        await console.page.click(".row[data-kind=signal]:has-text('orders/42')")
        facts = await console.text(".facts")
        for part in ("orders/42", ids[1], "changed"):
            assert part in facts
        assert json.loads(await console.text(".json")) == json.loads(raw)
        assert "9007199254740993" in await console.text(".json")
        lines = await console.page.locator("#inspect .line code").all_text_contents()
        await console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        for old in (False, True):  # over http there is no clipboard but for localhost, and another way
            if old:
                await console.page.evaluate("navigator.clipboard.writeText = undefined")
            for number, expected in enumerate([raw, *lines]):
                await console.page.locator("#inspect button:has-text('Copy')").nth(number).click()
                await console.until("async (text) => await navigator.clipboard.readText() === text", expected)
        assert f"lastEventId={ids[0]}" in lines[0]
        heard = await shell(lines[0].replace("/stream?", "/stream?poll=1&"))
        assert f"id: {ids[1]}\n" in heard
        assert f"id: {ids[0]}\n" not in heard.partition("\n\n")[2]  # but in the receipt, as where it begins
        assert json.loads(await shell(lines[1]))["id"]
        await console.until_messages(["1", raw, raw])


async def test_publishing(shared_browser: Browser, hub: Hub) -> None:
    """The form publishes JSON as it stands and text as a string, and shows what the hub says, good or bad."""
    async with console_page(shared_browser, hub.url) as console:
        page = console.page
        await console.open()
        await page.click("#tab-publish")
        await page.fill("#publish-topic", "orders/1")
        await page.fill("#publish-message", '{"n": 12345678901234567890.0,}')
        await page.click("#publish-go")
        await console.until_says("#message-note", "This is no JSON.")
        await page.fill("#publish-message", '{"n": 1.50}')
        await page.fill("#publish-event", "paid")
        await page.click("#publish-go")
        await console.until_says("#result .good", "it is in the log as")
        await console.until_messages(['{"n":1.5}'])
        await page.check("#is-text")
        await page.fill("#publish-message", "hello\nworld")
        await page.click("#publish-go")
        await console.until_messages(['{"n":1.5}', '"hello\\nworld"'])
        await page.fill("#publish-event", "signals.open")
        await page.press("#publish-message", "Control+Enter")
        await console.until_says("#result", "400 Bad Request")
        assert "reserved" in await console.text("#result")


async def test_pause_filter_order_and_clear(shared_browser: Browser, hub: Hub) -> None:
    """A pause holds rows back and loses none; a filter shows some of them at once; the newest may be on top."""
    async with console_page(shared_browser, hub.url) as console:
        page = console.page
        await console.open("orders/*")
        await hub.publish(paid(1), paid(2))
        await console.until_messages(["1", "2"])
        await page.click("#pause")
        await hub.publish(paid(3), paid(13, "orders/x"))
        await console.until_says("#pause", "Resume (2)")
        assert await console.messages() == ["1", "2"]
        await page.click("#pause")
        await console.until_messages(["1", "2", "3", "13"])
        await page.type("#filter", "ORDERS/X")
        await console.until_messages(["13"])
        await page.fill("#filter", "3")
        await console.until_messages(["3", "13"])
        await hub.publish(paid(4), paid(33))
        await console.until_messages(["3", "13", "33"])
        await page.fill("#filter", "nothing has this")
        await console.until_says("#empty", "No signal has this text")
        await page.click("#unfilter")
        await page.select_option("#order", "top")
        await console.until_messages(["33", "4", "13", "3", "2", "1"])
        await page.click("#clear")
        await console.until_messages([])
        await console.until_says("#empty", f"{hub.url}/publish")


async def test_a_bad_network(shared_browser: Browser) -> None:
    """It comes back by itself and says what happened; what was missed comes, and what is lost is a row of its own."""
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(open_hub(history_count=5))
        proxy = await stack.enter_async_context(FaultProxy("127.0.0.1", int(hub.url.split(":")[2].partition("/")[0])))
        url = f"http://127.0.0.1:{proxy.port}/signals"
        async with console_page(shared_browser, url, "#topic=orders/*") as console:
            await console.until_status("open")
            proxy.cut()
            await console.until_status("waiting")
            await console.until_says("#state-text", "Reconnecting")
            assert "cannot be reached" in await console.text("#connect-problem")
            await hub.publish(paid(1), paid(2))
            await proxy.restore()
            await console.until_messages(["1", "2"])
            assert "nothing is missing" in await console.text("#rows")
            proxy.cut()
            await console.until_status("waiting")
            for number in range(3, 13):
                await hub.publish(paid(number))
            await proxy.restore()
            await console.until_says("#rows", "Signals are missing: the hub no longer holds them.")
            await console.until_says("#foot", "7 received")
            await console.page.click(".row[data-kind=gap]")
            assert "since=all" in await console.text("#inspect .line code")
            await console.page.click("#disconnect")
            await console.until_status("off")


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
        await page.click("#forget")
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
    """Latency is measured with signals that nobody else gets, and that are neither shown nor counted."""
    async with house() as hub, console_page(shared_browser, hub.url) as console:
        bob = hub.tokens.issue("user:default/bob", grants=ADMIN)
        async with hub.stream(bob) as (reader, _):
            await console.open(token=hub.tokens.issue(ANN, ANN, grants=PUBLISHER))
            await console.until_says(".chart:nth-child(4) .now", " ms")
            assert "admin grant" in await console.text(".chart:nth-child(3)")
            await console.page.evaluate(HIDE)
            await until(lambda: hub.service.streams == 2)  # bob's, and that of the list: nobody looks at the charts
            await console.page.uncheck("#canary")
            await console.page.evaluate(SHOW)
            await console.until_says(".chart:nth-child(4) .range", "switched off")
            await hub.publish(bob, signal("the first that bob gets"))
            assert b"canary" not in await reader.readuntil(b"the first that bob gets")
            await console.until_messages(['"the first that bob gets"'])
            assert (await console.text("#foot")).startswith("1 received")


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
            await console.until_says("#tab-streams", "Streams (3)")
            await console.until_says(".chart:nth-child(2) .now", "3")
            await console.until_says(".chart:nth-child(3) .now", "B")
            await page.click("[aria-label='Open streams'] th button:has-text('Subject')")
            heads = page.locator("[aria-label='Open streams'] th[aria-sort=ascending]")
            assert await heads.all_text_contents() == ["Subject"]
            subjects = await page.locator("[aria-label='Open streams'] td.of-subject").all_text_contents()
            assert subjects == [ANN, ANN, "user:default/bob"]
            closed = await console.text("[aria-label='Closed lately'] tbody")
            assert "user:default/old" in closed
            assert "client-gone" in closed


async def test_behind_a_proxy_at_another_path(shared_browser: Browser, hub: Hub, tmp_path: Path) -> None:
    """Every URL is relative to the page's: it works at whatever path a proxy gives it, and says what does not."""
    async with nginx(tmp_path) as front:
        url = behind(front, hub.url, "1.1")
        async with console_page(shared_browser, url) as console:
            await console.open("orders/*", since="all")
            await hub.publish(paid(1))
            await console.until_messages(["1"])
            await console.page.click(".row[data-kind=signal]")
            assert f"'{url}/stream?" in await console.text("#inspect .line code")
            # This nginx does not pass the Host on, so that publishing from the page looks foreign.
            await console.until_says(".chart:nth-child(4)", "Pages of this origin may not use the hub.")

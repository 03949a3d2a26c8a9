"""The console in a real browser: what one sees, does and copies."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.e2e.console_page import STREAM, console_page, open_hub, paid
from tests.e2e.nginx import behind, nginx
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Route

    from tests.e2e.console_page import Hub

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]

ANN = "user:default/ann"
ONLINE = "dispatchEvent(new Event('online'))"  # as when the network is there again


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


async def _later(route: Route) -> None:
    """Say that a stream may be asked for again in five minutes."""
    await route.fulfill(status=503, headers={"Retry-After": "300"})


async def _never(_route: Route) -> None:
    """Say nothing."""


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
        assert f"lastEventId={ids[0]}'" in lines[0]
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
        assert (await console.text("#result")).count("reserved") == 1  # and not again as JSON
        asked: list[Any] = []
        answers = asyncio.Queue[str]()

        async def slow(route: Route) -> None:
            body = json.loads(route.request.post_data or "")
            if body["topic"].startswith("signals-console/"):
                await route.continue_()
            else:
                asked.append(body.get("targetOwnershipEntityRefs"))
                await route.fulfill(status=202, body=await answers.get())

        await page.route("**/publish", slow)
        await page.fill("#publish-targets", "group:default/ops, user:default/ann")
        for _ in range(2):  # an impatient finger
            await page.press("#publish-message", "Control+Enter")
        answers.put_nowait("7")
        await console.until_says("#result", "The answer is none of a hub's")
        assert asked == [["group:default/ops", ANN]]
        await console.open()
        assert await console.text("#result") == ""  # what was then is no news once the hub is there again


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
        await page.fill("#filter", "order-2026-01")
        await console.until_says("#empty", "No signal has this text")
        await page.fill("#filter", "33")
        await console.until_messages(["33"])
        await page.press("#filter", "Escape")  # leaves the field, and what it says holds
        assert await page.input_value("#filter") == "33"
        await page.fill("#filter", "nothing has this")
        await console.until_says("#empty", "No signal has this text")
        await page.click("#unfilter")
        await page.select_option("#order", "top")
        await console.until_messages(["33", "4", "13", "3", "2", "1"])
        await page.focus("#rows")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Home")
        await console.until_says(".row[aria-selected=true]", "33")
        in_order = "[...document.querySelectorAll('.row:not([hidden])')].map((row) => +row.ariaPosInSet)"
        assert await page.evaluate(in_order) == list(range(1, 8))  # with the note at the lower end
        await page.click("#clear")
        await console.until_messages([])
        await console.until_says("#empty", f"{hub.url}/publish")
        for expected in (["33"], ["33", "33"]):  # with the same token it begins as one has asked for, again
            await console.open("orders/*", since="-1")
            await console.until_messages(expected)
        await page.evaluate("location.hash = '#topic=news&since=all'")
        await console.until_says("#rows", "Open: news.")
        assert await page.input_value("#topics") == "news"


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
            await console.until_says("#tab-streams", "Streams (1)")
            await console.page.route(STREAM, _later)
            proxy.cut()
            in_minutes = "() => / in [1-9][0-9]{2} s/.test(document.querySelector('#state-text').textContent)"
            await console.until(in_minutes)
            async with console.page.expect_response(STREAM):
                await console.page.click("#now")
            await console.until(in_minutes)
            await proxy.restore()
            await console.page.unroute(STREAM)
            await console.page.evaluate(ONLINE)
            await console.until_status("open")
            await console.page.click("#disconnect")
            await console.until_status("off")
            await console.until_says("#streams-note", "Connect to see who is connected.")
            assert await console.page.text_content("#tab-streams") == "Streams"


async def test_a_list_that_cannot_be_had(shared_browser: Browser, hub: Hub) -> None:
    """Until it is answered again the tables stay under a note, and so does the focus; late answers are told of."""
    async with console_page(shared_browser, hub.url) as console:
        page = console.page
        await console.open("orders/*")
        await console.until_says("#tab-streams", "Streams (1)")
        await page.click("#tab-streams")
        head = "[aria-label='Open streams'] th:first-child button"
        await page.focus(head)
        await page.route("**/streams", lambda route: route.fulfill(status=502))
        await page.evaluate(ONLINE)
        await console.until_says("#streams-note", " UTC; not answered since: Something between the page and the hub")
        assert await page.text_content("#tab-streams") == "Streams"
        assert await page.locator("#tables.old").count() == 1
        await page.evaluate("{ const now = performance.now; performance.now = () => now.call(performance) + 7001; }")
        await console.until_says(".chart.old:nth-child(2) .now", "1")  # which does not look like the number of now
        assert await page.evaluate("(head) => document.querySelector(head) === document.activeElement", head)
        assert "127.0.0.1" in await console.text("[aria-label='Open streams'] tbody")
        await page.unroute("**/streams")
        await page.evaluate(ONLINE)
        await console.until_says("#tab-streams", "Streams (1)")
        assert await page.text_content("#streams-note") == ""
        await page.route(STREAM, _never)
        await page.click("#connect-go")
        await console.until_status("connecting")
        await page.evaluate("{ const now = Date.now; Date.now = () => now() + 6000; }")
        await console.until_says("#connect-problem", "There is no answer yet.")


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

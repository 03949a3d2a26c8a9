"""The console when more comes than anybody can read, and what hostile publishers send."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
import pytest_asyncio

from sse_signals.model import CONTROL_PREFIX
from tests.e2e.clients import NODE_IS_READY, PACKAGES
from tests.e2e.console_page import STREAM, console_page, open_hub, paid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.e2e.console_page import Hub

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]

AXE = PACKAGES.parent / "node_modules" / "axe-core" / "axe.min.js"
# Titles of charts that are cut off, and figures that cover another.
CUT = """() => [...document.querySelectorAll('.chart')].filter((chart) => {
    const [head, now, top] = ['h2', '.now', '.top'].map((name) => chart.querySelector(name));
    return head.scrollWidth > head.clientWidth
        || now.getBoundingClientRect().bottom > top.getBoundingClientRect().top
        || document.documentElement.scrollWidth > innerWidth;
}).map((chart) => chart.innerText)"""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RUN_AXE = "axe.run({resultTypes: ['violations']}).then(({violations}) => violations)"
DRAWN = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
# Whether rows stand in the document in the order in which they are seen, in which they are read out.
IN_ORDER = """[...document.querySelectorAll('.row:not([hidden])')]
    .every((row, n, all) => n === 0 || +row.ariaPosInSet === +all[n - 1].ariaPosInSet + 1)"""
HELD = 5000  # rows that the console holds
SCRIPTS = (
    "<img src=x onerror=struck('img')>",
    "</script><script>struck('script')</script>",
    "javascript:struck('url')",
    "\"onmouseover=struck('attribute') x=\"",
    "${struck('template')}{{constructor.constructor('struck(1)')()}}",
    "<svg/onload=struck('svg')>",
    "__proto__",
    "constructor",
)
BIDI = "invoice\u202efdp.exe\u2066\u0007\u001b[31m"


@pytest_asyncio.fixture(loop_scope="module")
async def hub() -> AsyncIterator[Hub]:
    """A hub."""
    async with open_hub() as opened:
        yield opened


async def test_more_than_it_holds(shared_browser: Browser, hub: Hub) -> None:
    """Of any number of signals it holds the newest 5,000 and shows what fits in the window, the right ones."""
    async with console_page(shared_browser, hub.url) as console:
        page = console.page
        await console.open("orders/*")
        for first in range(0, 7000, 500):
            await hub.publish(*(paid(number) for number in range(first, first + 500)))
        await console.until_says("#foot", "7,000 received · the newest 5,000 are held")
        shown = await console.messages()
        assert shown == [str(number) for number in range(7000 - len(shown), 7000)]
        assert await page.locator(".row").count() < 80
        await page.focus("#rows")
        await page.keyboard.press("Home")
        await console.until_messages([str(number) for number in range(2000, 2000 + len(await console.messages()))])
        chosen = page.locator(".row[aria-selected=true]")
        assert (await chosen.get_attribute("aria-posinset"), await chosen.get_attribute("aria-setsize")) == (
            "1",
            str(HELD),
        )
        for _ in range(3):
            await page.keyboard.press("PageDown")
        await page.keyboard.press("ArrowUp")
        await page.evaluate(DRAWN)
        before, edge = await chosen.text_content(), await chosen.bounding_box()
        await hub.publish(*(paid(number) for number in range(7000, 7010)))
        await console.until_says("#foot", "7,010 received")
        assert (await chosen.text_content(), await chosen.bounding_box()) == (before, edge)  # nobody is carried away
        await page.evaluate("document.querySelector('#rows').scrollTop = 100 * 28 + 13")
        await page.evaluate(DRAWN)
        top = "document.querySelector('#rows').scrollTop % 28"
        seen = await console.messages()
        await hub.publish(*(paid(number) for number in range(7010, 7013)))
        await console.until_says("#foot", "7,013 received")
        assert (await page.evaluate(top), await console.messages()) == (13, seen)
        assert await page.evaluate(IN_ORDER)
        await page.fill("#filter", "6999")
        await console.until_messages(["6999"])


async def test_25_hostile_content(shared_browser: Browser, hub: Hub) -> None:
    """25: whatever stands in a topic, event or message is text: no dialog, no violation, and nothing is hidden."""
    deep: Any = "bottom"
    for _ in range(15):
        deep = {"__proto__": [deep]}
    messages: list[Any] = [*SCRIPTS, BIDI, {text: text for text in SCRIPTS}, deep, "x" * 60_000, list(range(9000))]
    async with console_page(shared_browser, hub.url) as console:
        page = console.page
        await console.open()
        signals = [{"topic": text, "event": text, "message": text} for text in SCRIPTS]
        await hub.publish(*signals, *({"topic": "t", "message": message} for message in messages))
        await console.until_says("#foot", f"{len(signals) + len(messages)} received")
        await page.focus("#rows")
        await page.keyboard.press("Home")
        for _ in range(len(signals) + len(messages)):
            await page.keyboard.press("ArrowDown")
            await page.keyboard.press("Enter")
            assert await page.locator("#inspect .json").count() == 1
            for button in await page.locator("#inspect .json button").all():
                await button.click()
            longest = "Math.max(...[...document.querySelectorAll('.json div')].map((part) => part.textContent.length))"
            assert await page.evaluate(longest) < 30_000  # no click holds the page up
            await page.focus("#rows")
        rows = await console.text("#rows")
        assert "invoice\\u202efdp.exe\\u2066\\u0007\\u001b[31m" in rows
        assert "\u202e" not in await page.evaluate("document.body.innerText")
        assert SCRIPTS[0] in rows
        await page.fill("#filter", SCRIPTS[1])
        await console.until_says("#foot", "3 shown")
        assert await page.evaluate("({}).polluted === undefined && Object.keys(Object.prototype).length === 0")


async def test_25_hostile_answers(shared_browser: Browser, hub: Hub) -> None:
    """25: what a hub says of itself, in problems, receipts, gaps and lists of streams, is text as well."""
    evil = SCRIPTS[0]
    stream = {"stream": evil, "node": evil, "subject": evil, "remote": evil, "topics": [evil, 7, None], "state": evil}
    overview: dict[str, Any] = {
        "node": evil,
        "incomplete": evil,
        "nodes": [{"node": evil, "streams": {"open": 7, "closed": {"__proto__": 1}}}, None],
        "streams": [stream, None, []],
        "closed": [{**stream, "reason": evil, "closed": evil}],
    }
    said = "".join(
        f"event: {CONTROL_PREFIX}{name}\nid: {evil}\ndata: {json.dumps(data)}\n\n"
        for name, data in (("open", {"subject": evil, "stream": evil}), ("gap", {"reason": "__proto__", "to": evil}))
    )
    nothing = {"type": f"urn:x:{evil}", "title": {"toString": 5}, "detail": {}, "hint": {"toString": 5}, "errors": 7}
    problem = {"type": f"urn:x:{evil}", "title": evil, "status": 403, "detail": evil, "hint": evil, "errors": [evil]}
    async with console_page(shared_browser, hub.url, "#topic=" + evil.replace(" ", "%20")) as console:
        page = console.page
        await console.until_status("open")

        async def streams(route: Any) -> None:
            await route.fulfill(json=overview)

        async def stream_once(route: Any) -> None:
            await route.fulfill(body=said, content_type="text/event-stream")

        async def refuse(route: Any) -> None:
            await route.fulfill(status=403, body=json.dumps(problem), content_type="application/problem+json")

        await page.route("**/streams", streams)
        await page.route(STREAM, stream_once)
        await page.route("**/publish", refuse)
        await console.connect("a")
        await console.until_says("#rows", "Signals are missing: reason: __proto__. It goes on after " + evil)
        await page.unroute(STREAM)

        async def refuse_oddly(route: Any) -> None:
            await route.fulfill(status=403, body=json.dumps(nothing), content_type="application/problem+json")

        await page.route(STREAM, refuse_oddly)
        await console.connect("a")
        await console.until_status("closed")
        assert await console.text("#connect-problem") == "The answer is none of a hub's: something else answers here."
        await page.unroute(STREAM)
        await console.connect("x" * 60_000)
        await console.until_says("#connect-problem", "topic")
        assert len(await console.text("#connect-problem")) < 700
        await console.open("a")
        await page.click("#tab-streams")
        await console.until_says("#tables", evil)
        await page.click("#tab-publish")
        await page.click("#publish-go")
        await console.until_says("#result", evil)
        await console.until_says(".chart:nth-child(4)", evil)


async def test_it_fits_and_can_be_read(shared_browser: Browser, hub: Hub) -> None:
    """At 375 and 1,440 pixels, dark and light, nothing scrolls sideways, and axe finds no fault."""
    rules = await asyncio.to_thread(AXE.read_text) if NODE_IS_READY else ""
    async with console_page(shared_browser, hub.url) as console:
        page = console.page
        await page.evaluate(f"() => {{ {rules} }}")

        async def check(*widths: int) -> None:
            for width, scheme in itertools.product(widths, SCHEMES):
                await page.set_viewport_size({"width": width, "height": 812})
                await page.emulate_media(color_scheme=scheme)
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                if rules:
                    found = await page.evaluate(RUN_AXE)
                    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []

        await check(375, 1440)
        await page.set_viewport_size({"width": 320, "height": 812})
        assert await page.locator("#help-open").is_visible()  # where single keys can be switched off
        await console.open("orders/*")
        await hub.publish(*(paid(number, "orders/" + "long" * 50) for number in range(40)))
        await console.until_says("#foot", "40 received")
        await page.locator(".row[data-kind=signal]").last.click()
        await console.until_says(".chart:nth-child(4) .now", "ms")
        assert await page.evaluate(CUT) == []
        await check(375, 1440)
        await page.click("#tab-streams")
        await console.until_says("#tables", "127.0.0.1")
        await page.click("#tab-publish")
        await page.fill("#publish-message", "no JSON")
        await check(375, 1440)
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await check(1440)


async def test_by_keyboard_alone(shared_browser: Browser, hub: Hub) -> None:
    """Connecting, publishing, choosing, pausing, filtering and the theme need no pointer; keys leave typing alone."""
    async with console_page(shared_browser, hub.url) as console:
        page = console.page
        press, focused = page.keyboard.press, "document.activeElement.id"
        await press("t")
        await page.keyboard.type("orders/*")
        await press("Enter")
        await console.until_status("open")
        await press("Escape")
        await press("n")
        assert await page.evaluate(focused) == "publish-topic"
        await page.keyboard.type("orders/pnx?/")  # each of these does something elsewhere
        assert await page.input_value("#publish-topic") == "orders/pnx?/"
        for _ in range(2):
            await press("Tab")
        await page.keyboard.type(" ")
        await press("Control+A")
        await page.keyboard.type("7")
        await press("Control+Enter")
        await console.until_messages(["7"])
        await press("Escape")
        await press("l")
        await press("End")
        await press("Enter")
        assert await page.evaluate(focused) == "inspect"
        assert "orders/pnx?/" in await console.text("#inspect")
        await press("p")
        await console.until_says("#pause", "Resume")
        await press("p")
        await press("/")
        await page.keyboard.type("x")
        assert await page.evaluate(focused) == "filter"
        await press("Escape")
        await press("?")
        assert await page.evaluate("document.querySelector('#help').open")
        await page.uncheck("#keys-on")  # as speech input needs it
        await press("Escape")
        await press("p")
        assert await console.text("#pause") == "Pause"
        await page.focus("#tab-signals")
        await press("ArrowRight")
        assert await page.locator("#streams").is_visible()
        await page.focus("#theme")
        await press("End")
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
        await page.reload()
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
        await console.until_status("open")  # the fragment says to what

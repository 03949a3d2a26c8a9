"""What README.md and CLIENTS.md say of our clients is true: pages run in Chromium, programs and tests as written."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
import textwrap
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from sse_signals import EventBroker, SignalsClient, SignalsGap, SignalsService
from tests.e2e.browser import chromium, served
from tests.named import missing
from tests.pages import claimed
from tests.test_readme import DEADLINE, as_function
from tests.web.doors import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import aiohttp
    from blockbuster import BlockBuster
    from playwright.async_api import Page

    from sse_signals.server import Running

HUB = "http://127.0.0.1:8080"
PAGE = claimed("README.md", "In a page, in five minutes")
MODULE = claimed("deploy/CLIENTS.md", "The browser module")
REMOTE = claimed("README.md", "Remote hubs")
PROGRAMS = claimed("README.md", "From another Python program, in five minutes", "python")
claimed(
    "README.md",
    "From another Python program, in five minutes",
    "sh",
    not_run="It makes an environment with packages from the network; the tests run in one.",
)


@pytest.fixture(autouse=True)
def blockbuster(blockbuster: BlockBuster) -> BlockBuster:
    """Let Playwright look for its own files when it starts."""
    blockbuster.functions["os.stat"].can_block_in("playwright/_impl/_driver.py", "compute_driver_executable")
    return blockbuster


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """What ends with the test."""
    async with AsyncExitStack() as opened:
        yield opened


async def serve(stack: AsyncExitStack, app: web.Application) -> str:
    """Serve an application on a free port until the stack ends; return its origin."""
    return await stack.enter_async_context(served(app))


def a_page(html: Callable[[], str]) -> web.Application:
    """Return an application that serves one page, whose text may be known later than its address."""

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=html(), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", index)
    return app


async def shown(page: Page, text: str) -> None:
    """Wait until a page shows a text."""
    await page.get_by_text(text).first.wait_for(timeout=DEADLINE * 1000)


async def test_the_page_of_five_minutes(stack: AsyncExitStack) -> None:
    """The page shows what is published, in each of its tabs, with one connection for both."""
    _, page, tried = PAGE
    html = page.code
    here = ""
    origin = await serve(stack, a_page(lambda: html.replace(HUB, here)))
    hub = web.Application()
    service = SignalsService.create(hub, event_broker=EventBroker.from_url("memory://"), cors_origins={origin})
    here = await serve(stack, hub)
    browser = await stack.enter_async_context(chromium())
    tabs = [await browser.new_page() for _ in range(2)]
    for tab in tabs:
        await tab.goto(origin)
    async with asyncio.timeout(DEADLINE):
        await until(lambda: service.streams == 1)
        for state in ("paid", "sent"):
            line = shlex.split(tried.code.replace(HUB, here).replace("paid", state))
            publisher = await asyncio.create_subprocess_exec(*line, stdout=-1, stderr=-3)
            assert (await publisher.communicate())[0].startswith(b'{"id":')
        for tab in tabs:
            await shown(tab, "orders/42: sent")
    assert await tabs[0].locator("li").count() == 2
    assert service.streams == 1


def test_the_line_before_it_names_what_there_is() -> None:
    """The hub is started with an option that it has."""
    assert missing(PAGE[0].code) == []


async def test_the_example_of_the_browser_module(http: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
    """The example names what there is: it asks for a token, is ready, and gets what is published."""
    (script,) = MODULE
    body = script.code.replace("client.close()", "globalThis.ready = () => client.close()")
    asked = []

    async def token(_request: web.Request) -> web.Response:
        asked.append("token")
        return web.Response(text="t")

    page_text = f"""<!doctype html><script type=module>
        const show = (topic, message) => document.body.append(topic + ' ' + JSON.stringify(message));
        const light = (status) => document.body.append('[' + status + ']');
        const reload = () => {{}};
        {body}
        document.body.append('ready');
    </script>"""
    hub = a_page(lambda: page_text)
    hub.router.add_get("/token", token)
    SignalsService.create(hub, event_broker=EventBroker.from_url("memory://"))
    here = await serve(stack, hub)
    page = await (await stack.enter_async_context(chromium())).new_page()
    await page.goto(here)
    await shown(page, "[open]ready")
    assert asked == ["token"]
    async with http.post(f"{here}/signals/publish", json={"topic": "orders/1", "message": "paid"}) as answer:
        assert answer.status == 202
    await shown(page, 'orders/1 "paid"')
    await page.evaluate("ready()")
    await shown(page, "[closed]")


async def test_the_two_programs_of_five_minutes(hub: Running) -> None:
    """One program prints what the other publishes."""
    listen, publish = (block.code for block in PROGRAMS)
    listening = await asyncio.create_subprocess_exec(
        sys.executable,
        "-uc",
        listen.replace(HUB, hub.url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            await until(lambda: hub.service.streams)
            publishing = await asyncio.create_subprocess_exec(
                sys.executable, "-c", publish.replace(HUB, hub.url), stdout=asyncio.subprocess.PIPE
            )
            published, _ = await publishing.communicate()
            assert listening.stdout is not None
            line = (await listening.stdout.readline()).decode()
    finally:
        listening.kill()
        await listening.communicate()
    assert line.startswith(published.decode().strip() + " ")
    assert line.endswith(" orders/42 {'state': 'paid'}\n")


async def test_the_remote_plugin(hub: Running) -> None:
    """The example publishes for some, and prints what comes for all."""
    (example,) = REMOTE
    printed: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
    names: dict[str, Any] = {"SignalsClient": SignalsClient, "SignalsGap": SignalsGap, "token": None}
    run = as_function(example.code.replace(HUB, hub.url), names)
    running = asyncio.create_task(run(None, lambda *what: printed.put_nowait(what)))
    async with asyncio.timeout(DEADLINE), SignalsClient.for_plugin("orders", url=hub.url) as orders:
        await until(lambda: hub.service.streams)
        await orders.publish("paid", topic="42")
        assert (await printed.get())[2:] == ("orders:42", "paid")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_the_tests_of_ones_own_code(tmp_path: Path) -> None:
    """The three pieces of the section, with a shop and a display, are tests that pass."""
    conftest, publishes, listens = (block.code for block in claimed("README.md", "Test your own code"))
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_shop.py").write_text(f"{SHOP}\n\n{publishes}\n\n{textwrap.dedent(listens)}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False)
    assert re.search(r"\b2 passed", ran.stdout), ran.stdout + ran.stderr


SHOP = """
import asyncio
from sse_signals import SignalsClient, SyncSignalsClient


class Shop:
    def __init__(self, signals_url):
        self.url = signals_url

    def pay(self, number):
        with SyncSignalsClient.for_hub(self.url) as signals:
            sales = ["group:default/sales"]
            signals.publish({"state": "paid"}, topic=f"orders/{number}", target_ownership_entity_refs=sales)


class Display:
    def __init__(self, url):
        self.url = url
        self.states = asyncio.Queue()

    async def __aenter__(self):
        self.showing = asyncio.create_task(self.show())
        return self

    async def __aexit__(self, *error):
        self.showing.cancel()
        await asyncio.gather(self.showing, return_exceptions=True)

    async def show(self):
        async with SignalsClient.for_hub(self.url) as signals, signals.subscribe("orders/*") as stream:
            async for signal in stream:
                self.states.put_nowait(signal.message["state"])

    async def shows(self, state):
        assert await asyncio.wait_for(self.states.get(), 20) == state
"""

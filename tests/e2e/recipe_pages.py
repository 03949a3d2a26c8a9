"""Recipes for browsers, on a page of headless Chromium."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from tests.e2e.browser import launched, served
from tests.e2e.clients import BROWSER, NAMES, PACKAGES, SILENCE, arguments_of
from tests.e2e.document import recipes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.clients import Client
    from tests.e2e.inbox import Inbox

MODULES = PACKAGES.parent / "node_modules"
PAGE = """<!doctype html><title>Recipes</title><script type="importmap">{"imports": {
    "@microsoft/fetch-event-source": "/modules/@microsoft/fetch-event-source/lib/esm/index.js",
    "reconnecting-eventsource": "/modules/reconnecting-eventsource/build/esm/reconnecting-eventsource.js"
}}</script>"""
LISTEN = """
async ([number, recipe, {hub, topics, ...options}]) => {
    const {listen} = await import(recipe);
    window.stops ??= {};
    window.stops[number] = await listen(hub, topics, (...event) => report(number, ...event), {
        ...options,
        gaveUp: (why = "") => report(number, "closed", "", String(why)),
    });
}
"""


async def _page(_request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def _recipe(request: web.Request) -> web.Response:
    return web.Response(text=recipes()[BROWSER[int(request.match_info["number"])]].code, content_type="text/javascript")


async def _module(request: web.Request) -> web.StreamResponse:
    path = MODULES / request.match_info["path"]
    return web.FileResponse(path if path.suffix else path.with_suffix(".js"))


@asynccontextmanager
async def recipe_pages() -> AsyncIterator[str]:
    """Serve a page, the recipes and the packages that they import; yields its origin."""
    app = web.Application()
    app.router.add_get("/", _page)
    app.router.add_get("/recipes/{number}.js", _recipe)
    app.router.add_get("/modules/{path:.*}", _module)
    async with served(app) as origin:
        yield origin


@asynccontextmanager
async def in_page(name: str, origin: str) -> AsyncIterator[Client]:
    """Run a browser with one page, on which a recipe listens as often as it is asked to."""
    inboxes: list[Inbox] = []

    def report(number: int, event: str, event_id: str, data: str) -> None:
        inboxes[number].put(event, event_id, data)

    async with launched() as browser:
        page = await browser.new_page()
        await page.expose_function("report", report)
        await page.goto(origin)

        @asynccontextmanager
        async def listen(
            url: str, inbox: Inbox, *, token: str | None = None, silence: float = SILENCE
        ) -> AsyncIterator[None]:
            inboxes.append(inbox)
            options = {**arguments_of(url), "token": token, "silence": silence, "names": NAMES}
            number = len(inboxes) - 1
            await page.evaluate(LISTEN, [number, f"/recipes/{BROWSER.index(name)}.js", options])
            yield
            await page.evaluate("(number) => window.stops[number]()", number)

        yield listen

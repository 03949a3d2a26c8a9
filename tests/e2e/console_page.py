"""The console in a browser, with traps for whatever a page must not do."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from sse_signals.server import running
from sse_signals.settings import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, ConsoleMessage, Dialog, Page, Request

DEADLINE = 30_000.0  # milliseconds
STREAM = re.compile(r"/stream\?")  # where a page listens

# Told as an error of the page, which is what the tests look at.
TRAP = """
    addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) =>
        console.error("violation", violatedDirective, blockedURI));
    window.struck = (how) => console.error("struck", how);
"""


@dataclass(frozen=True)
class Hub:
    """A hub, and somebody who publishes to it.

    Attributes:
        url: Where it is, with the prefix of its routes.
    """

    url: str
    _http: aiohttp.ClientSession

    async def publish(self, *signals: dict[str, Any] | str) -> list[str]:
        """Publish in one request, and return the ids; signals that are text are JSON already."""
        body = ",".join(one if isinstance(one, str) else json.dumps(one) for one in signals)
        headers = {"Content-Type": "application/json"}
        async with self._http.post(f"{self.url}/publish", data=f"[{body}]", headers=headers) as answer:
            assert answer.status == 202
            ids: list[str] = (await answer.json())["ids"]
            return ids


@asynccontextmanager
async def open_hub(**options: Any) -> AsyncIterator[Hub]:
    """Run a hub in the loop of the tests of this browser."""
    settings = load({}, {"port": 0, **options})
    async with running(settings, structlog.get_logger("sse_signals")) as hub, aiohttp.ClientSession() as http:
        yield Hub(hub.url, http)


def paid(number: int, topic: str = "orders/1") -> dict[str, Any]:
    """Return a signal."""
    return {"topic": topic, "message": number}


class ConsolePage:
    """A page with the console.

    Attributes:
        page: The page.
        faults: Dialogs, errors, violations of the policy, and requests to other origins.
    """

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self._origin = origin
        page.set_default_timeout(DEADLINE)
        page.on("dialog", self._dialog)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error {error}"))
        page.on("request", self._asked)

    async def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog {dialog.message}")
        await dialog.dismiss()

    def _said(self, message: ConsoleMessage) -> None:
        # The browser itself says of each answer above 399, and of each lost connection, that there was one.
        if not message.text.startswith("Failed to load resource"):
            self.faults.append(f"{message.type} {message.text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self._origin:
            self.faults.append(f"request {request.url}")

    async def connect(self, topics: str = "", *, since: str = "live", token: str = "") -> None:
        """Fill in the form, and connect."""
        await self.page.fill("#topics", topics)
        await self.page.fill("#since", since)
        if token:
            await self.page.fill("#token", token)
        await self.page.click("#connect-go")

    async def until(self, true: str, argument: Any = None) -> None:
        """Wait until a function of the argument, which is written as one (the page evaluates no text), says true."""
        await self.page.wait_for_function(true, arg=argument, timeout=DEADLINE)

    async def until_status(self, status: str) -> None:
        """Wait until the connection is as named."""
        await self.until("(status) => document.querySelector('#state').dataset.status === status", status)

    async def until_says(self, selector: str, text: str) -> None:
        """Wait until a part of the page holds a text."""
        await self.until(
            "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)", [selector, text]
        )

    async def open(self, topics: str = "", *, since: str = "live", token: str = "") -> None:
        """Connect, and wait until it is open."""
        await self.connect(topics, since=since, token=token)
        await self.until_status("open")

    async def messages(self) -> list[str]:
        """Return the messages of the signals that can be seen, from above."""
        script = """() => [...document.querySelectorAll('.row:not([hidden])[data-kind=signal]')]
            .sort((a, b) => a.ariaPosInSet - b.ariaPosInSet).map((row) => row.querySelector('.message').textContent)"""
        found: list[str] = await self.page.evaluate(script)
        return found

    async def until_messages(self, expected: list[str]) -> None:
        """Wait until exactly these messages can be seen, from above."""
        await self.until(
            """(expected) => JSON.stringify([...document.querySelectorAll('.row:not([hidden])[data-kind=signal]')]
                .sort((a, b) => a.ariaPosInSet - b.ariaPosInSet)
                .map((row) => row.querySelector('.message').textContent)) === JSON.stringify(expected)""",
            expected,
        )

    async def text(self, selector: str) -> str:
        """Return the text of a part of the page."""
        return await self.page.locator(selector).first.inner_text()


@asynccontextmanager
async def console_page(
    browser: Browser, hub_url: str, fragment: str = "", *, width: int = 1440, height: int = 900, scheme: Any = "light"
) -> AsyncIterator[ConsolePage]:
    """Open the console of a hub in a profile of its own; at the end it must have done nothing that it must not.

    Args:
        browser: The browser.
        hub_url: The hub, with the prefix of its routes.
        fragment: Of the page's URL.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        scheme: The colour scheme that the system prefers.
    """
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        await context.add_init_script(TRAP)
        parts = urlsplit(hub_url)
        opened = ConsolePage(await context.new_page(), f"{parts.scheme}://{parts.netloc}")
        await opened.page.goto(f"{hub_url}/console{fragment}")
        yield opened
        assert opened.faults == []
    finally:
        await context.close()

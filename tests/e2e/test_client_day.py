"""Twenty-four hours of reconnects in the browser module, in simulated time, after which nothing has grown."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.authenticated import house
from tests.e2e.tabs import chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import CDPSession, Page

SCRIPT = "\n".join(Path(__file__).with_name(name).read_text() for name in ("clock.js", "day.js"))
KINDS = ("AbortController", "AbortSignal", "BroadcastChannel", "Lock", "Promise", "ReadableStream", "Response", "Map")
# What there may be more after some 4,700 requests for streams: an object for every other hour, or 10 bytes for each
# request, are too many. Both days and heaps are the same every time, but for single objects that the browser still has.
SLACK = 10  # objects of a kind
GROWTH = 50_000  # bytes of the heap
# What the engine compiles, and lets go, would hide much: it compiles all at once, and only once.
ENGINE = "--js-flags=--no-opt --no-maglev --no-sparkplug --no-flush-bytecode --no-lazy-feedback-allocation"


class Day:
    """The page."""

    def __init__(self, page: Page, cdp: CDPSession) -> None:
        self.page, self._cdp = page, cdp

    async def hours(self, many: int) -> None:
        """Let time pass."""
        await self.page.evaluate("(many) => day.hours(many)", many)

    async def counts(self) -> dict[str, int]:
        """Count all that could pile up, without what is garbage."""
        for _ in range(2):
            await self._cdp.send("HeapProfiler.collectGarbage")
        kinds = {kind: await self._living(kind) for kind in KINDS}
        told = (await self._cdp.send("Performance.getMetrics"))["metrics"]
        metrics = {each["name"]: int(each["value"]) for each in told}
        asked = await self.page.evaluate(
            "navigator.locks.query().then(({held, pending}) => held.length + pending.length)"
        )
        return {
            **kinds,
            **await self.page.evaluate("day.counts()"),
            "listeners": metrics["JSEventListeners"],
            "locks": asked,
            "heap": metrics["JSHeapUsedSize"],
        }

    async def _living(self, kind: str) -> int:
        """Count the objects of a kind."""
        group = {"objectGroup": "count"}
        prototype = await self._cdp.send("Runtime.evaluate", {"expression": f"{kind}.prototype", **group})
        found = await self._cdp.send(
            "Runtime.queryObjects", {"prototypeObjectId": prototype["result"]["objectId"], **group}
        )
        length = await self._cdp.send(
            "Runtime.callFunctionOn",
            {
                "objectId": found["objects"]["objectId"],
                "functionDeclaration": "function () { return this.length; }",
                "returnByValue": True,
            },
        )
        await self._cdp.send("Runtime.releaseObjectGroup", group)
        return int(length["result"]["value"])


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Return what has grown more than it may, and by how much."""
    return {
        what: after[what] - before[what]
        for what in after
        if after[what] - before[what] > (GROWTH if what == "heap" else SLACK)
    }


@asynccontextmanager
async def beginning(module: str = "client.js") -> AsyncIterator[Day]:
    """Open a page with three clients that share a connection, at the end of their first hour."""
    async with house(anonymous=True) as hub, chromium(ENGINE) as browser:
        context = await browser.new_context()
        page = await context.new_page()
        await page.add_init_script(SCRIPT)
        await page.goto(f"{hub.url}/health/live")
        cdp = await context.new_cdp_session(page)
        await cdp.send("Performance.enable")
        await page.evaluate("(url) => day.begin(url)", f"{hub.url}/{module}")
        yield Day(page, cdp)


@pytest.mark.timeout(300)  # some fifteen seconds of an idle core
async def test_a_day_of_reconnects_leaks_nothing() -> None:
    """A client has after 24 hours and thousands of reconnects what it had after one; after its end, nothing."""
    async with beginning() as day:
        before = await day.counts()
        await day.hours(23)
        after = await day.counts()
        report: dict[str, Any] = await day.page.evaluate("day.report()")
        print(before, after, report, sep="\n")
        assert report["faults"] == []
        assert report["requests"] - report["polls"] > 2000
        assert min(report["ends"].values()) > 100
        assert report["renewed"] >= report["ends"]["expiring"] - 25
        assert report["most"] <= 2
        assert grown(before, after) == {}
        await day.page.evaluate("day.end()")
        end = await day.page.evaluate("day.counts()")
        assert {what: end[what] for what in end} == dict.fromkeys(end, 0)


async def test_a_leak_would_be_seen() -> None:
    """Whatever stays behind with each reconnect of one hour is seen."""
    async with beginning() as day:
        before = await day.counts()
        await day.page.evaluate("day.leak()")
        await day.hours(1)
        assert {"listeners", "timers", "AbortSignal", "heap"} <= grown(before, await day.counts()).keys()

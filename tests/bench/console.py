"""The console under load, and its pictures, in Chromium: ``python -m tests.bench.console --help``."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import random
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from PIL import Image

from tests.e2e.browser import launched
from tests.e2e.console_page import console_page, open_hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from playwright.async_api import Browser, CDPSession

    from tests.e2e.console_page import ConsolePage, Hub

BATCH: Final = 20  # signals of one request, so that publishing is not what is measured
PICTURES: Final = {"light": (1440, 900), "dark": (1440, 900), "narrow": (375, 812)}
BAR: Final = 200.0  # milliseconds without a frame, unless an empty page beside it has none for longer
# Frames of the page itself: a gap between two of them is what one sees as a jerk.
WATCH: Final = """() => {
    const seen = window.frames_seen = {gaps: [], long: [], last: performance.now()};
    new PerformanceObserver((list) => seen.long.push(...list.getEntries().map(({duration}) => duration)))
        .observe({entryTypes: ["longtask"]});
    const frame = (now) => { seen.gaps.push(now - seen.last); seen.last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
}"""
# From now on; without a new beginning the first gap would be what the collection took.
AGAIN: Final = "frames_seen.gaps.length = frames_seen.long.length = 0, frames_seen.last = performance.now()"
STATES: Final = ("paid", "packed", "sent", "returned")
TOPICS: Final = ("orders/42", "orders/7", "orders/1138", "catalog:entities", "builds/main", "chat/général")


def made(number: int, chance: random.Random) -> dict[str, Any]:
    """Return a signal as a shop might publish it."""
    message: dict[str, Any] = {"order": chance.randrange(9999), "state": chance.choice(STATES)}
    message["total"] = chance.randrange(99999) / 100
    if number % 7 == 0:
        message["lines"] = [{"sku": f"A-{chance.randrange(999)}", "count": 1 + line} for line in range(3)]
    return {"topic": chance.choice(TOPICS), "message": message} | ({"event": "changed"} if number % 5 == 0 else {})


@asynccontextmanager
async def publishing(hub: Hub, rate: float, batch: int = BATCH) -> AsyncIterator[list[int]]:
    """Publish at a rate (signals per second); yields a list with the number of those published."""
    published, chance = [0], random.Random(7)

    async def publish() -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            await hub.publish(*(made(published[0] + number, chance) for number in range(batch)))
            published[0] += batch
            await asyncio.sleep(max(0.0, begun + published[0] / rate - loop.time()))

    task = asyncio.create_task(publish())
    try:
        yield published
    finally:
        task.cancel()


async def heap(devtools: CDPSession) -> float:
    """Return the megabytes that JavaScript holds after a collection."""
    await devtools.send("HeapProfiler.collectGarbage")
    usage = await devtools.send("Runtime.getHeapUsage")
    return round(float(usage["usedSize"]) / 1e6, 1)


async def measure(rate: float, seconds: float) -> dict[str, Any]:
    """Publish for so long, and say what the page did meanwhile."""
    async with open_hub() as hub, launched() as browser, console_page(browser, hub.url) as console:
        devtools = await console.page.context.new_cdp_session(console.page)
        await console.open()
        async with publishing(hub, rate) as published:
            await console.until("() => document.querySelector('#foot').textContent > '1'")
            empty = await browser.new_page()  # in a window of its own: what the machine does to it
            await empty.goto("about:blank")
            await console.page.evaluate(WATCH)
            await empty.evaluate(WATCH)
            await asyncio.sleep(10)
            early = await heap(devtools)
            # What a collection that was asked for takes is not the page's doing.
            await console.page.evaluate(AGAIN)
            await empty.evaluate(AGAIN)
            await asyncio.sleep(seconds - 10)
            seen = await console.page.evaluate("frames_seen")
            beside = await empty.evaluate("frames_seen.gaps")
            late = await heap(devtools)
        await console.until_says("#foot", f"{published[0]:,} received")
        gaps = sorted(seen["gaps"])
        return {
            "published": published[0],
            "seconds": seconds,
            "frames_per_second": round(len(gaps) / (sum(gaps) / 1000), 1),
            "longest_gap_ms": round(gaps[-1], 1),
            "longest_gap_of_an_empty_page_ms": round(max(beside), 1),
            "p99_gap_ms": round(gaps[int(len(gaps) * 0.99)], 1),
            "long_tasks": len(seen["long"]),
            "longest_task_ms": max(seen["long"], default=0),
            "heap_mb_at_10_s": early,
            "heap_mb_at_end": late,
            "rows_in_page": await console.page.locator(".row").count(),
            "faults": console.faults,
        }


async def picture(browser: Browser, hub: Hub, name: str, path: Path, seconds: float) -> None:
    """Make one picture, once the charts have something to show."""
    width, height = PICTURES[name]
    scheme = "dark" if name == "dark" else "light"
    async with console_page(browser, hub.url, width=width, height=height, scheme=scheme) as console:
        await console.open("orders/* catalog:* builds/*", since="-20")
        await asyncio.sleep(seconds)
        await show(console, name)
        png = await console.page.screenshot(animations="disabled")
        # A palette is enough for a page, and makes a third of it.
        Image.open(io.BytesIO(png)).convert("RGB").quantize(192).save(path, optimize=True)


async def show(console: ConsolePage, name: str) -> None:
    """Bring into sight what the picture is to show."""
    page = console.page
    if name == "light":
        await page.click("#pause")
    row = page.locator(".row[data-kind=signal]:has-text('lines')").last
    await row.dispatch_event("click")
    if name == "dark":
        await page.click("#tab-streams")
        await page.click("#tab-publish")
        await page.fill("#publish-topic", "orders/42")
    if name == "narrow":
        await page.evaluate("scrollTo(0, document.querySelector('#charts').offsetTop - 8)")
    await asyncio.sleep(2.5)


async def pictures(folder: Path, seconds: float) -> None:
    """Make all pictures at once: each shows the streams of the others."""
    async with open_hub() as hub, launched() as browser, publishing(hub, 12, batch=3), asyncio.TaskGroup() as group:
        for name in PICTURES:
            group.create_task(picture(browser, hub, name, folder / f"console-{name}.png", seconds))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or make pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.console", description=__doc__)
    parser.add_argument("--rate", type=float, default=1000, help="signals a second (1000)")
    parser.add_argument("--seconds", type=float, default=60, help="how long, at least 11 (60)")
    parser.add_argument("--pictures", type=Path, help="make pictures into this folder instead")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if options.pictures:
        asyncio.run(pictures(options.pictures, options.seconds))
        return
    found = asyncio.run(measure(options.rate, options.seconds))
    print(json.dumps(found, indent=2))
    bar = max(BAR, found["longest_gap_of_an_empty_page_ms"])
    if found["longest_gap_ms"] > bar or found["faults"]:
        sys.exit(f"There was no frame for {found['longest_gap_ms']} ms, and {bar} ms is the bar; or there are faults.")


if __name__ == "__main__":
    main()

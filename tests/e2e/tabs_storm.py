"""Tabs that come and go while signals flow: a few turns in the tests, and by hand as many as one likes.

``python -m tests.e2e.tabs_storm TURNS [SEED]`` plays TURNS turns and says what came of it.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

import structlog

from sse_signals.web.site import Site
from tests.e2e.browser import serving_pages
from tests.e2e.tabs import browsing, chromium

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.e2e.tabs import Browsing, Tab

TOPICS = ("a", "b", "c/1", "c/2")
WANTED = (("a",), ("b", "c/*"), ("*",), ("c/1", "a"))
ENDS = ("close", "crash", "sign_out", "leave")


class Storm:
    """Tabs to which things happen.

    Args:
        room: The profile.
        seed: Of chance.

    Attributes:
        happened: How often what did.
        waits: Seconds from the end of a leading tab until another led.
    """

    def __init__(self, room: Browsing, seed: int) -> None:
        self._room, self._chance = room, random.Random(seed)
        self._tabs: list[Tab] = []
        self.happened: Counter[str] = Counter()
        self.waits: list[float] = []

    async def replace(self) -> None:
        """End a tab, mostly the one that leads, and open another."""
        leader = await self._room.leader(*self._tabs)
        tab = leader if self._chance.random() < 0.7 else self._chance.choice(self._tabs)
        self._tabs.remove(tab)
        end = self._chance.choice(ENDS)
        self.happened[end] += 1
        began = time.monotonic()
        await (tab.leave(f"{self._room.origin}/?elsewhere") if end == "leave" else getattr(tab, end)())
        if tab is leader:
            await self._room.leader(*self._tabs)
            self.waits.append(time.monotonic() - began)
        self._tabs.append(await self._room.tab(*self._chance.choice(WANTED)))
        if not tab.page.is_closed():
            await tab.close()

    async def go_back(self) -> None:
        """Leave a page and go back to it."""
        tab = self._chance.choice(self._tabs)
        await tab.page.goto(self._room.origin.replace("127.0.0.1", "localhost"))
        await asyncio.sleep(self._chance.random() / 4)
        await tab.go_back()

    async def freeze(self) -> None:
        """Freeze a tab for a while, in which the others may or may not take the lead from it."""
        tab = self._chance.choice(self._tabs)
        others = [other for other in self._tabs if other is not tab]
        for other in others:
            await other.hurry(20)
        async with tab.frozen():
            await asyncio.sleep(self._chance.random() * 1.5)
        for other in others:
            await other.hurry(1)

    async def change(self) -> None:
        """Add a topic to a tab, and drop another."""
        tab = self._chance.choice(self._tabs)
        await tab.listen(self._chance.choice([*TOPICS, "c/*", "*"]))
        going = [heard for heard in tab.heard if heard.until is None]
        await tab.unsubscribe(self._chance.choice(going[:-1]))

    async def cut(self) -> None:
        """Cut whatever connection there is."""
        self._room.proxy.drop()
        await asyncio.sleep(self._chance.random() / 4)
        self._room.proxy.release()

    async def play(self, turns: int, kinds: tuple[str, ...] = ("replace",)) -> None:
        """Let so many things happen, one after the other, and judge."""
        async with self._room.feed.flowing(*TOPICS):
            self._tabs = [await self._room.tab(*topics) for topics in WANTED]
            for _ in range(turns):
                kind = self._chance.choice(kinds)
                self.happened[kind] += 1
                what: Callable[[], Awaitable[None]] = getattr(self, kind)
                await what()
            await self._room.leader(*self._tabs)
        await self._room.judge()
        await self._room.streams(1)


async def main(turns: int, seed: int) -> None:
    """Play, and print what came of it."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with mock.patch("sse_signals.app.Site", partial(Site, reconnect=(0.1, 0.1))):
        async with serving_pages() as origin, chromium() as browser, browsing(browser, origin) as room:
            storm, began = Storm(room, seed), time.monotonic()
            await storm.play(turns, ("replace", "replace", "go_back", "freeze", "change", "cut"))
    got = sum(len(heard.got) for tab in room.tabs for heard in tab.heard)
    waits, polls = sorted(storm.waits), sum(asked.poll for asked in room.asked)
    print(f"{turns} turns in {time.monotonic() - began:.0f} s, seed {seed}: {dict(storm.happened)}")
    print(f"{len(room.feed.published)} signals published, {got} got by {len(room.tabs)} tabs: none lost, none twice")
    print(f"{len(room.asked) - polls} streams, {polls} polls")
    if waits:
        print(f"hand-over: median {waits[len(waits) // 2]:.3f} s, longest {waits[-1]:.3f} s of {len(waits)}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))

"""The browser module and what a hub, or somebody in its place, answers: delays, tokens, refusals, redirects."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from sse_signals import HistoryLimits
from sse_signals.rules import Rules
from sse_signals.topics import Filters
from tests.e2e.client_page import client_page
from tests.e2e.client_world import PROMPT, World, world
from tests.e2e.stand_in import StandIn, answer, stream_of
from tests.web.doors import until

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

    from tests.e2e.client_page import ClientPage
    from tests.faults.observed import Client

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]

OPEN = 'retry: {}\nevent: signals.open\ndata: {{"protocol":1,"stream":"s","subject":null,"heartbeat":15}}'
LATE = 0.35  # seconds by which a busy machine may be late


async def pauses(it: World, count: int) -> list[float]:
    """Wait until a stand-in was asked so often, and return the seconds between."""
    await until(lambda: len(it.deploying.asked) >= count)
    return [later.time - earlier.time for earlier, later in pairwise(it.deploying.asked)]


@pytest.mark.parametrize(
    ("what", "seconds"),
    [
        ([answer(429, "Retry-After: 1"), answer(503, "Retry-After: 1")], 1.0),
        ([stream_of(OPEN.format(500))], 0.5),
        ([stream_of(OPEN.format(10_000), 'retry: 400\nevent: signals.goodbye\ndata: {"reason":"shutdown"}')], 0.4),
    ],
    ids=["retry-after", "end", "goodbye"],
)
async def test_delays(profile: BrowserContext, what: list[bytes], seconds: float) -> None:
    """The delay that an answer asks for is kept: after the end of a stream exactly, after a failure at least."""
    async with world() as it, it.page(profile) as page:
        it.deploy(*what)
        seen = await pauses(it, 3)
        assert min(seen) >= seconds - 0.02, seen
        assert min(seen) <= seconds + LATE, seen
        waits = [heard.detail.get("retryIn") for heard in page.subscriptions["a"].statuses if heard.status == "waiting"]
        assert any(wait is not None and abs(wait - seconds) < 1.01 for wait in waits), waits


async def test_failures_spread(profile: BrowserContext) -> None:
    """After failures it waits for a time of chance, whose bound doubles each time."""
    async with world() as it, it.page(profile) as page:
        await page.page.evaluate("Math.random = () => 0.25")
        it.deploy(answer(500))
        heard = page.subscriptions["a"].statuses
        await page.until(lambda: [each.status for each in heard].count("waiting") >= 5, "waiting")
        waits = [each.detail["retryIn"] for each in heard if each.status == "waiting"]
        assert waits[:5] == pytest.approx([0.25 * 0.1 * 2**number for number in range(5)])
        seen = await pauses(it, 4)
        assert all(pause >= wait for pause, wait in zip(seen, waits[1:], strict=False)), (seen, waits)


async def test_forbidden_topic(profile: BrowserContext) -> None:
    """One topic that may not be read is refused to those who asked for it, and the others go on."""
    rules = Rules(private=Filters.parse(["audit/*"]))
    async with world(authentication={"rules": rules}) as it, it.page(profile) as page:
        audit = await page.subscribe("audit/*")
        await page.until(lambda: audit.status == "refused", "refused")
        await it.news(page)
        told = audit.statuses[-1].detail
        assert told["problem"]["status"] == 403
        assert "audit/*" in told["problem"]["detail"]
        assert page.subscriptions["a"].status == "open"
        assert await page.status() == "open"
        more = await page.subscribe("b")
        await it.news(page)
        assert more.status in {"", "open"}
        await page.unsubscribe("audit/*")
        await it.judge(page)


async def test_bad_request(profile: BrowserContext) -> None:
    """What a hub calls wrong for good is not asked again until something else is asked."""
    problem = '{"type":"urn:sse-signals:problem:bad-request","title":"Bad","status":400,"detail":"No."}'
    async with world() as it, it.page(profile) as page:
        it.deploy(answer(400, body=problem, kind="application/problem+json"))
        await page.until(lambda: all(each.status == "refused" for each in page.subscriptions.values()), "refused")
        assert page.subscriptions["a"].statuses[-1].detail["problem"]["detail"] == "No."
        assert await page.status() == "refused"
        before = len(it.deploying.asked)
        await asyncio.sleep(1)
        assert len(it.deploying.asked) == before
        it.deployed()
        await page.subscribe("b")
        await page.until(lambda: all(each.status == "open" for each in page.subscriptions.values()), "open")
        await it.judge(page)


async def test_many_topics(profile: BrowserContext) -> None:
    """More topics than a hub takes in one request are had by one stream without any filter, which stays."""
    topics = [f"many/{number}" for number in range(70)]
    async with world(heartbeat=5.0) as it, it.page(profile) as page:  # whose absence is no reason to connect again
        await asyncio.gather(*map(page.subscribe, topics))
        await until(lambda: [list(stream.filters) for stream in it.streams] == [["*"]])
        await page.until(lambda: all(each.status == "open" for each in page.subscriptions.values()), "open")
        before = it.proxy.connections
        await asyncio.sleep(1.2)  # longer than it waits for anything to change
        assert it.proxy.connections == before
        await it.publisher.publish("many/69")
        await page.until(lambda: page.subscriptions["many/69"].contents, "a signal")
        await it.judge(page)


def gaps(client: Client) -> list[str]:
    """Return the reasons of the gaps that a subscription was told of."""
    return [block.reason for block in client.sessions[0].blocks if block.kind == "gap"]


async def test_gap(profile: BrowserContext) -> None:
    """Whoever was away for longer than the hub's history is told so, each subscription once, and goes on after it."""
    async with world(history=HistoryLimits(count=5)) as it, it.page(profile) as page:
        it.proxy.cut()
        await it.rest()
        for _ in range(20):
            await it.publisher.publish("a")
        await it.proxy.restore()
        await page.until(lambda: all(gaps(each) for each in page.clients), "gaps")
        await it.judge(page, gaps=True)
        assert [gaps(each) for each in page.clients] == [["trimmed"]] * 2


async def test_redirect(profile: BrowserContext) -> None:
    """24: a redirect to another origin is not followed: that origin gets no token, and not even a request."""
    async with world() as it, it.page(profile) as page, StandIn(stream_of(OPEN.format(100))) as thief:
        for status in (302, 307, 308):
            it.deploy(answer(status, f"Location: http://127.0.0.1:{thief.address[1]}/signals/stream?topic=a"))
            before = len(it.deploying.asked)
            await until(lambda: len(it.deploying.asked) > before)  # noqa: B023
            await page.until(lambda: page.subscriptions["a"].status == "waiting", "waiting")
        assert thief.asked == []
        assert "redirected" in page.subscriptions["a"].reasons("waiting")
        it.deployed()
        await it.judge(page, seconds=6 * PROMPT)


async def test_throwing(profile: BrowserContext) -> None:
    """A callback that throws each time keeps nobody from anything, and the page's handler of errors is told."""
    async with world() as it, it.page(profile) as page:
        bad = await page.subscribe("a", "bad", throws=True)
        await page.until(lambda: len(bad.contents) > 3, "signals")
        await page.until(lambda: page.errors, "errors")
        assert all("thrown by bad" in each for each in page.errors)
        it.proxy.drop()
        await it.judge(page)
        assert len(page.errors) == len(bad.contents)


async def test_close(profile: BrowserContext) -> None:
    """A client that is closed has no stream left, says nothing more and never comes back."""
    async with world() as it, it.page(profile) as page:
        await page.close()
        await it.gone()
        assert await page.status() == "closed"
        await page.close()
        asked = it.proxy.connections
        for topic in ("a", "c/1", None):
            await it.publisher.publish(topic)
        await asyncio.sleep(0.5)
        assert it.proxy.connections == asked
        assert page.too_late == []


async def test_next_page(profile: BrowserContext) -> None:
    """A page that is left hands its last id to the next one, which goes on exactly there."""
    async with world() as it:
        pages: list[ClientPage] = []
        last = ""
        async with it.page(profile) as first:
            pages.append(first)
            await first.unsubscribe("c/*")
            last = await first.last_event_id()
            await first.close()
        for _ in range(10):
            await it.publisher.publish("a")
        where = f"{it.origin}/signals/health/live"
        async with client_page(profile, where, it.url, it.token, lastEventId=last) as second:
            await second.subscribe("a")
            await it.judge(second)
            begun = monotonic()
            assert second.subscriptions["a"].client.sessions[0].resume == last
            assert len(second.subscriptions["a"].contents) >= 10
            assert monotonic() - begun < PROMPT

"""Pages of other origins in a real browser: what they may do with a token, and what they can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import Grants, Limits, PublishGrant
from sse_signals.topics import EVERYTHING, Filters
from tests.authenticated import PUBLISHER, House, house
from tests.e2e.browser import fetch, serving_pages, tab
from tests.e2e.identity_pages import TO_THE_HUB, A, header, signal, status_of, with_host
from tests.e2e.proxy import Proxy
from tests.web.rawhttp import messages

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Frame, Page

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]


async def test_21_an_allowed_page_with_a_token(context: BrowserContext) -> None:
    """21: a page of an allow-listed origin listens and publishes with fetch and a token, and its headers are exact."""
    async with serving_pages() as server:
        origin = with_host(server, "app.test")
        async with house(cors_origins={origin}) as hub, Proxy(hub.url) as proxy, tab(context, origin) as page:
            ann, backend = hub.tokens.issue("ann", A), hub.tokens.issue("backend", grants=PUBLISHER)
            await page.page.evaluate(READ_STREAM, [f"{proxy.url}/stream?topic=t", ann])
            sent = await fetch(page.page, f"{hub.url}/publish", token=backend, body=signal("for a", targets=[A]))
            assert (sent.status, list(sent.json)) == (202, ["id"])
            await page.page.wait_for_function("got.includes('for a')")
            preflight, answer = proxy.responses
            for head in (preflight, answer):
                assert header(head, "Access-Control-Allow-Origin") == origin
                assert "Origin" in (header(head, "Vary") or "")


async def test_21_refusals_that_an_allowed_page_can_read(context: BrowserContext) -> None:
    """21: an allow-listed page can read why it is refused, what to do about it, and when to come back."""
    async with serving_pages() as server:
        origin = with_host(server, "app.test")
        limits = Limits(publish_rate=0.01, publish_burst=1)
        async with house(cors_origins={origin}, limits=limits) as hub, tab(context, origin) as page:
            rules = Grants(publish=(PublishGrant(EVERYTHING),), subscribe=Filters.parse(["t"]))
            known, expired = hub.tokens.issue("backend", grants=rules), hub.tokens.issue("ann", seconds=0)
            asked: list[tuple[str, dict[str, Any], int, str]] = [
                ("stream", {}, 401, "no-credentials"),
                ("stream", {"token": "token-forged"}, 401, "unknown-key"),
                ("stream", {"token": expired}, 401, "expired"),
                ("stream?ticket=none", {}, 401, "unknown-ticket"),
                ("tickets", {"body": {}}, 401, "no-credentials"),
                ("stream?topic=u", {"token": known}, 403, "not-granted"),
                ("tickets", {"token": known, "body": {"topics": ["u"]}}, 403, "not-granted"),
                ("revocations", {"token": known, "body": {"subject": "ann"}}, 403, "not-granted"),
                ("stream?topic=", {"token": known}, 400, "bad-parameter"),
                (f"stream?access_token={known}", {}, 400, "token-in-url"),
                (
                    "publish",
                    {"token": known, "method": "POST", "headers": {"Content-Type": "text/plain"}},
                    415,
                    "content-type",
                ),
                ("publish", {"token": known, "body": [signal(1), signal(2)]}, 202, ""),
                ("publish", {"token": known, "body": signal(3)}, 429, "publish-rate"),
            ]
            for path, options, status, kind in asked:
                answer = await fetch(page.page, f"{hub.url}/{path}", **options)
                assert (path, answer.status) == (path, status)
                if kind:
                    assert (answer.kind, answer.json["status"]) == (kind, status)
                    assert answer.json["detail"]
                    assert answer.json["hint"]
            assert int(answer.headers["retry-after"]) >= 1


async def test_21_other_origins(context: BrowserContext) -> None:
    """21: origins that only look like an allow-listed one, or are none, get nothing even with a good token."""
    async with serving_pages() as server, serving_pages() as another:
        allowed = with_host(server, "app.test")
        elsewhere = [
            "sub.app.test",
            "evil-app.test",
            "app.test.evil.test",
            "xapp.test",
            "\u0430pp.test".encode("idna").decode(),
        ]
        pages = [*(with_host(server, host) for host in elsewhere), with_host(another, "app.test"), server]
        async with house(cors_origins={allowed}) as hub, tab(context, allowed) as page:
            token = hub.tokens.issue("backend", grants=PUBLISHER)
            assert await reach(page.page, hub, token) == [200, 202, 202, 401]
            for sandbox in (SANDBOX, DATA):
                await page.page.evaluate(sandbox)
                frame = page.page.frames[-1]
                assert await frame.evaluate("origin") == "null"
                assert await reach(frame, hub, token) == [0] * 4
            for other in pages:
                await page.page.goto(other)
                assert await reach(page.page, hub, token) == [0] * 4, other
            assert messages((await hub.poll(token)).body) == ["reached", "reached"]


READ_STREAM = """
async ([url, token]) => {
    window.got = [];
    const response = await fetch(url, {headers: {Authorization: `Bearer ${token}`}});
    const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
    (async () => {
        let text = "";
        for (;;) {
            const {done, value} = await lines.read();
            if (done) return;
            text += value;
            got = [...text.matchAll(/^data: (.*)$/gm)].map((found) => JSON.parse(found[1]).message);
        }
    })();
}
"""
SANDBOX = """
() => new Promise((resolve) => {
    const frame = Object.assign(document.createElement("iframe"), {srcdoc: "<p>", onload: resolve});
    frame.sandbox = "allow-scripts";
    document.body.append(frame);
})
"""
DATA = """
() => new Promise((resolve) => {
    document.body.append(Object.assign(document.createElement("iframe"), {src: "data:text/html,<p>", onload: resolve}));
})
"""


async def reach(page: Page | Frame, hub: House, token: str) -> list[int]:
    """Try to read and publish from a page, and return what statuses it sees; if none, no answer may be open to it."""
    async with Proxy(hub.url, watched=TO_THE_HUB) as proxy:
        answers = [
            await fetch(page, f"{proxy.url}/stream?poll=1", token=token),
            await fetch(page, f"{proxy.url}/publish", token=token, body=signal("reached")),
            await fetch(page, f"{proxy.url}/publish?topic=t", token=token, method="POST", body="reached"),
            await fetch(page, f"{proxy.url}/publish?topic=t", method="POST"),  # which is not asked for first
        ]
        if not any(answer.status for answer in answers):
            assert len(proxy.responses) == len(answers)
            for head in proxy.responses:
                assert status_of(head) == 403
                assert header(head, "Access-Control-Allow-Origin") is None
                assert "Origin" in (header(head, "Vary") or "")
        return [answer.status for answer in answers]

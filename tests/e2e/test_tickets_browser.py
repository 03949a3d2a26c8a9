"""Tickets and their cookies in a real browser, and how long they last, against the security checklist."""

from __future__ import annotations

import ssl
import subprocess
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.authenticated import ADMIN, PUBLISHER, house
from tests.e2e.browser import CLOSED, Tab, fetch, serving_pages, tab
from tests.e2e.identity_pages import (
    HERE,
    TO_THE_HUB,
    A,
    B,
    got,
    header,
    names,
    signal,
    status_of,
    until_named,
    with_host,
)
from tests.e2e.proxy import Proxy
from tests.web.doors import until

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext

    from tests.e2e.inbox import Inbox

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]


@pytest.fixture
def tls(tmp_path: Any) -> ssl.SSLContext:
    """A server's TLS with a new certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "1", "-subj", "/CN=hub.test", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def listen(page: Tab, token: str, *topics: str) -> Inbox:
    """Open an EventSource with a ticket that the page asks for, and wait for its receipt."""
    inbox = await page.listen(await ticket(page, token, *topics))
    await inbox.until_open()
    return inbox


async def ticket(page: Tab, token: str, *topics: str) -> str:
    """Let a page ask for a ticket, and return its URL."""
    answer = await fetch(page.page, "/signals/tickets", token=token, body={"topics": topics} if topics else {})
    assert answer.status == 200, answer
    url: str = answer.json["url"]
    return url


async def test_11_tickets_in_event_sources(context: BrowserContext) -> None:
    """11: EventSources with tickets get what their owners may have, and after a cut come back by their own cookies."""
    async with house() as hub, Proxy(hub.url) as proxy, tab(context, proxy.url + HERE) as page:
        ann, bob = hub.tokens.issue("user:default/ann", A), hub.tokens.issue("user:default/bob", B)
        backend = hub.tokens.issue("backend", grants=PUBLISHER)
        inboxes = [await listen(page, ann, "t"), await listen(page, ann, "t", "u/*"), await listen(page, bob)]

        targets: list[list[str] | None] = [[A], [B], [A, B], [], None]

        async def publish(turn: int) -> None:
            sent = [signal([turn, topic, refs], topic, refs) for topic in ("t", "u/1") for refs in targets]
            assert (await hub.publish(backend, *sent, {"message": turn})).status == 202

        await publish(0)
        for inbox in inboxes:
            await got(inbox, 0)
        proxy.drop()
        await until(lambda: not hub.service.streams)
        await publish(1)
        proxy.release()
        for inbox in inboxes:
            await got(inbox, 1)
        await publish(2)
        for inbox, topics, own in zip(inboxes, (["t"], ["t", "u/1"], ["t", "u/1"]), (A, A, B), strict=True):
            expected: list[Any] = []
            for turn in range(3):
                expected += [[turn, topic, refs] for topic in topics for refs in targets if refs is None or own in refs]
                expected.append(turn)
            assert await got(inbox, 2) == expected
            assert names(inbox) == ["signals.open"] * 2
            assert inbox.resumes == [None, True]
        cookies = await context.cookies()
        assert len(cookies) == len({cookie["name"] for cookie in cookies}) == 3
        again = proxy.requests[3:]
        assert len(again) == 3
        for request in again:
            assert {part.partition("=")[0] for part in (header(request, "Cookie") or "").split("; ")} == {
                cookie["name"] for cookie in cookies
            }
            assert header(request, "Last-Event-ID")


async def test_11_the_cookie_is_out_of_reach(context: BrowserContext) -> None:
    """11: a ticket's cookie goes nowhere but to the stream, no script can read it, and it ends with the token."""
    async with house() as hub, Proxy(hub.url, watched=TO_THE_HUB) as proxy, tab(context, proxy.url + HERE) as page:
        await listen(page, hub.tokens.issue("ann", seconds=500))
        (cookie,) = await context.cookies()
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
        assert cookie["path"] == "/signals/stream"
        assert 0 < cookie["expires"] - hub.clock() / 1000 <= 501
        await fetch(page.page, "/signals/publish", method="POST")
        await page.page.goto(f"{proxy.url}/stream/x")  # where a cookie of this path could be read
        assert await page.page.evaluate("document.cookie") == ""
        paths = {request.split()[1]: header(request, "Cookie") for request in proxy.requests}
        assert {path for path, cookies in paths.items() if cookies} == {b"/signals/stream/x"}


async def test_11_the_url_alone_is_worthless(shared_browser: Browser, context: BrowserContext) -> None:
    """11: the URL is refused in another browser, and in its own without the cookie; both give up for good."""
    stranger = await shared_browser.new_context()
    async with house() as hub, Proxy(hub.url) as proxy, tab(context, proxy.url + HERE) as page:
        url = await ticket(page, hub.tokens.issue("ann"))
        mine = await page.listen(url)
        await mine.until_open()
        async with tab(stranger, proxy.url + HERE) as other:
            theirs = await other.listen(url)
            await until_named(theirs, CLOSED)
            read = await fetch(other.page, url)
        await stranger.close()
        assert names(theirs) == [CLOSED]
        assert (read.status, read.kind) == (401, "used-ticket")
        await hub.publish(hub.tokens.issue("backend", grants=PUBLISHER), signal(1))
        assert await got(mine, 1) == [1]
        await context.clear_cookies()
        proxy.drop()
        proxy.release()
        await until_named(mine, CLOSED)
        assert names(mine) == ["signals.open", CLOSED]
        assert status_of(proxy.responses[-1]) == 401


async def test_11_where_browsers_keep_the_cookie(context: BrowserContext, tls: ssl.SSLContext) -> None:
    """11: the Secure cookie is kept on this machine and over TLS, and with it the stream goes on; elsewhere it ends."""
    origins = ["http://127.0.0.1", "http://localhost", "https://hub.test", "http://hub.test"]

    async def after_a_cut(origin: str) -> list[str]:
        async with AsyncExitStack() as stack:
            hub = await stack.enter_async_context(house())
            encrypted = tls if origin.startswith("https") else None
            proxy = await stack.enter_async_context(Proxy(hub.url, tls=encrypted))
            here = f"{origin}:{proxy.url.partition('127.0.0.1:')[2]}"
            page = await stack.enter_async_context(tab(context, here + HERE))
            inbox = await listen(page, hub.tokens.issue("ann"))
            proxy.drop()
            proxy.release()
            await until(lambda: len(names(inbox)) > 1)
            return names(inbox)[1:]

    outcomes = [await after_a_cut(origin) for origin in origins]
    assert dict(zip(origins, outcomes, strict=True)) == {
        "http://127.0.0.1": ["signals.open"],
        "http://localhost": ["signals.open"],
        "https://hub.test": ["signals.open"],
        "http://hub.test": [CLOSED],
    }


@pytest.mark.parametrize(
    ("host", "credentials", "then"),
    [("app.hub.test", True, "signals.open"), ("app.hub.test", False, CLOSED), ("app.test", True, CLOSED)],
)
async def test_11_tickets_on_allowed_pages(
    context: BrowserContext, tls: ssl.SSLContext, host: str, then: str, *, credentials: bool
) -> None:
    """11: an allow-listed page may use a ticket, and its cookie too if it is of the hub's site and has it sent."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving_pages())
        in_front = await stack.enter_async_context(Proxy(server, tls=tls))
        origin = with_host(in_front.url, host)
        hub = await stack.enter_async_context(house(cors_origins={origin}))
        proxy = await stack.enter_async_context(Proxy(hub.url, tls=tls))
        page = await stack.enter_async_context(tab(context, origin))
        url = with_host(proxy.url, "hub.test")
        made = await fetch(page.page, f"{url}/tickets", method="POST", token=hub.tokens.issue("ann"))
        inbox = await page.listen(f"{url}/stream?ticket={made.json['ticket']}", credentials=credentials)
        await inbox.until_open()
        proxy.drop()
        proxy.release()
        await until(lambda: len(names(inbox)) > 1)
        assert names(inbox) == ["signals.open", then]


async def test_13_the_end_of_a_token(context: BrowserContext) -> None:
    """13: an EventSource is told before its token expires and when it does or is revoked, and cannot come back then."""
    async with house() as hub, tab(context, hub.url + HERE) as page:
        answers: list[int] = []
        page.page.on(
            "response", lambda response: answers.append(response.status) if "/stream?" in response.url else None
        )
        expires = await listen(page, hub.tokens.issue("ann", seconds=100))
        revoked = await listen(page, hub.tokens.issue("bob"))
        hub.clock.advance(50)
        await until_named(expires, "signals.expiring")
        hub.clock.advance(50)
        root = hub.tokens.issue("root", grants=ADMIN)
        answer = await fetch(page.page, "/signals/revocations", token=root, body={"subject": "bob"})
        assert answer.status == 202
        for inbox, before, reason in ((expires, ["signals.expiring"], "expired"), (revoked, [], "revoked")):
            await until_named(inbox, CLOSED)
            assert names(inbox) == ["signals.open", *before, "signals.goodbye", CLOSED]
            assert inbox.received[-2].data == {"reason": reason}
        assert answers == [200, 200, 401, 401]
        assert len(await context.cookies()) == 2  # nothing was missing


async def test_13_renewal_of_an_event_source(context: BrowserContext) -> None:
    """13: a page prolongs its stream with a fresh token, and with it the cookie: it comes back after the first end."""
    async with house() as hub, Proxy(hub.url) as proxy, tab(context, proxy.url + HERE) as page:
        inbox = await listen(page, hub.tokens.issue("ann", A, seconds=100))
        (before,) = await context.cookies()
        renew = f"/signals/streams/{inbox.received[0].data['stream']}/renew"
        stranger = await fetch(page.page, renew, method="POST", token=hub.tokens.issue("bob"))
        assert (stranger.status, await context.cookies()) == (403, [before])
        fresh = hub.tokens.issue("ann", B, seconds=1000)
        assert (await fetch(page.page, renew, method="POST", token=fresh)).json["status"] == "renewed"
        (after,) = await context.cookies()
        assert after["name"] == before["name"]
        assert after["value"] != before["value"]
        assert after["expires"] - before["expires"] > 800
        hub.clock.advance(150)
        proxy.drop()
        backend = hub.tokens.issue("backend", grants=PUBLISHER)
        await hub.publish(backend, signal("a", targets=[A]), signal("b", targets=[B]))
        proxy.release()
        assert await got(inbox, "b") == ["b"]
        assert inbox.resumes == [None, True]
        assert names(inbox) == ["signals.open", "signals.open"]

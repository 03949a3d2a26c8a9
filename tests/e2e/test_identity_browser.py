"""Who somebody is, in a real browser: tickets, cookies and pages of other origins, against the security checklist."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from sse_signals import Grants, Limits, PublishGrant
from sse_signals.topics import EVERYTHING, Filters
from tests.authenticated import ADMIN, PUBLISHER, House, house
from tests.e2e import browser as browsers
from tests.e2e.browser import CLOSED, Tab, fetch, launched, serving_pages, tab
from tests.e2e.proxy import Proxy
from tests.web.doors import until
from tests.web.rawhttp import messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Frame, Page

    from tests.e2e.inbox import Inbox

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]

A, B = "group:default/a", "group:default/b"
HERE = "/health/live"  # any document of the hub makes a page of its own origin
TO_THE_HUB = b" /signals/"
HELD = "session"  # the cookie that holds a token


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests, since it takes long to start."""
    async with launched() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A profile of its own, without cookies."""
    opened = await browser.new_context(ignore_https_errors=True)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trusting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserContext]:
    """A browser that sends cookies to other sites."""
    async with browsers.trusting(tmp_path_factory.mktemp("profile")) as started:
        yield started


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


def signal(message: Any, topic: str = "t", targets: list[str] | None = None) -> dict[str, Any]:
    """Return a signal."""
    return {"topic": topic, "message": message} | ({} if targets is None else {"targetOwnershipEntityRefs": targets})


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


async def got(inbox: Inbox, message: Any) -> list[Any]:
    """Return the messages that an EventSource got, once this one is among them, and check that none came twice."""
    await until(lambda: message in told(inbox))
    ids = [event.id for event in inbox.received if event.name == "message"]
    assert len(set(ids)) == len(ids)
    return told(inbox)


def told(inbox: Inbox) -> list[Any]:
    """Return the messages that an EventSource got so far."""
    return [event.data["message"] for event in inbox.received if event.name == "message"]


def names(inbox: Inbox) -> list[str]:
    """Return the names of all that an EventSource got but for messages and heartbeats, which may come at any time."""
    return [event.name for event in inbox.received if event.name not in {"message", "signals.heartbeat"}]


async def until_named(inbox: Inbox, name: str, times: int = 1) -> None:
    """Wait until an EventSource got something with a name so many times."""
    await until(lambda: names(inbox).count(name) >= times)


def with_host(origin: str, host: str) -> str:
    """Return an origin of the same server by another name."""
    return origin.replace("127.0.0.1", host)


def header(head: bytes, name: str) -> str | None:
    """Return a header of a request or response."""
    lines = head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    found = [value for key, _, value in (line.partition(": ") for line in lines) if key.lower() == name.lower()]
    return found[0] if found else None


def status_of(head: bytes) -> int:
    """Return the status of a response."""
    return int(head.split()[1])


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


async def test_11_the_url_alone_is_worthless(browser: Browser, context: BrowserContext) -> None:
    """11: the URL is refused in another browser, and in its own without the cookie; both give up for good."""
    stranger = await browser.new_context()
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

    outcomes = await asyncio.gather(*map(after_a_cut, origins))
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


class Attack:
    """What a page does to a hub where its visitor has a cookie.

    Attributes:
        script: A function of the hub's URL and of what else leads there; it returns what the page could read.
        cookie: Whether the browser sends the cookie with it.
    """

    def __init__(self, script: str, *, cookie: bool = True) -> None:
        self.script = script
        self.cookie = cookie


def fetching(path: str, options: str) -> str:
    """Return the script of a fetch."""
    return f"""async ([url, away]) => {{
        try {{ return await (await fetch(`{path}`, {options})).text(); }} catch (error) {{ return ""; }}
    }}"""


def loading(element: str, path: str) -> str:
    """Return the script of an element that loads something."""
    return f"""([url, away]) => new Promise((resolve) => {{
        const element = Object.assign(document.createElement("{element}"), {{src: `{path}`}});
        element.onload = () => resolve(element.contentDocument?.body.innerText ?? "");
        element.onerror = () => resolve("");
        document.body.append(element);
    }})"""


def submitting(kind: str, path: str = "${url}/publish", *, rel: str = "") -> str:
    """Return the script of a form, whose only field makes JSON of the body where its encoding allows that."""
    return f"""([url, away]) => new Promise((resolve) => {{
        document.body.innerHTML = `<iframe name="target"></iframe><form method="post" target="target"></form>`;
        const [frame, form] = document.body.children;
        const field = document.createElement("input");
        Object.assign(field, {{name: '{{"message":1,"topic":"', value: 't"}}'}});
        Object.assign(form, {{action: `{path}`, enctype: "{kind}", rel: "{rel}"}}).append(field);
        frame.onload = () => resolve(frame.contentDocument?.body.innerText ?? "");
        form.submit();
    }})"""


EVENT_SOURCE = """
([url]) => new Promise((resolve) => {
    const source = new EventSource(`${url}/stream`, {withCredentials: true});
    source.addEventListener("signals.open", (event) => { resolve(event.data); source.close(); });
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) resolve(""); };
})
"""
STREAM, PUBLISH = "${url}/stream?poll=1", "${url}/publish"
WINDOW = """
([url]) => new Promise((resolve) => {
    document.body.innerHTML = `<form method="post" target="other" enctype="text/plain" action="${url}/publish">`;
    const field = Object.assign(document.createElement("input"), {name: '{"message":1,"topic":"', value: 't"}'});
    document.forms[0].append(field);
    const other = window.open("", "other");
    const look = () => {
        let text = "";
        try { text = other.document.body?.innerText; } catch (error) { return resolve(""); }
        return text ? resolve(text) : setTimeout(look, 20);
    };
    document.forms[0].submit();
    look();
})
"""
TEXT = """{method: "POST", credentials: "include", body: '{"message":1}'}"""
JSON = TEXT.replace("body", 'headers: {"Content-Type": "application/json"}, body')
OPAQUE = TEXT.replace("{method", '{mode: "no-cors", method', 1)
ATTACKS = {
    "EventSource": Attack(EVENT_SOURCE),
    "read": Attack(fetching(STREAM, '{credentials: "include"}')),
    "read opaque": Attack(fetching(STREAM, '{credentials: "include", mode: "no-cors"}')),
    "image": Attack(loading("img", STREAM)),
    "script": Attack(loading("script", STREAM)),
    "frame": Attack(loading("iframe", STREAM)),
    "JSON": Attack(fetching(PUBLISH, JSON), cookie=False),  # it is asked for first, and that is all
    "text": Attack(fetching(PUBLISH, TEXT)),
    "text opaque": Attack(fetching(PUBLISH, OPAQUE)),
    "text as it is": Attack(fetching(PUBLISH + "?topic=t", OPAQUE)),
    "no body": Attack(fetching(PUBLISH + "?topic=t", '{method: "POST", mode: "no-cors", credentials: "include"}')),
    "beacon": Attack("([url]) => { navigator.sendBeacon(`${url}/publish`, '{\"message\":1}'); return ''; }"),
    "form": Attack(submitting("application/x-www-form-urlencoded")),
    "form of text": Attack(submitting("text/plain")),
    "form with a file": Attack(submitting("multipart/form-data")),
    "form without a referrer": Attack(submitting("text/plain", rel="noreferrer")),
    "form in a window": Attack(WINDOW),
    "redirected": Attack(fetching("${away}${encodeURIComponent(`" + PUBLISH + "?topic=t`)}", OPAQUE)),
    "redirected form": Attack(submitting("text/plain", "${away}${encodeURIComponent(`" + PUBLISH + "`)}")),
}


async def attack(page: Page, hub: House, what: Attack) -> tuple[int, bool, str]:
    """Let a page attack a hub; return the first answer's status, whether the cookie came, and what the page read."""
    async with Proxy(hub.url, watched=TO_THE_HUB) as proxy:
        away = await page.evaluate("`${location.origin}/away?to=`")
        read = await page.evaluate(what.script, [proxy.url, away])
        await until(lambda: proxy.responses)
        cookies = [header(request, "Cookie") for request in proxy.requests]
        return status_of(proxy.responses[0]), any(cookies), read


@asynccontextmanager
async def visited(context: BrowserContext, **options: Any) -> AsyncIterator[House]:
    """Run a hub that takes a cookie, and give it to the browser, to be sent from wherever a browser sends any."""
    async with house(authentication={"cookie": HELD}, **options) as hub:
        token = hub.tokens.issue("ann", A, grants=PUBLISHER)
        await context.add_cookies(
            [
                {
                    "name": HELD,
                    "value": token,
                    "url": hub.url.replace("http", "https", 1),
                    "httpOnly": True,
                    "secure": True,
                    "sameSite": "None",
                }
            ]
        )
        yield hub


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_22_a_foreign_page_with_the_cookie(trusting: BrowserContext, host: str) -> None:
    """22, 23: whatever a page of another site or port does to have the cookie sent, it gets and publishes nothing."""
    async with visited(trusting) as hub, serving_pages() as origin:
        page = await trusting.new_page()
        await page.goto(origin.replace("127.0.0.1", host))
        outcomes = {name: await attack(page, hub, what) for name, what in ATTACKS.items()}
        await page.close()
        assert outcomes == {name: (403, what.cookie, "") for name, what in ATTACKS.items()}
        assert hub.tokens.asked == hub.service.streams == 0  # nobody has looked at the cookie, even
        assert messages((await hub.poll(hub.tokens.issue("bob"))).body) == []


async def test_22_own_and_allowed_pages_with_the_cookie(context: BrowserContext) -> None:
    """22: the cookie speaks for pages of the hub's own origin and of allow-listed ones, with EventSource and fetch."""
    async with serving_pages() as origin, visited(context, cors_origins={origin}) as hub, Proxy(hub.url) as proxy:
        for here in (proxy.url + HERE, origin):
            async with tab(context, here) as page:
                inbox = await page.listen(f"{proxy.url}/stream", credentials=True)
                await inbox.until_open()
                assert inbox.received[0].data["subject"] == "ann"
                sent = await fetch(
                    page.page, f"{proxy.url}/publish", body=signal(here, targets=[A]), credentials="include"
                )
                assert sent.status == 202
                await got(inbox, here)
                proxy.drop()
                proxy.release()
                await until_named(inbox, "signals.open", 2)
                assert inbox.resumes == [None, True]


async def test_22_what_is_an_attack_elsewhere(context: BrowserContext) -> None:
    """22, 23: those are attacks: what foreign pages may not do works for allowed ones, or has but the wrong type."""
    expected = {"EventSource": 200, "read": 200, "JSON": 204, "text": 415, "text as it is": 202, "form of text": 415}
    async with serving_pages() as origin, visited(context, cors_origins={origin}) as hub:
        page = await context.new_page()
        await page.goto(origin)
        outcomes = {name: await attack(page, hub, ATTACKS[name]) for name in expected}
        await page.close()
        assert {name: status for name, (status, _, _) in outcomes.items()} == expected
        assert [name for name, (_, _, read) in outcomes.items() if not read] == ["text as it is", "form of text"]
        assert messages((await hub.poll(hub.tokens.issue("bob"))).body) == [1, '{"message":1}']


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

"""A cookie with a token in a real browser: what foreign pages do with it, and what own and allowed ones may."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.authenticated import PUBLISHER, House, house
from tests.e2e import browser as browsers
from tests.e2e.browser import fetch, serving_pages, tab
from tests.e2e.identity_pages import HERE, TO_THE_HUB, A, got, header, signal, status_of, until_named
from tests.e2e.proxy import Proxy
from tests.web.doors import until
from tests.web.rawhttp import messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import BrowserContext, Page

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]
HELD = "session"  # the cookie that holds a token


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trusting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserContext]:
    """A browser that sends cookies to other sites."""
    async with browsers.trusting(tmp_path_factory.mktemp("profile")) as started:
        yield started


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

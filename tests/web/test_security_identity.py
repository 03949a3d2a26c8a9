"""The security checklist where identity meets HTTP: each test says which line it is."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from tests.authenticated import ADMIN, PUBLISHER, House, bearing, house, signal
from tests.web.rawhttp import connection, events, parse, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def hub() -> AsyncIterator[House]:
    """A hub on which everybody has to authenticate."""
    async with house() as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "stream"),
        ("GET", "stream?poll=1"),
        ("POST", "publish?topic=a"),
        ("POST", "publish"),
        ("POST", "tickets"),
        ("POST", "revocations"),
        ("POST", "drains"),
        ("POST", "streams/00000000-0000000000000000/renew"),
    ],
)
async def test_1_nothing_without_a_token(hub: House, method: str, path: str) -> None:
    """1: without a credential everything but health is 401 with the challenge, and no stream starts."""
    answer = await hub.ask(method, path, "Content-Type: application/json", body=b'{"message":1}' * (method == "POST"))
    assert (answer.status, answer.kind) == (401, "no-credentials")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert hub.service.streams == 0
    assert (await hub.ask("GET", "health/ready")).status == 200


@pytest.mark.parametrize("path", ["stream", "stream?poll=1", "publish?topic=a"])
async def test_1_a_token_that_is_no_good(hub: House, path: str) -> None:
    """1: a bad token is 401 with its cause as the problem's type and the standard's challenge."""
    method = "POST" if "publish" in path else "GET"
    answer = await hub.ask(method, path, token="token-forged", body=b"x" * (method == "POST"))
    assert (answer.status, answer.kind) == (401, "unknown-key")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "token-forged" not in answer.body.decode()


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "Bearer a b", "token-0", "Bearer é", "Bearer a,b"]
)
async def test_1_another_scheme(hub: House, header: str) -> None:
    """1: what is no bearer token is 401 and says how to write one."""
    answer = await hub.ask("GET", "stream", f"Authorization: {header}")
    assert (answer.status, answer.kind) == (401, "bad-authorization")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_2_an_expired_token(hub: House) -> None:
    """2: a token that has expired since it was last used is refused although it was remembered."""
    token = hub.tokens.issue("ann", seconds=60)
    assert (await hub.poll(token)).status == 200
    hub.clock.advance(60)
    answer = await hub.poll(token)
    assert (answer.status, answer.kind) == (401, "expired")


async def test_10_credentials_that_contradict_each_other() -> None:
    """10: several headers, or header and cookie of different subjects, are refused; one subject twice is not."""
    async with house(authentication={"cookie": "session"}) as hub:
        ann, same, bob = (hub.tokens.issue(name) for name in ("ann", "ann", "bob"))
        own = "Sec-Fetch-Site: same-origin"
        twice = await hub.poll(ann, "", *bearing(bob))
        assert (twice.status, twice.kind) == (400, "ambiguous-credentials")
        ticket = (await hub.ask("POST", "tickets", token=ann)).json["url"].removeprefix("/signals/")
        for cookie, cause in ((bob, "ticket-of-another-subject"), ("token-forged", "unknown-key")):
            refused = await hub.ask("GET", ticket, f"Cookie: session={cookie}", own)
            assert (refused.status, refused.kind) == (401, cause)
        for cookies, status in ((bob, 400), (same, 200), (f"{ann}; session={bob}", 400), ("token-forged", 401)):
            answer = await hub.poll(ann, "", f"Cookie: session={cookies}", own)
            assert answer.status == status, cookies


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "Authorization", "api_key"])
@pytest.mark.parametrize("path", ["stream", "publish"])
async def test_11_tokens_in_urls(hub: House, name: str, path: str) -> None:
    """11: a bearer token in a URL is refused, even a good one, with a hint to what to use instead."""
    token = hub.tokens.issue("ann", grants=PUBLISHER)
    answer = await hub.ask("GET" if path == "stream" else "POST", f"{path}?topic=a&{name}={token}", body=b"")
    assert (answer.status, answer.kind) == (400, "token-in-url")
    assert "ticket" in answer.problem["hint"]
    assert token not in answer.body.decode()


async def test_11_tokens_in_any_parameter(hub: House) -> None:
    """11: what looks like a JWT is refused under any name, and a topic with dots is not taken for one."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
    answer = await hub.ask("GET", f"stream?ticket={jwt}")
    assert (answer.status, answer.kind) == (400, "token-in-url")
    assert (await hub.poll(hub.tokens.issue("ann"), "&topic=production.inventory.updates")).status == 200


async def test_19_nothing_is_stored(hub: House) -> None:
    """19: streams, answers and refusals are not to be stored, and differ by origin and credentials."""
    token = hub.tokens.issue("ann", grants=PUBLISHER)
    answers = [await hub.poll(token), await hub.poll(None), await hub.publish(token, signal(1))]
    for answer in answers:
        assert answer.headers["Cache-Control"].startswith("no-store")
        assert answer.headers["Vary"] == "Origin, Authorization, Cookie"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 403),
        (["Sec-Fetch-Site: cross-site"], 403),
        (["Sec-Fetch-Site: same-site"], 403),
        (["Sec-Fetch-Site: none"], 403),
        (["Origin: https://evil.example", "Sec-Fetch-Site: same-origin"], 403),
        (["Origin: null"], 403),
        (["Origin: http://localhost"], 202),
        (["Origin: https://app.example"], 202),
        (["Sec-Fetch-Site: same-origin"], 202),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_22_cookies_need_a_page_of_ours(headers: list[str], status: int, kind: str) -> None:
    """22: a cookie speaks only for a page of the hub or an allow-listed origin; both signs missing is 403."""
    async with house(authentication={"cookie": "session"}, cors_origins={"https://app.example"}) as hub:
        cookie = f"Cookie: session={hub.tokens.issue('ann', grants=PUBLISHER)}"
        answer = await hub.ask("POST", "publish?topic=t", cookie, f"Content-Type: {kind}", *headers, body=b'"x"')
        assert answer.status == status
        poll = await hub.poll(None, "", cookie, *headers)
        assert poll.status == (200 if status == 202 else 403)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
async def test_22_forms_with_a_cookie(kind: str | None) -> None:
    """22: what a form of another page can send is refused: the type, the page it comes from, or both."""
    async with house(authentication={"cookie": "session"}) as hub:
        cookie = f"Cookie: session={hub.tokens.issue('ann', grants=PUBLISHER)}"
        of_kind = [] if kind is None else [f"Content-Type: {kind}"]
        for page in ([], ["Origin: https://evil.example"], ["Sec-Fetch-Site: cross-site"]):
            assert (await hub.ask("POST", "publish", cookie, *of_kind, *page, body=b'{"message":1}')).status == 403
        own = await hub.ask("POST", "publish", cookie, *of_kind, "Origin: http://localhost", body=b'{"message":1}')
        assert own.status == 415


async def test_23_a_foreign_page_with_credentials(hub: House) -> None:
    """23: an EventSource of a foreign origin is refused before it subscribes, whatever it shows."""
    token = hub.tokens.issue("ann")
    answer = await hub.ask("GET", "stream", "Origin: https://evil.example", token=token)
    assert (answer.status, answer.kind) == (403, "origin-not-allowed")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert hub.service.streams == hub.tokens.asked == 0


async def test_35_forged_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """35, 11: a refusal is one log line with its cause, and what was shown is not in it."""
    caplog.set_level(logging.INFO)
    async with house(logger=logging.getLogger("tests.security")) as hub:
        await hub.poll("token-secret-canary")
    lines = [record.getMessage() for record in caplog.records if "not authenticated" in record.getMessage()]
    assert len(lines) == 1
    assert "unknown-key" in lines[0]
    assert "canary" not in "".join(str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("path", ["publish", "tickets", "revocations", "drains", "streams/x/renew"])
async def test_an_unauthenticated_body_is_not_asked_for(hub: House, path: str) -> None:
    """Who expects 100-continue is asked for the body, unless nothing is shown: then the answer comes at once."""
    shown = bearing(hub.tokens.issue("root", grants=ADMIN))
    async with connection(hub.url) as (reader, writer):
        head = request("POST", f"/signals/{path}", *shown, "Expect: 100-continue", "Content-Length: 2")
        writer.write(head)
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        writer.write(b"{}")
        assert b"HTTP/1.1 " in await reader.read()
    async with connection(hub.url) as (reader, writer):
        writer.write(request("POST", f"/signals/{path}", "Expect: 100-continue", "Content-Length: 100"))
        answer, _ = parse(await reader.read())
    assert (answer.status, answer.kind) == (401, "no-credentials")


async def test_a_bad_moment_of_the_issuer(hub: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that cannot be checked now is no fault of who shows it: a stream is told to come back, a poll 503."""
    from sse_signals import IssuerUnavailable

    async def out_of_reach(_credentials: object) -> None:
        raise IssuerUnavailable("the issuer does not answer", retry_after=7)

    monkeypatch.setattr(hub.tokens, "authenticate", out_of_reach)
    answer = await hub.ask("GET", "stream", token="token-0")
    assert json.loads(events(answer.body)[0]["data"]) == {"reason": "issuer-unavailable"}
    assert int(events(answer.body)[0]["retry"]) >= 7000
    for poll in (await hub.poll("token-0"), await hub.publish("token-0", signal(1))):
        assert (poll.status, poll.kind, poll.headers["Retry-After"]) == (503, "issuer-unavailable", "7")

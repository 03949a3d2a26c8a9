"""``POST …/streams/{stream}/renew``: an open stream goes on with a fresh token, and with nothing else."""

from __future__ import annotations

import json

import pytest
import structlog
from structlog.testing import capture_logs

from sse_signals.brokers.memory import MemoryBroker
from tests.authenticated import House, Tokens, WallClock, house
from tests.life.cluster import State
from tests.web.doors import own, until
from tests.web.rawhttp import Answer, ask, connection, request

ANN, BOB = "user:default/ann", "user:default/bob"
JSON = "Content-Type: application/json"
UNKNOWN = "0123abcd-0123456789abcdef"


async def renew(hub: House, stream: str, *headers: str, token: str | None, body: bytes = b"") -> Answer:
    """Ask for a renewal."""
    return await hub.ask("POST", f"streams/{stream}/renew", *headers, token=token, body=body)


@pytest.mark.parametrize(("headers", "body"), [((), b""), ((JSON,), b"{}"), ((JSON,), b""), ((JSON,), b" { } ")])
async def test_a_stream_is_renewed(headers: tuple[str, ...], body: bytes) -> None:
    """With a fresh token of its subject and nothing to say; the answer says until when."""
    async with house() as hub, hub.stream(hub.tokens.issue(ANN)) as (_, receipt):
        later = hub.tokens.issue(ANN, seconds=7200)
        answer = await renew(hub, receipt["stream"], *headers, token=later, body=body)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        expires = answer.json["expiresAt"]
        assert answer.json == {"stream": receipt["stream"], "status": "renewed", "expiresAt": expires}
        assert expires.endswith("Z")
        assert "Set-Cookie" not in answer.headers
        endless = hub.tokens.issue(ANN, seconds=None)
        assert (await renew(hub, receipt["stream"], token=endless)).json["expiresAt"] is None


async def test_13_a_renewed_stream_outlives_its_first_token() -> None:
    """13: it goes on past the end of the first token, and ends with the second."""
    async with house() as hub, hub.stream(hub.tokens.issue(ANN, seconds=100)) as (reader, receipt):
        assert (await renew(hub, receipt["stream"], token=hub.tokens.issue(ANN, seconds=200))).status == 200
        hub.clock.advance(150)
        await reader.readuntil(b"signals.expiring")
        hub.clock.advance(51)
        assert b'{"reason":"expired"}' in await reader.read()


@pytest.mark.parametrize("name", [UNKNOWN, "x", "..%2f..", "%00", UNKNOWN.upper(), UNKNOWN + "%0a", "0" * 5000])
async def test_a_stream_that_nobody_has_is_unknown(name: str) -> None:
    """Whatever stands for its name; a name never becomes anything but a look-up."""
    async with house() as hub:
        answer = await renew(hub, name, token=hub.tokens.issue(ANN))
        assert (answer.status, answer.kind) == (404, "unknown-stream")


async def test_13_nobody_else_renews_a_stream() -> None:
    """13: another subject is told that it is not theirs, and neither whose it is nor what it reads."""
    async with house() as hub, hub.stream(hub.tokens.issue(ANN), "?topic=canary") as (_, receipt):
        answer = await renew(hub, receipt["stream"], token=hub.tokens.issue(BOB))
        assert (answer.status, answer.kind) == (403, "not-granted")
        assert b"ann" not in answer.body
        assert b"canary" not in answer.body


async def test_22_only_a_token_in_the_header_renews() -> None:
    """22: a cookie does not, though it holds a good token, since any page could have it sent; it is one log line."""
    async with house(authentication={"cookie": "token"}, logger=structlog.get_logger("sse_signals")) as hub:
        token = hub.tokens.issue(ANN)
        async with hub.stream(token) as (_, receipt):
            asked = hub.tokens.asked
            with capture_logs() as logs:
                cookie = (f"Cookie: token={token}", "Sec-Fetch-Site: same-origin")
                answer = await renew(hub, receipt["stream"], *cookie, token=None)
            assert (answer.status, answer.kind) == (401, "no-credentials")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert [entry["cause"] for entry in logs if entry["event"] == "not authenticated"] == ["no-credentials"]
            assert hub.tokens.asked == asked
            assert (await renew(hub, receipt["stream"], token=None)).status == 401
            answer = await renew(hub, receipt["stream"], "Origin: https://evil.example", token=token)
            assert (answer.status, answer.kind) == (403, "origin-not-allowed")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ((JSON,), b"[]", 400),
        ((JSON,), b"null", 400),
        ((JSON,), b"{", 400),
        ((JSON,), b'{"token":"x"}', 400),
        ((), b"{}", 415),
        (("Content-Type: text/plain",), b"{}", 415),
        ((JSON,), b" " * 9000, 413),
        ((JSON, "Content-Encoding: gzip"), b"{}", 415),
    ],
)
async def test_a_body_that_says_something_is_refused(headers: tuple[str, ...], body: bytes, status: int) -> None:
    """There is nothing that it could say."""
    async with house() as hub, hub.stream(hub.tokens.issue(ANN)) as (_, receipt):
        answer = await renew(hub, receipt["stream"], *headers, token=hub.tokens.issue(ANN), body=body)
        assert answer.status == status
        assert answer.problem["hint"]


async def test_a_parameter_is_refused() -> None:
    """There is none."""
    async with house() as hub:
        answer = await hub.ask("POST", f"streams/{UNKNOWN}/renew?force=1", token=hub.tokens.issue(ANN))
        assert (answer.status, answer.kind) == (400, "bad-parameter")


async def test_13_an_expired_token_renews_nothing() -> None:
    """13: it is refused as everywhere."""
    async with house() as hub, hub.stream(hub.tokens.issue(ANN)) as (_, receipt):
        answer = await renew(hub, receipt["stream"], token=hub.tokens.issue(ANN, seconds=-1))
        assert (answer.status, answer.kind) == (401, "expired")


async def test_a_stream_on_another_node_is_renewed_there() -> None:
    """The answer says that it was passed on; soon after the stream has its new end."""
    clock = WallClock()
    log, state, tokens = MemoryBroker(clock=clock), State(clock=clock), Tokens(clock)
    async with (
        house(log=log, state=state, clock=clock, tokens=tokens) as here,
        house(log=log, state=state, clock=clock, tokens=tokens) as there,
        here.stream(tokens.issue(ANN)) as (_, receipt),
    ):
        answer = await renew(there, receipt["stream"], token=tokens.issue(ANN, token_id="fresh"))
        assert (answer.status, answer.json) == (202, {"stream": receipt["stream"], "status": "forwarded"})
        assert here.service.site.security is not None
        stream = here.service.site.security.lives.find(receipt["stream"])
        assert stream is not None
        await until(lambda: stream.identity.token_id == "fresh")


async def test_without_authentication_there_is_nothing_to_renew() -> None:
    """It says so, and what to do."""
    async with own() as door:
        answer = await ask(door.url, request("POST", f"/signals/streams/{UNKNOWN}/renew"))
        assert (answer.status, answer.kind) == (404, "authentication-off")
        assert "SIGNALS_AUTH" in answer.problem["hint"]


async def test_11_the_session_of_a_ticket_goes_on_with_its_stream() -> None:
    """11: a renewal brings a new cookie, as guarded as the first, for the stream's client to come back with."""
    async with house() as hub:
        url = (await hub.ask("POST", "tickets", token=hub.tokens.issue(ANN))).json["url"]
        async with connection(hub.url) as (reader, writer):
            writer.write(request("GET", url, "Sec-Fetch-Site: same-origin", version="1.0"))
            head = await reader.readuntil(b"\r\n\r\n")
            first = next(line for line in head.decode().splitlines() if line.startswith("Set-Cookie: "))
            await reader.readuntil(b"event: signals.open\n")
            receipt = json.loads((await reader.readuntil(b"\n\n")).partition(b"data: ")[2])
            answer = await renew(hub, receipt["stream"], token=hub.tokens.issue(ANN, seconds=7200))
            assert answer.status == 200
            cookie = answer.headers["Set-Cookie"]
            assert all(part in cookie for part in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/signals/stream"))
            assert cookie.partition("=")[0] == first.removeprefix("Set-Cookie: ").partition("=")[0]
            assert cookie not in first

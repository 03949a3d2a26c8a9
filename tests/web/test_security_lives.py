"""The lives of open streams over HTTP; numbers are lines of the security checklist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sse_signals import BrokerUnavailable
from tests.authenticated import ADMIN, PUBLISHER, SEEN, A, B, House, bearing, house, signal
from tests.web.doors import until
from tests.web.rawhttp import connection, events, messages, parse, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals import Credentials, Identity

JSON = "Content-Type: application/json"


@pytest.fixture
async def hub() -> AsyncIterator[House]:
    """A hub on which everybody has to authenticate."""
    async with house() as opened:
        yield opened


async def test_13_expiry_of_an_open_stream(hub: House) -> None:
    """13: a stream is told 60 s before its token expires, and ends when it does, with a reason and nothing after it."""
    token = hub.tokens.issue("ann", seconds=100)
    async with hub.stream(token, "?topic=t") as (reader, receipt):
        assert receipt["expiresAt"].endswith("Z")
        hub.clock.advance(50)
        (notice,) = events(await reader.readuntil(b"\n\n"))
        assert notice["event"] == "signals.expiring"
        assert json.loads(notice["data"]) == {"expiresAt": receipt["expiresAt"]}
        hub.clock.advance(50)
        (goodbye,) = events(await reader.read())
        assert json.loads(goodbye["data"]) == {"reason": "expired"}
    assert (await hub.poll(token)).kind == "expired"


async def test_13_renewal_of_an_open_stream(hub: House) -> None:
    """13: a fresh token of the same subject prolongs a stream, with what is owned by then; no other does."""
    backend, token = hub.tokens.issue("backend", grants=PUBLISHER), hub.tokens.issue("ann", A, seconds=100)
    async with hub.stream(token, "?topic=t") as (reader, receipt):
        path = f"streams/{receipt['stream']}/renew"
        assert (await hub.ask("POST", path, token=hub.tokens.issue("bob"))).status == 403
        fresh = hub.tokens.issue("ann", B, seconds=1000)
        assert (await hub.ask("POST", path, token=fresh)).status == 200
        await hub.publish(backend, signal(1, targets=[A]), signal(2, targets=[B]), signal("end"))
        assert messages(await reader.readuntil(SEEN + b"}\n\n")) == [2, "end"]
        hub.clock.advance(150)
        await hub.publish(backend, signal("end"))
        assert messages(await reader.readuntil(SEEN + b"}\n\n")) == ["end"]


@pytest.mark.parametrize("what", ["subject", "token", "stream"])
async def test_13_revocation_of_an_open_stream(hub: House, what: str) -> None:
    """13: who is revoked is sent away and refused afterwards, remembered verifications included; others are not."""
    admin = hub.tokens.issue("root", grants=ADMIN)
    token, other = hub.tokens.issue("ann", token_id="t1"), hub.tokens.issue("bob")
    async with hub.stream(token) as (reader, receipt), hub.stream(other):
        named = {"subject": "ann", "token": "t1", "stream": receipt["stream"]}
        body = json.dumps({what: named[what]}).encode()
        for who, status in ((token, 403), (admin, 202)):
            answer = await hub.ask("POST", "revocations", "Content-Type: application/json", token=who, body=body)
            assert answer.status == status
        (goodbye,) = events(await reader.read())
        assert json.loads(goodbye["data"]) == {"reason": "revoked"}
        refused = await hub.poll(token)
        assert (refused.status, refused.kind) == (401, "revoked")
        assert (await hub.poll(other)).status == 200
        assert hub.service.streams == 1


async def test_15_ownership_of_today(hub: House) -> None:
    """15: what somebody owns is looked up again while a stream is open, and holds from then on; so does its loss."""
    backend, token = hub.tokens.issue("backend", grants=PUBLISHER), hub.tokens.issue("ann", A)
    async with hub.stream(token) as (reader, _):
        hub.tokens.owned["ann"] = frozenset({B})
        security = hub.service.site.security
        assert security is not None
        await security.refresh()
        await hub.publish(backend, signal(1, targets=[A]), signal(2, targets=[B]), signal("end"))
        assert messages(await reader.readuntil(SEEN + b"}\n\n")) == [2, "end"]
        hub.tokens.withdrawn.add("ann")
        await security.refresh()
        (goodbye,) = events(await reader.read())
        assert json.loads(goodbye["data"]) == {"reason": "revoked"}


async def test_nothing_is_left_of_streams_that_are_gone(hub: House) -> None:
    """However a stream ends, no place, life or session of it stays."""
    token = hub.tokens.issue("ann")
    for _ in range(3):
        async with hub.stream(token):
            pass
    site = hub.service.site
    await until(lambda: not hub.service.streams)
    assert site.security is not None
    assert len(site.security.lives) == 0
    assert site.places.identities.of("ann") == 0


async def test_13_revocation_while_a_body_arrives(hub: House) -> None:
    """13: who is revoked between the head of a publish request and the end of its body publishes nothing."""
    admin, token = hub.tokens.issue("root", grants=ADMIN), hub.tokens.issue("ann", grants=PUBLISHER)
    body = json.dumps(signal(1)).encode()
    async with connection(hub.url) as (reader, writer):
        head = request("POST", "/signals/publish", *bearing(token), "Expect: 100-continue", JSON, body=body)
        writer.write(head.removesuffix(body))
        await reader.readuntil(b"100 Continue")
        await hub.ask("POST", "revocations", JSON, token=admin, body=b'{"subject":"ann"}')
        writer.write(body)
        answer, _ = parse((await reader.read()).lstrip())
    assert (answer.status, answer.kind) == (401, "revoked")
    assert messages((await hub.poll(admin)).body) == []


async def test_13_nobody_is_let_in_before_it_is_known_who_is_revoked(hub: House) -> None:
    """13: a node that could not learn it yet answers that it is starting, and is not ready."""
    token = hub.tokens.issue("ann", grants=PUBLISHER)
    security = hub.service.site.security
    assert security is not None
    security.in_step = False
    assert (await hub.publish(token, signal(1))).status == 503
    assert (await hub.poll(token)).status == 503
    assert (await hub.ask("GET", "health/ready")).status == 503
    security.in_step = True
    assert (await hub.publish(token, signal(1))).status == 202


async def test_the_session_of_a_stream_is_forgotten_with_it(hub: House) -> None:
    """An EventSource that comes back again and again leaves nothing in what all nodes share but its one session."""
    made = await hub.ask("POST", "tickets", token=hub.tokens.issue("ann"))
    url, own = made.json["url"].removeprefix("/signals/stream"), "Sec-Fetch-Site: same-origin"
    first = await hub.ask("GET", f"stream{url}&poll=1", own)
    cookie = f"Cookie: {first.headers['Set-Cookie'].partition(';')[0]}"
    for _ in range(5):
        assert (await hub.ask("GET", f"stream{url}&poll=1", own, cookie)).status == 200
    await until(lambda: not hub.service.streams)
    assert await hub.service._event_broker.state.items("session-of/") == []


async def test_13_a_stream_needs_a_token_that_is_still_good() -> None:
    """13: a single request may come a little late, since clocks differ; a stream is 401 at once."""
    async with house(authentication={"leeway": 30}) as hub:
        token = hub.tokens.issue("ann", grants=PUBLISHER, seconds=60)
        hub.clock.advance(70)
        assert (await hub.publish(token, signal(1))).status == 202
        late = await hub.ask("GET", "stream", token=token)
        assert (late.status, late.kind) == (401, "expired")
        hub.clock.advance(20)
        assert (await hub.publish(token, signal(1))).kind == "expired"


async def test_a_renewal_without_its_session(hub: House) -> None:
    """Where the session of a ticket is gone the stream is renewed all the same, and no cookie is set."""
    made = await hub.ask("POST", "tickets", token=hub.tokens.issue("ann"))
    async with hub.stream(None, made.json["url"].removeprefix("/signals/stream")) as (_, receipt):
        path, state = f"streams/{receipt['stream']}/renew", hub.service._event_broker.state
        renewed = await hub.ask("POST", path, token=hub.tokens.issue("ann"))
        assert "Set-Cookie" in renewed.headers
        for key, _ in await state.items("ticket"):
            await state.put(key, b"", 0)
        renewed = await hub.ask("POST", path, token=hub.tokens.issue("ann"))
        assert renewed.status == 200
        assert "Set-Cookie" not in renewed.headers


async def test_the_shared_state_is_out_of_reach(hub: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket that cannot be looked up is a bad moment: the EventSource is told to come back."""
    made = await hub.ask("POST", "tickets", token=hub.tokens.issue("ann"))

    async def cut(_prefix: str) -> None:
        raise BrokerUnavailable("it is cut off")

    monkeypatch.setattr(hub.service._event_broker.state, "items", cut)
    answer = await hub.ask("GET", made.json["url"].removeprefix("/signals/"))
    assert json.loads(events(answer.body)[0]["data"]) == {"reason": "broker-unavailable"}


async def test_a_drain_begins_while_somebody_is_let_in(hub: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll then gets a 503, and its place is given back; a second drain changes nothing."""
    token, known = hub.tokens.issue("ann"), hub.tokens.authenticate

    async def slow(credentials: Credentials) -> Identity:
        departure = hub.service.site.departure
        ending = departure.begin(hub.service.site, "asked for")
        assert departure.begin(hub.service.site, "asked for again") is ending
        await ending
        return await known(credentials)

    monkeypatch.setattr(hub.tokens, "authenticate", slow)
    assert (await hub.poll(token)).status == 503
    assert hub.service.site.places.identities.of("ann") == 0

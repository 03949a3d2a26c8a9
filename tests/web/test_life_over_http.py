"""Expiry, renewal and revocation of streams on a real server, with a clock that the tests move."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import Grants
from sse_signals.topics import Filters
from tests.authenticated import ADMIN, House, bearing, house, signal
from tests.web.doors import until
from tests.web.faulty import FaultyBroker
from tests.web.listening import LINES, below, cookie_of, listening, publish, revoke, streams_of, ticket, told
from tests.web.rawhttp import connection, parse, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

A, B = "group:default/a", "group:default/b"
FORMATS = pytest.mark.parametrize("version", ["1.0", "1.1"])
FORMS = pytest.mark.parametrize("lines", [False, True])


@pytest.fixture
async def hub() -> AsyncIterator[House]:
    """A hub on which everybody has to authenticate."""
    async with house() as opened:
        yield opened


# Expiry.


@FORMS
@FORMATS
async def test_13_a_stream_ends_with_its_token_in_good_order(hub: House, version: str, *, lines: bool) -> None:
    """13: in every form it is told, ends with a reason and a whole body, and gets nothing that is published after."""
    token = hub.tokens.issue("ann", seconds=100)
    async with listening(hub, token, "?topic=t", lines=lines, version=version) as (_, reading):
        await publish(hub, signal("before"))
        hub.clock.advance(45)
        await reading.until(b"signals.expiring")
        hub.clock.advance(60)
        await until(lambda: not hub.service.streams)
        await publish(hub, signal("after"))
        answer = await reading.rest()
    assert answer.messages == ["before"]
    assert answer.names == ["signals.open", "signals.expiring", "signals.goodbye"]
    assert answer.reason == "expired"
    assert ("Transfer-Encoding: chunked" in answer.head) == (version == "1.1")


@FORMS
@pytest.mark.parametrize("what", ["expiry", "revocation"])
async def test_13_a_reader_that_takes_nothing(hub: House, what: str, *, lines: bool) -> None:
    """13: one that is behind when its token ends is cut off in the middle, and nothing that comes later reaches it."""
    token = hub.tokens.issue("ann", seconds=3600)
    async with connection(hub.url, limit=1024) as (reader, writer):
        writer.write(request("GET", "/signals/stream?topic=t", *bearing(token), *([LINES] if lines else [])))
        await reader.readuntil(b'"heartbeat"')
        (stream,) = streams_of(hub)
        while not stream.times_behind:
            await publish(hub, signal("x" * 60_000))
        assert not stream.live
        if what == "expiry":
            hub.clock.advance(3600)
        else:
            await revoke(hub, subject="ann")
        await until(lambda: not hub.service.streams)
        await publish(hub, signal("after"))
        seen = await what_is_left(reader)
        assert b"after" not in seen
        assert not seen.endswith(b"\r\n0\r\n\r\n")
        assert stream.ended == ("expired" if what == "expiry" else "revoked")
    await until(lambda: not hub.service.site.service.node.hub.streams)


async def what_is_left(reader: asyncio.StreamReader) -> bytes:
    """Return what still comes of a connection that is cut off."""
    seen = b""
    with suppress(ConnectionResetError):
        while data := await reader.read(2**16):
            seen += data
    return seen


async def test_13_a_poll_that_is_slow_to_read(hub: House) -> None:
    """13: a poll whose token expires in its middle is not completed: its client cannot take it for all there is."""
    token = hub.tokens.issue("ann", seconds=3600)
    for _ in range(60):
        await publish(hub, signal("x" * 60_000))
    async with connection(hub.url, limit=1024) as (reader, writer):
        writer.write(request("GET", "/signals/stream?poll=1", *bearing(token), LINES))
        await reader.readuntil(b'"heartbeat"')
        hub.clock.advance(3600)
        await until(lambda: not hub.service.streams)
        seen = await what_is_left(reader)
    assert b"signals.heartbeat" not in seen
    assert seen.count(b'"id":') < 60


@pytest.mark.parametrize("what", ["expiry", "revocation"])
async def test_13_at_the_gate(hub: House, what: str) -> None:
    """13: whose token ends while the stream waits for its turn is not let in at all."""
    token = hub.tokens.issue("ann", seconds=100)
    gate = _Closed()
    hub.service.site.gate = gate  # type: ignore[assignment]
    async with connection(hub.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream?since=all", *bearing(token)))
        await until(lambda: gate.waiting)
        if what == "expiry":
            hub.clock.advance(100)
        else:
            await revoke(hub, subject="ann")
        gate.opened.set()
        answer, _ = parse(await reader.read())
    assert (answer.status, answer.kind) == (401, {"expiry": "expired", "revocation": "revoked"}[what])
    assert hub.service.streams == 0


class _Closed:
    """A gate that a test opens."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.waiting = 0

    async def enter(self) -> None:
        self.waiting += 1
        await self.opened.wait()

    def __len__(self) -> int:
        return 0 if self.opened.is_set() else self.waiting


@FORMS
@pytest.mark.parametrize("poll", ["", "&poll=1"])
@pytest.mark.parametrize("what", ["expiry", "subject", "token"])
async def test_13_between_authentication_and_joining(what: str, poll: str, *, lines: bool) -> None:
    """13: whose token ends while the log is asked for its place is told so as it would join, and gets no event."""
    log = FaultyBroker()
    async with house(log=log) as hub:
        await publish(hub, signal("held"))
        ahead = f"{(await log.head()).epoch}-9"
        token = hub.tokens.issue("ann", A, seconds=100, token_id="t1")
        log.answering.clear()
        asked = log.asked
        async with connection(hub.url) as (reader, writer):
            accept = [LINES] if lines else []
            target = f"/signals/stream?topic=t&lastEventId={ahead}{poll}"
            writer.write(request("GET", target, *bearing(token), *accept))
            await until(lambda: log.asked > asked)
            if what == "expiry":
                hub.clock.advance(100)
            else:
                await revoke(hub, **{what: {"subject": "ann", "token": "t1"}[what]})
            log.answering.set()
            said = told(await reader.read())
        assert said.names == ["signals.goodbye"]
        assert said.messages == []
        assert said.reason == ("expired" if what == "expiry" else "revoked")
        assert hub.service.streams == 0
        assert hub.service.site.places.identities.of("ann") == 0


async def test_13_while_a_token_is_looked_at(hub: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """13: who is revoked while an authenticator still thinks is not let in."""
    token = hub.tokens.issue("ann")
    identity, asked, answering = hub.tokens.known[token], asyncio.Event(), asyncio.Event()
    authenticate = hub.tokens.authenticate

    async def think(credentials: Any) -> Any:
        if credentials.token == token:
            asked.set()
            await answering.wait()
            return identity
        return await authenticate(credentials)

    monkeypatch.setattr(hub.tokens, "authenticate", think)
    async with connection(hub.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream", *bearing(token)))
        await asked.wait()
        await revoke(hub, subject="ann")
        answering.set()
        answer, _ = parse(await reader.read())
    assert (answer.status, answer.kind) == (401, "revoked")


# Renewal.


@FORMS
async def test_13_a_renewal_counts_as_of_now(hub: House, *, lines: bool) -> None:
    """13: a renewed stream is told of its new end, not of the old one, and ends then."""
    token = hub.tokens.issue("ann", seconds=100)
    async with listening(hub, token, lines=lines) as (name, reading), listening(hub, token) as (_, other):
        fresh = hub.tokens.issue("ann", seconds=1000)
        answer = await hub.ask("POST", f"streams/{name}/renew", token=fresh)
        assert (answer.status, answer.json["status"]) == (200, "renewed")
        hub.clock.advance(500)
        assert (await other.rest()).reason == "expired"
        await publish(hub, signal("still there"))
        hub.clock.advance(500)
        said = await reading.rest()
    assert said.messages == ["still there"]
    assert said.reason == "expired"


async def test_13_a_renewal_of_what_is_not_ones_own(hub: House) -> None:
    """13: another subject's token, none, a cookie, a revoked or an expired one prolong nothing: it ends when it did."""
    ann, bob = hub.tokens.issue("ann", seconds=100), hub.tokens.issue("bob", B)
    admin = hub.tokens.issue("root", B, grants=ADMIN)
    async with listening(hub, ann, "?topic=t") as (name, reading):
        path = f"streams/{name}/renew"
        hub.clock.advance(1)
        expired = hub.tokens.issue("ann", seconds=-1)
        revoked = hub.tokens.issue("ann", token_id="revoked", seconds=1000)
        await revoke(hub, token="revoked")
        for token, status in ((bob, 403), (admin, 403), (None, 401), (expired, 401), (revoked, 401), ("token-x", 401)):
            assert (await hub.ask("POST", path, token=token)).status == status
        assert (await hub.ask("POST", path, f"Cookie: session={ann}", "Sec-Fetch-Site: same-origin")).status == 401
        await publish(hub, signal("secret", targets=[B]), signal("open"))
        hub.clock.advance(100)
        answer = await reading.rest()
    assert (answer.messages, answer.reason) == (["open"], "expired")


async def test_13_a_renewal_with_other_rights(hub: House) -> None:
    """13: a renewal that may not read what was asked for is 403 and changes nothing; another changes what is got."""
    ann = hub.tokens.issue("ann", A, seconds=100)
    async with listening(hub, ann, "?topic=a*&topic=t") as (name, reading):
        path = f"streams/{name}/renew"
        grants = [Grants(subscribe=Filters.parse(texts)) for texts in (["a*"], ["a/1", "t"])]
        narrow, other = (hub.tokens.issue("ann", seconds=1000, grants=each) for each in grants)
        assert (await hub.ask("POST", path, token=narrow)).kind == "not-granted"
        await publish(hub, signal(1, "a/1"), signal(2, "a/2"), signal(3, targets=[A]))
        assert (await hub.ask("POST", path, token=other)).status == 200
        await publish(hub, signal(4, "a/1"), signal(5, "a/2"), signal(6, targets=[A]), signal(7))
        hub.clock.advance(1000)
        answer = await reading.rest()
    assert answer.messages == [1, 2, 3, 4, 7]


@pytest.mark.parametrize("name", ["0" * 8 + "-" + "0" * 16, "x", "%2e%2e", "0" * 25])
async def test_13_a_renewal_of_no_stream(hub: House, name: str) -> None:
    """13: a stream that never was is 404, whatever its name looks like."""
    answer = await hub.ask("POST", f"streams/{name}/renew", token=hub.tokens.issue("ann"))
    assert (answer.status, answer.kind) in {(404, "unknown-stream"), (404, "not-found")}


@pytest.mark.parametrize("how", ["expired", "revoked", "gone"])
async def test_13_a_renewal_of_an_ended_stream(hub: House, how: str) -> None:
    """13: a stream that has ended, for whatever reason, is 404 and stays ended."""
    ann = hub.tokens.issue("ann", seconds=100)
    async with listening(hub, ann) as (name, reading):
        if how == "expired":
            hub.clock.advance(100)
        elif how == "revoked":
            await revoke(hub, stream=name)
        if how != "gone":
            assert (await reading.rest()).reason == how
    await until(lambda: not hub.service.streams)
    hub.clock.advance(1)
    answer = await hub.ask("POST", f"streams/{name}/renew", token=hub.tokens.issue("ann"))
    assert (answer.status, answer.kind) == (404, "unknown-stream")


# Revocation.


async def test_13_a_revoked_subject_comes_back_with_nothing_it_had(hub: House) -> None:
    """13: tokens, tickets, cookies and sessions of until now are refused; a token of later is not."""
    ann = hub.tokens.issue("ann")
    tickets = [await ticket(hub, ann) for _ in range(2)]
    async with listening(hub, None, tickets[0]) as (_, reading):
        await revoke(hub, subject="ann")
        answer = await reading.rest()
    assert answer.reason == "revoked"
    back = await hub.ask("GET", below(tickets[0]), f"Cookie: {cookie_of(answer)}", "Sec-Fetch-Site: same-origin")
    unused = await hub.ask("GET", below(tickets[1]))
    for refused in (back, unused, await hub.poll(ann), await hub.ask("POST", "tickets", token=ann)):
        assert (refused.status, refused.kind) == (401, "revoked")
    hub.clock.advance(1)
    assert (await hub.poll(hub.tokens.issue("ann"))).status == 200

"""Tickets, renewals and drains where two nodes share a real Redis or NATS, and what is true while it is away."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.authenticated import ADMIN, signal
from tests.web.cluster import security_of
from tests.web.doors import DEADLINE, until
from tests.web.listening import JSON, below, cookie_of, listening, publish, revoke, streams_of, ticket
from tests.web.rawhttp import messages

if TYPE_CHECKING:
    from tests.authenticated import House
    from tests.web.cluster import Two
    from tests.web.rawhttp import Answer

A, B = "group:default/a", "group:default/b"
SAME_SITE = "Sec-Fetch-Site: same-origin"
TRIES = 20


async def test_11_a_ticket_opens_one_stream_on_all_nodes(two: Two) -> None:
    """11: of twenty who show one ticket at once, half of them on each node, one is let in."""
    for number in range(2):
        path = below(await ticket(two.nodes[number % 2], two.here.tokens.issue("ann")))
        answers = await asyncio.gather(*(two.nodes[n % 2].ask("GET", f"{path}&poll=1") for n in range(TRIES)))
        assert sorted(answer.status for answer in answers) == [200] + [401] * (TRIES - 1)
        assert {answer.kind for answer in answers if answer.status == 401} == {"used-ticket"}


async def test_11_the_cookie_of_one_node_on_the_other(two: Two) -> None:
    """11: its client comes back on the other node, as who it was, without a gap; nobody does without the cookie."""
    path = await ticket(two.here, two.here.tokens.issue("ann", A))
    async with listening(two.here, None, path, SAME_SITE) as (_, reading):
        await publish(two.there, signal(1, targets=[A]), signal(2, targets=[B]))
        await reading.until(b'"message":1')
        await two.here.service.drain()
        said = await reading.rest()
    assert said.messages == [1]
    await publish(two.there, signal(3, targets=[A]), signal(4, targets=[B]))
    back = f"{below(path)}&poll=1"
    answer = await two.there.ask("GET", back, f"Cookie: {cookie_of(said)}", SAME_SITE)
    assert messages(answer.body) == [1, 3]
    assert (await two.there.ask("GET", back, SAME_SITE)).kind == "used-ticket"
    await revoke(two.there, subject="ann")
    assert (await two.there.ask("GET", back, f"Cookie: {cookie_of(said)}", SAME_SITE)).kind == "revoked"


async def test_13_a_renewal_at_the_other_node(two: Two) -> None:
    """13: it prolongs the stream where it is, and the session of its ticket; somebody else's changes nothing."""
    tokens = two.here.tokens
    path = await ticket(two.here, tokens.issue("ann", A, seconds=100))
    async with listening(two.there, None, path, SAME_SITE) as (name, reading):
        renewal = f"streams/{name}/renew"
        foreign = await two.here.ask("POST", renewal, token=tokens.issue("bob", B, seconds=1000))
        assert (foreign.status, foreign.json["status"], "Set-Cookie" in foreign.headers) == (202, "forwarded", False)
        answer = await two.here.ask("POST", renewal, token=tokens.issue("ann", B, seconds=1000))
        assert (answer.status, answer.json["status"]) == (202, "forwarded")
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        (stream,) = streams_of(two.there)
        await until(lambda: stream.identity.owns == {B})
        assert stream.identity.subject == "ann"
        two.here.clock.advance(500)
        await publish(two.here, signal(1, targets=[A]), signal(2, targets=[B]))
        await reading.until(b'"message":2')
        back = await two.here.ask("GET", f"{below(path)}&poll=1", f"Cookie: {cookie}", SAME_SITE)
        assert messages(back.body) == [2]
        two.here.clock.advance(500)
        said = await reading.rest()
    assert (said.messages, said.reason) == ([2], "expired")


async def test_the_drain_of_the_other_node(two: Two) -> None:
    """Its streams end in good order and it takes no more; this node goes on."""
    token, admin = two.here.tokens.issue("ann"), two.here.tokens.issue("root", grants=ADMIN)
    async with listening(two.there, token) as (name, leaving), listening(two.here, token) as (_, staying):
        answer = await post(two.here, "drains", admin, node=name.partition("-")[0])
        assert answer.status == 202
        assert (await leaving.rest()).reason == "shutdown"
        assert (await two.there.poll(token)).status == 503
        await publish(two.here, signal(1))
        await staying.until(b'"message":1}')


async def post(at: House, path: str, token: str, **body: Any) -> Answer:
    """Post something as JSON."""
    return await at.ask("POST", path, JSON, token=token, body=json.dumps(body).encode())


def come_back(answer: Answer) -> str:
    """Return the kind of an answer that has to be a 503 with a time to come back."""
    assert answer.status == 503
    assert 1 <= int(answer.headers["Retry-After"]) <= 2
    return answer.kind


async def test_13_revocations_while_the_broker_is_away(two: Two) -> None:
    """13: a 503 that says the truth: here it is in force, there it is not; once repeated with a 202, it is."""
    token, admin = two.here.tokens.issue("ann"), two.here.tokens.issue("root", grants=ADMIN)
    async with listening(two.here, token) as (_, one), listening(two.there, token) as (_, other):
        two.cut()
        assert come_back(await post(two.here, "revocations", admin, subject="ann")) == "not-everywhere"
        assert (await one.rest()).reason == "revoked"
        assert (await two.here.ask("GET", "stream", token=token)).kind == "revoked"
        assert two.there.service.streams == 1
        await two.restore()
        async with asyncio.timeout(DEADLINE):
            while (answer := await post(two.here, "revocations", admin, subject="ann")).status == 503:
                pass
            assert answer.status == 202
            assert (await other.rest()).reason == "revoked"
        assert (await two.there.poll(token)).kind == "revoked"


async def test_what_needs_the_other_node_while_the_broker_is_away(two: Two) -> None:
    """A 503, and nothing has happened: no ticket, no renewal, no drain; a ticket from before is as good as it was."""
    tokens = two.here.tokens
    token, admin = tokens.issue("ann", seconds=100), tokens.issue("root", grants=ADMIN)
    path = below(await ticket(two.here, token))
    async with listening(two.there, token) as (name, reading):
        two.cut()
        fresh = tokens.issue("ann", seconds=1000)
        assert come_back(await two.here.ask("POST", "tickets", token=token)) == "broker-unavailable"
        assert come_back(await two.here.ask("POST", f"streams/{name}/renew", token=fresh)) == "broker-unavailable"
        assert come_back(await post(two.here, "drains", admin, node=name[:8])) == "broker-unavailable"
        assert come_back(await two.here.ask("GET", f"{path}&poll=1")) == "broker-unavailable"
        sent_away = await two.here.ask("GET", path)
        assert (sent_away.status, b'{"reason":"broker-unavailable"}' in sent_away.body) == (200, True)
        assert "Set-Cookie" not in sent_away.headers
        await two.restore()
        await until(lambda: all(node.service.site.service.ready for node in two.nodes))
        assert (await two.here.ask("GET", f"{path}&poll=1")).status == 200
        (stream,) = streams_of(two.there)
        assert stream.identity.token_id == tokens.known[token].token_id
        two.here.clock.advance(100)
        assert (await reading.rest()).reason == "expired"


async def test_13_a_renewal_here_while_the_broker_is_away(two: Two) -> None:
    """13: the stream lives on by the fresh token, so that no outage ends it; its session waits for a repetition."""
    tokens = two.here.tokens
    path = await ticket(two.here, tokens.issue("ann", seconds=100))
    async with listening(two.here, None, path, SAME_SITE) as (name, reading):
        two.cut()
        fresh = tokens.issue("ann", B, seconds=1000)
        assert come_back(await two.here.ask("POST", f"streams/{name}/renew", token=fresh)) == "broker-unavailable"
        two.here.clock.advance(90)
        await two.restore()
        async with asyncio.timeout(DEADLINE):
            while (answer := await two.here.ask("POST", f"streams/{name}/renew", token=fresh)).status == 503:
                pass
        assert answer.status == 200
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        two.here.clock.advance(100)
        await publish(two.there, signal(1, targets=[B]))
        await reading.until(b'"message":1')
        back = await two.there.ask("GET", f"{below(path)}&poll=1", f"Cookie: {cookie}", SAME_SITE)
        assert messages(back.body) == [1]
        await revoke(two.there, stream=name)
        assert (await reading.rest()).reason == "revoked"


@pytest.mark.parametrize("kind", ["subject", "token"])
async def test_13_a_node_that_starts_later_knows(two: Two, kind: str) -> None:
    """13: what was revoked before it was there is refused on it from the first request on."""
    token = two.here.tokens.issue("ann", token_id="t1")
    await revoke(two.here, **{kind: {"subject": "ann", "token": "t1"}[kind]})
    await security_of(two.there).stop()
    again = security_of(two.there)
    again._revocations._held.clear()
    await again.start()
    assert (await two.there.poll(token)).kind == "revoked"

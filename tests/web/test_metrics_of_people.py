"""``GET …/metrics``: publishes and credentials against what has happened to a real hub."""

from __future__ import annotations

import json
from unittest import mock

import pytest

from sse_signals import Credentials, Identity, IssuerUnavailable, Limits, NotAuthenticated
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.errors import BrokerUnavailable, IdempotencyTableFull
from sse_signals.metrics.labels import OTHER
from sse_signals.web import counting
from sse_signals.web.problems import Problem
from tests.authenticated import ADMIN, PUBLISHER, Tokens, house, signal
from tests.web.doors import foreign, until
from tests.web.faulty import FaultyBroker
from tests.web.rawhttp import ask, exchange, request
from tests.web.scraping import HOSTILE, listening, node_of, publish, scrape

JSON = "Content-Type: application/json"


async def test_publishes_by_outcome() -> None:
    """What the log took, had already, refused, could not take, or may have; and what never came to it."""
    broker = FaultyBroker()
    async with foreign(broker=broker) as door:
        before = await scrape(door)
        assert (await publish(door, "Idempotency-Key: k")).status == 202
        assert (await publish(door, "Idempotency-Key: k")).status == 202
        assert (await publish(door, "Idempotency-Key: k", body=b"other")).status == 409  # refused by the log
        assert (await publish(door, topic="a*")).status == 400
        rebound = request("POST", "/signals/publish?topic=a", body=b"x", host="evil.example.com")
        assert (await ask(door.url, rebound)).status == 403
        batch = json.dumps([signal("x"), signal("y")]).encode()
        assert (await ask(door.url, request("POST", "/signals/publish", JSON, body=batch))).status == 202
        broker.lose_answers = True
        assert (await publish(door)).json["outcome"] == "unknown"
        broker.lose_answers = False
        with mock.patch.object(broker, "publish", side_effect=BrokerUnavailable("it is away")):
            assert (await publish(door)).status == 503
        with mock.patch.object(broker, "publish", side_effect=RuntimeError("a fault")):
            assert (await publish(door)).status == 500
        assert (await ask(door.url, request("GET", "/signals/publish"))).status == 405  # that is no publish
        await until(lambda: node_of(door).history.end == 4)
        changed = (await scrape(door)).less(before)
        counted = {name: value for name, value in changed.items() if name.startswith("publish")}
        assert {name: value for name, value in counted.items() if "seconds_" not in name} == {
            "publishes_total accepted": 2,
            "publishes_total repeated": 1,
            "publishes_total refused": 3,
            "publishes_total unknown": 2,
            "publishes_total unavailable": 1,
            "published_signals_total": 3,
        }
        assert counted["publish_seconds_count"] == 3
        assert changed["signals_total"] == 4


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Problem(503, "shutdown", "It ends.", hint="Later."), "unavailable"),
        (IssuerUnavailable("it is away"), "unavailable"),
        (Problem(413, "too-large", "It is too large.", hint="Smaller."), "refused"),
        (NotAuthenticated("expired", "It is over.", hint="Again."), "refused"),
    ],
)
async def test_a_publish_that_never_came_to_the_log_has_an_outcome(error: Exception, outcome: str) -> None:
    """It is unavailable if the same request may be good at another time, and refused otherwise."""
    async with foreign() as door:
        site, asked = door.service.site, mock.Mock(method="POST", path="/signals/publish")
        counting.count_refusal(site, asked, error)
        assert site.service.publishes.outcomes == {outcome: 1}
        counting.count_refusal(site, mock.Mock(method="POST", path="/signals/tickets"), error)
        assert site.service.publishes.outcomes == {outcome: 1}


class Wary(Tokens):
    """An authenticator that cannot reach the issuer of some tokens, and knows causes that are on no list."""

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Say who shows a token."""
        if credentials.token == "token-away":
            raise IssuerUnavailable("the issuer is away")
        if credentials.token == "token-strange":
            raise NotAuthenticated(HOSTILE, "It is strange.", hint="None.")
        return await super().authenticate(credentials)

    async def refresh(self, identity: Identity) -> Identity:
        """Say what somebody owns today."""
        if identity.subject == "user:default/away":
            raise IssuerUnavailable("the issuer is away")
        return await super().refresh(identity)


async def test_credentials_by_what_came_of_them() -> None:
    """Tokens, tickets and cookies, good ones and each kind of bad one; a scrape with a token counts as well."""
    limits = Limits(publish_rate=0.001, publish_burst=1, streams_per_identity=2)
    async with house(limits=limits, authentication={"secret": b"x" * 32}) as made:
        wary = Wary(made.clock)
        made.service.site.security.access._authenticators = [wary]  # type: ignore[union-attr]
        admin = f"Authorization: Bearer {wary.issue('user:default/admin', grants=ADMIN)}"
        ann = wary.issue("user:default/ann", grants=PUBLISHER)
        before = await scrape(made, admin)

        assert (await made.poll(None)).status == 401
        assert (await made.poll("token-made-up")).status == 401
        assert (await made.poll("nothing-like-it")).status == 401
        strange = request("GET", "/signals/stream?poll=1", "Authorization: Bearer token-strange")
        assert b" 401 " in await exchange(made.url, strange)
        assert (await made.poll("token-away")).status == 503
        assert (await made.ask("GET", "stream?poll=1", "Authorization: Basic x")).status == 401
        assert (await made.publish(ann, signal("x"))).status == 202  # accepted
        assert (await made.publish(ann, signal("x"))).status == 429  # accepted, and limited
        assert (await made.ask("POST", "tickets", JSON)).status == 401  # no credentials

        async def ticket(token: str) -> str:
            answer = await made.ask("POST", "tickets", JSON, token=token)
            assert answer.status == 200, answer
            url: str = answer.json["url"]
            return url.partition("?")[2]

        shown = await ticket(ann)  # accepted
        async with listening(made, f"?{shown}"):  # accepted
            assert (await made.ask("GET", f"stream?{shown}")).status == 401  # used
            assert (await made.ask("GET", "stream?ticket=made-up")).status == 401
            away = await ticket(wary.issue("user:default/away"))  # accepted
            async with listening(made, f"?{away}") as told:  # the issuer is away
                await told.finish()
            assert (await ticket(ann)) != shown  # accepted
            assert (await made.ask("POST", "tickets", JSON, token=ann)).status == 429  # accepted, and limited
            async with made.stream(ann), listening(made, "", f"Authorization: Bearer {ann}") as more:  # accepted, twice
                await more.finish()
            body = b'{"subject":"user:default/ann"}'
            answer = await made.ask("POST", "revocations", JSON, admin, body=body)  # accepted
            assert answer.status == 202
        assert (await made.poll(ann)).status == 401
        await until(lambda: not made.service.streams)
        changed = (await scrape(made, admin)).less(before)  # accepted
        assert {name.removeprefix("authentications_total "): n for name, n in changed.items() if "authent" in name} == {
            "accepted": 11,
            "no-credentials": 2,
            "unknown-key": 1,
            "unknown-token": 1,
            OTHER: 1,
            "issuer-unavailable": 2,
            "bad-authorization": 1,
            "used-ticket": 1,
            "unknown-ticket": 1,
            "revoked": 1,
        }
        assert {name: n for name, n in changed.items() if name.startswith(("limited", "revoc", "streams_refused"))} == {
            "limited_total publish-rate": 1,
            "limited_total ticket-rate": 1,
            "limited_total identity-streams": 1,
            "streams_refused_total identity-streams": 1,
            "streams_refused_total issuer-unavailable": 2,
            "revocations_total": 1,
        }


async def test_a_plain_log_counts_publishes_without_a_task() -> None:
    """The log in memory never waits, and is counted all the same."""
    async with foreign(broker=MemoryBroker()) as door:
        assert (await publish(door)).status == 202
        assert (await scrape(door))["publish_seconds_count"] == 1


async def test_a_full_table_of_keys_is_a_limit() -> None:
    """The log refuses the request, and the limit says why."""
    broker = MemoryBroker()
    async with foreign(broker=broker) as door:
        with mock.patch.object(broker, "publish", side_effect=IdempotencyTableFull(1.0)):
            assert (await publish(door)).status == 503
        found = await scrape(door)
        assert (found["limited_total idempotency-table-full"], found["publishes_total refused"]) == (1, 1)

"""Limits of identities and addresses over HTTP; numbers are lines of the security checklist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sse_signals import Limits
from tests.authenticated import PUBLISHER, House, house, signal
from tests.web.rawhttp import events, messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def hub() -> AsyncIterator[House]:
    """A hub on which everybody has to authenticate."""
    async with house() as opened:
        yield opened


async def test_37_streams_of_one_identity() -> None:
    """37: an identity has so many streams: one more is 200, a retry and a goodbye, a poll 429; others go on."""
    async with house(limits=Limits(streams_per_identity=2)) as hub:
        ann, more, bob = hub.tokens.issue("ann"), hub.tokens.issue("ann"), hub.tokens.issue("bob")
        async with hub.stream(ann), hub.stream(more):
            answer = await hub.ask("GET", "stream", token=ann)
            assert answer.status == 200
            (goodbye,) = events(answer.body)
            assert json.loads(goodbye["data"]) == {"reason": "identity-streams"}
            assert int(goodbye["retry"]) >= 1000
            poll = await hub.poll(ann)
            assert (poll.status, poll.kind) == (429, "identity-streams")
            assert int(poll.headers["Retry-After"]) >= 1
            assert (await hub.poll(bob)).status == 200
        async with hub.stream(ann):
            pass


async def test_37_before_any_costly_authentication() -> None:
    """37: where an address has its streams, nobody is authenticated any more; health answers."""
    async with house(limits=Limits(streams_per_address=1)) as hub:
        token = hub.tokens.issue("ann")
        async with hub.stream(token):
            asked = hub.tokens.asked
            answer = await hub.ask("GET", "stream", token="token-unknown")
            assert json.loads(events(answer.body)[0]["data"]) == {"reason": "address-streams"}
            assert hub.tokens.asked == asked
            assert (await hub.ask("GET", "health/live")).status == 200
        assert (await hub.poll(token)).status == 200


async def test_37_failed_authentications_of_one_address(hub: House) -> None:
    """37: an address that fails too often waits; who was let in before is still let in from there."""
    known, fresh = hub.tokens.issue("ann"), hub.tokens.issue("bob")
    assert (await hub.poll(known)).status == 200
    statuses = [(await hub.poll(f"token-{number}-forged")).status for number in range(25)]
    assert set(statuses) == {401, 429}
    assert statuses == sorted(statuses)
    waits = await hub.poll(fresh)
    assert (waits.status, waits.kind) == (429, "failed-authentications")
    assert (await hub.poll(known)).status == 200


async def test_40_a_flood_of_one_identity() -> None:
    """40: who publishes too much gets 429 and the time to wait, and publishes nothing; others are unaffected."""
    async with house(limits=Limits(publish_rate=1, publish_burst=10)) as hub:
        flood, other = (hub.tokens.issue(name, grants=PUBLISHER) for name in ("flood", "other"))
        assert (await hub.publish(flood, *[signal(n) for n in range(9)])).status == 202
        refused = await hub.publish(flood, *[signal("lost") for _ in range(9)])
        assert (refused.status, refused.kind) == (429, "publish-rate")
        assert int(refused.headers["Retry-After"]) >= 5
        assert (await hub.publish(other, signal("other"))).status == 202
        assert messages((await hub.poll(other)).body) == [*range(9), "other"]


async def test_45_idempotency_keys_of_others(hub: House) -> None:
    """45: the same key of another publisher is another key: it suppresses nothing and tells no id."""
    ann, bob = (hub.tokens.issue(name, grants=PUBLISHER) for name in ("ann", "bob"))
    sent = {**signal(1), "idempotencyKey": "k"}
    first, others, again = [(await hub.publish(token, sent)).json["id"] for token in (ann, bob, ann)]
    assert first == again != others
    assert messages((await hub.poll(ann)).body) == [1, 1]

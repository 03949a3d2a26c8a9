"""``GET …/streams``: who may see who is connected, and that nobody else sees anything of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.authenticated import ADMIN, PUBLISHER, house
from tests.web.doors import own, until
from tests.web.test_overview import TIME, look

ANN = "user:default/ann"
SECRET_TOPIC = "acquisition-of-the-rival"


async def test_21_pages_of_other_origins_see_nothing() -> None:
    """21: 403 without any CORS header; an origin that is allowed may read the answer."""
    async with own(cors_origins="https://ops.example") as door:
        for origin in ("https://evil.example", "null"):
            answer = await look(door, "", f"Origin: {origin}")
            assert (answer.status, answer.kind) == (403, "origin-not-allowed")
            assert "Access-Control-Allow-Origin" not in answer.headers
        answer = await look(door, "", "Origin: https://ops.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "https://ops.example"
        answer = await look(door, "", "Origin: https://ops.example", method="OPTIONS")
        assert (answer.status, answer.headers["Access-Control-Allow-Methods"]) == (204, "GET, OPTIONS")


async def test_an_administrator_sees_people_and_no_token() -> None:
    """Subject, expiry and reason as logs show them; what proves them is nowhere in the answer."""
    async with house() as hub:
        admin, ann = hub.tokens.issue("key:ops", grants=ADMIN), hub.tokens.issue(ANN, token_id="secret-id")
        async with hub.stream(ann, f"?topic={SECRET_TOPIC}") as (_, receipt):
            answer = await hub.ask("GET", "streams", token=admin)
            [opened] = answer.json["streams"]
            assert (opened["subject"], opened["stream"]) == (ANN, receipt["stream"])
            assert TIME.fullmatch(opened["expires"])
            assert opened["topics"] == [SECRET_TOPIC]
            await hub.ask(
                *("POST", "revocations", "Content-Type: application/json"),
                token=admin,
                body=json.dumps({"subject": ANN}).encode(),
            )
        await until(lambda: not hub.service.streams)
        again = await hub.ask("GET", "streams", token=admin)
        assert [(each["subject"], each["reason"]) for each in again.json["closed"]] == [(ANN, "revoked")]
        assert again.json["nodes"][0]["traffic"]["signals"] == 0  # the revocation is none
        for text in (answer.body.decode(), again.body.decode()):
            assert not {token for token in (admin, ann, "secret-id", "id-of-") if token in text}


@pytest.mark.parametrize("anonymous", [True, False])
async def test_14_nobody_else_sees_anything(*, anonymous: bool) -> None:
    """14: neither the anonymous, nor who shows no good token, nor who may do everything but this."""
    async with house(anonymous=anonymous) as hub:
        ann, ci = hub.tokens.issue(ANN), hub.tokens.issue("key:ci", grants=PUBLISHER)
        async with hub.stream(ann, f"?topic={SECRET_TOPIC}") as (_, receipt):
            for token, expected in ((None, {401, 403}), ("token-made-up", {401}), (ann, {403}), (ci, {403})):
                for query in ("", "?node=this", "?limit=1"):
                    answer = await hub.ask("GET", f"streams{query}", token=token)
                    assert answer.status in expected
                    assert answer.kind in {"no-credentials", "unknown-key", "not-granted"}
                    assert answer.headers["Cache-Control"] == "no-store"
                    assert answer.headers["Vary"] == "Origin, Authorization, Cookie"
                    for secret in (receipt["stream"], ANN, SECRET_TOPIC):
                        assert secret not in answer.body.decode()


async def test_11_a_token_in_the_url_is_refused() -> None:
    """11: before anything is looked at, as everywhere."""
    async with house() as hub:
        admin = hub.tokens.issue("key:ops", grants=ADMIN)
        answer = await hub.ask("GET", f"streams?access_token={admin}", token=admin)
        assert (answer.status, answer.kind) == (400, "token-in-url")


async def test_13_an_administrator_who_is_revoked_meanwhile_sees_nothing() -> None:
    """13: the answer may take a second to be made, and is not given to whoever may no longer have it then."""
    async with house() as hub:
        admin = hub.tokens.issue("key:ops", grants=ADMIN, seconds=60)
        lookout = hub.service.site.lookout
        assert lookout is not None
        seen, go_on = await lookout.look(1), asyncio.Event()
        lookout.look = _late(seen, go_on, began := asyncio.Event())  # type: ignore[method-assign]
        asked = asyncio.ensure_future(hub.ask("GET", "streams", token=admin))
        await began.wait()
        hub.clock.advance(3600)
        go_on.set()
        answer = await asked
        assert (answer.status, answer.kind) == (401, "expired")


def _late(seen: Any, go_on: asyncio.Event, began: asyncio.Event) -> Any:
    async def look_late(_limit: int, *, alone: bool) -> Any:
        assert not alone
        began.set()
        await go_on.wait()
        return seen

    return look_late

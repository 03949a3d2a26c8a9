"""This hub where people authenticate, and where others use it meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import jwt
import pytest

from sse_signals.conformance.first_contact import meet
from sse_signals.conformance.outcome import Verdict
from sse_signals.errors import UnexpectedAnswer
from tests.conformance.runs import ended, hub_at, ran, told
from tests.conformance.servers import ORIGIN

if TYPE_CHECKING:
    import aiohttp

    from tests.conftest import StartHub

SECRET = "0123456789abcdef0123456789abcdef"
UNTRIED = {"gap.trimmed", "drain.prompt", "drain.clean", "drain.lost", "drain.told", "drain.late"}


def token(**grants: list[str]) -> str:
    """Return a token of somebody to whom this is granted."""
    now = int(time.time())
    return jwt.encode({"sub": "tester", "iat": now, "exp": now + 600, "signals": grants}, SECRET)


async def test_this_hub_passes_where_people_authenticate(start_hub: StartHub) -> None:
    """With one token for listening and publishing, within the limits that one identity has by default."""
    hub = await start_hub(auth="jwt", jwt_secret=SECRET, heartbeat=0.3, cors_origins=ORIGIN)
    results = await ran(hub_at(hub.url, "sse-signals", token=token(publish=["*"]), origin=ORIGIN))
    assert not told(results, Verdict.FAIL)
    assert ended(results, Verdict.NOT_TRIED) == UNTRIED
    assert not ended(results, Verdict.NOT_OFFERED)


async def test_whoever_is_not_let_in_is_told_so(start_hub: StartHub) -> None:
    """Without a token, and with one that may only listen."""
    hub = await start_hub(auth="jwt", jwt_secret=SECRET)
    for shown, what in ((None, "401 Unauthorized: A stream"), (token(subscribe=["*"]), "403 Forbidden: A publish")):
        tried = hub_at(hub.url, "sse-signals", token=shown)
        with pytest.raises(UnexpectedAnswer, match=f"{what} is refused"):
            await meet(tried)
        await tried.close()
    async with asyncio.timeout(10):
        while hub.service.streams:  # noqa: ASYNC110 - it does not tell, and would wait for the stream when it ends
            await asyncio.sleep(0.005)


async def test_this_hub_passes_while_others_use_it(start_hub: StartHub, http: aiohttp.ClientSession) -> None:
    """Broadcasts come to every stream, and are not taken for messages that should not have come."""
    hub = await start_hub(heartbeat=0.3)

    async def broadcast() -> None:
        while True:
            async with http.post(f"{hub.url}/publish", json={"message": "for all"}) as answer:
                assert answer.status == 202

    others = asyncio.create_task(broadcast())
    results = await ran(hub_at(hub.url, "sse-signals"), "format", "ids", "resume", "gap", "injection", "isolation")
    others.cancel()
    await asyncio.gather(others, return_exceptions=True)
    assert not told(results, Verdict.FAIL)

"""The shared state is out of reach: whoever needs it is told when to come back, and nobody that it was done."""

from __future__ import annotations

import json

import pytest

from tests.authenticated import ADMIN, WallClock, house
from tests.life.cluster import State
from tests.web.listening import JSON, below, ticket

ELSEWHERE = "0123abcd-0123456789abcdef"  # a stream that another node may have

REQUESTS = [
    ("POST", "tickets", "ann", None, 200),
    ("POST", f"streams/{ELSEWHERE}/renew", "ann", None, 404),
    ("POST", "drains", "root", {"node": ELSEWHERE[:8]}, 404),
    ("POST", "revocations", "root", {"subject": "bob"}, 202),
    ("POST", "revocations", "root", {"stream": ELSEWHERE}, 202),
]


@pytest.mark.parametrize(("method", "path", "who", "body", "later"), REQUESTS)
async def test_what_all_nodes_have_to_know(
    method: str, path: str, who: str, body: dict[str, str] | None, later: int
) -> None:
    """A 503 with a time to come back within two seconds, never a success; then it is as if nothing had happened."""
    clock = WallClock()
    state = State(clock=clock)
    async with house(state=state, clock=clock) as hub:
        token = hub.tokens.issue(who, grants=ADMIN)

        async def ask() -> tuple[int, str | None]:
            headers = () if body is None else (JSON,)
            said = b"" if body is None else json.dumps(body).encode()
            answer = await hub.ask(method, path, *headers, token=token, body=said)
            return answer.status, answer.headers.get("Retry-After")

        state.cut = True
        status, retry_after = await ask()
        assert status == 503
        assert retry_after is not None
        assert 1 <= int(retry_after) <= 2
        state.cut = False
        assert await ask() == (later, None)


async def test_a_ticket_that_cannot_be_looked_up_stays_good() -> None:
    """A poll with it is a 503, and the next one is let in: what nobody could tell did not use it up."""
    clock = WallClock()
    state = State(clock=clock)
    async with house(state=state, clock=clock) as hub:
        path = f"{below(await ticket(hub, hub.tokens.issue('ann')))}&poll=1"
        state.cut = True
        answer = await hub.ask("GET", path)
        assert (answer.status, answer.kind, answer.headers["Retry-After"]) == (503, "broker-unavailable", "1")
        state.cut = False
        assert (await hub.ask("GET", path)).status == 200


async def test_a_stream_here_is_not_renewed_half() -> None:
    """Nobody can tell in which session its client comes back: who asks is told to ask again, and that helps."""
    clock = WallClock()
    state = State(clock=clock)
    async with house(state=state, clock=clock) as hub, hub.stream(hub.tokens.issue("ann")) as (_, receipt):
        token, path = hub.tokens.issue("ann", seconds=7200), f"streams/{receipt['stream']}/renew"
        state.cut = True
        answer = await hub.ask("POST", path, token=token)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        state.cut = False
        assert (await hub.ask("POST", path, token=token)).status == 200

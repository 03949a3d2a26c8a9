"""Revocation, renewal, tickets and drains where two nodes share one log: real servers, and a clock the tests move."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.brokers.memory_state import MemoryState
from tests.authenticated import ADMIN, House, Tokens, WallClock, house, signal
from tests.web.doors import until
from tests.web.faulty import FaultyBroker
from tests.web.listening import JSON, below, cookie_of, listening, publish, revoke, streams_of, ticket
from tests.web.rawhttp import events, messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

A, B = "group:default/a", "group:default/b"
LIMIT = 10.0  # seconds; 5 are promised, and a busy machine takes some


class Forgetful(FaultyBroker):
    """A log that can lose what nodes tell each other."""

    lossy = False

    async def control(self, data: bytes) -> Any:
        return await self.head() if self.lossy else await super().control(data)


class Distant(MemoryState):
    """A state that is somewhere else, so that others have their turn while it is asked, and that can forget."""

    lossy = False

    async def claim(self, key: str, ttl: float) -> bool:
        await asyncio.sleep(0)
        return await super().claim(key, ttl)

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        await asyncio.sleep(0)
        if not self.lossy:
            await super().put(key, value, ttl)

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        await asyncio.sleep(0)
        return await super().items(prefix)


@dataclass
class Pair:
    """Two nodes on one log and one state, with one clock."""

    here: House
    there: House
    log: Forgetful
    state: Distant


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """Two nodes."""
    async with nodes({"secret": b"s" * 32}, {"secret": b"s" * 32}) as ((here, there), log, state):
        yield Pair(here, there, log, state)


@asynccontextmanager
async def nodes(*authentication: dict[str, Any]) -> AsyncIterator[tuple[list[House], Forgetful, Distant]]:
    """Nodes on one log and one state, with one clock, and how each authenticates."""
    clock, log = WallClock(), Forgetful()
    state = Distant(clock=clock)
    await state.put("not empty", b"", 1e6)  # or `house` would take it for none
    shared: dict[str, Any] = {"log": log, "state": state, "clock": clock, "tokens": Tokens(clock)}
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(house(authentication=each, **shared)) for each in authentication]
        yield opened, log, state


@pytest.mark.parametrize(
    ("what", "lost"), [("subject", ""), ("token", ""), ("stream", ""), ("subject", "log"), ("subject", "state")]
)
async def test_13_revocation_on_another_node(pair: Pair, what: str, lost: str) -> None:
    """13: a stream elsewhere ends within 5 s, even if log or state lose the word; then both nodes refuse its token."""
    token, other = pair.there.tokens.issue("ann", token_id="t1"), pair.there.tokens.issue("bob")
    async with listening(pair.there, token) as (name, reading), listening(pair.there, other):
        pair.log.lossy, pair.state.lossy = lost == "log", lost == "state"
        async with asyncio.timeout(LIMIT):
            await revoke(pair.here, **{what: {"subject": "ann", "token": "t1", "stream": name}[what]})
            answer = await reading.rest()
        assert (answer.reason, answer.messages) == ("revoked", [])
        assert pair.there.service.streams == 1
        for node in (pair.there, pair.here):
            async with asyncio.timeout(LIMIT):
                while (refused := await node.poll(token)).status == 200:
                    pass
            assert (refused.status, refused.kind) == (401, "revoked")


async def test_13_renewal_on_another_node(pair: Pair) -> None:
    """13: any node takes a renewal: 202, and the stream goes on as who it is now, on the node where it is."""
    token = pair.there.tokens.issue("ann", A, seconds=100)
    async with listening(pair.there, token, "?topic=t") as (name, reading):
        path = f"streams/{name}/renew"
        assert (await pair.here.ask("POST", path, token=pair.here.tokens.issue("bob", seconds=1000))).status == 202
        fresh = pair.here.tokens.issue("ann", B, seconds=1000)
        answer = await pair.here.ask("POST", path, token=fresh)
        assert (answer.status, answer.json["status"]) == (202, "forwarded")
        (stream,) = streams_of(pair.there)
        await until(lambda: stream.identity.owns == {B})
        await publish(pair.here, signal(1, targets=[A]), signal(2, targets=[B]), signal(3))
        pair.here.clock.advance(500)
        await publish(pair.here, signal(4))
        await reading.until(b'"message":4')
        pair.here.clock.advance(500)
        said = await reading.rest()
    assert (said.messages, said.reason) == ([2, 3, 4], "expired")


async def test_13_a_renewal_by_another_subject_on_another_node(pair: Pair) -> None:
    """13: the node that has the stream sees whose it is: somebody else's token prolongs and changes nothing."""
    token = pair.there.tokens.issue("ann", A, seconds=100)
    async with listening(pair.there, token, "?topic=t") as (name, reading):
        bob = pair.here.tokens.issue("bob", B, seconds=1000)
        await pair.here.ask("POST", f"streams/{name}/renew", token=bob)
        await publish(pair.here, signal(1, targets=[A]), signal(2, targets=[B]))
        pair.here.clock.advance(100)
        said = await reading.rest()
    assert (said.messages, said.reason) == ([1], "expired")


async def test_11_a_ticket_of_one_node_on_another(pair: Pair) -> None:
    """11: a ticket opens one stream on one node, whichever; its cookie brings its client back on the other."""
    path = await ticket(pair.here, pair.here.tokens.issue("ann", A))
    async with listening(pair.there, None, path) as (_, reading):
        for node in (pair.here, pair.there):
            again = await node.ask("GET", below(path))
            assert (again.status, again.kind) == (401, "used-ticket")
        await publish(pair.here, signal(1, targets=[A]), signal(2, targets=[B]))
        await reading.until(b'"message":1')
        await pair.there.service.drain()
        said = await reading.rest()
    assert said.messages == [1]
    back = f"{below(path)}&poll=1"
    answer = await pair.here.ask("GET", back, f"Cookie: {cookie_of(said)}", "Sec-Fetch-Site: same-origin")
    assert messages(answer.body) == [1]


async def test_11_a_cookie_that_is_signed_with_another_secret() -> None:
    """11: it brings its client back where that secret is known too, and nowhere else; so secrets can be changed."""
    old, new = b"o" * 32, b"n" * 32
    async with nodes({"secret": old}, {"secret": new, "other_secrets": [old]}, {"secret": new}) as (found, _, _):
        before, both, after = found
        path = await ticket(before, before.tokens.issue("ann", A))
        async with listening(before, None, path) as (_, reading):
            await before.service.drain()
            said = await reading.rest()
        shown = f"Cookie: {cookie_of(said)}", "Sec-Fetch-Site: same-origin"
        assert (await both.ask("GET", f"{below(path)}&poll=1", *shown)).status == 200
        refused = await after.ask("GET", f"{below(path)}&poll=1", *shown)
        assert (refused.status, refused.kind) == (401, "bad-session")


async def test_11_a_ticket_on_both_nodes_at_once(pair: Pair) -> None:
    """11: of many who show a ticket at once, on both nodes, one is let in."""
    path = below(await ticket(pair.here, pair.here.tokens.issue("ann")))
    nodes = [pair.here, pair.there] * 5
    answers = await asyncio.gather(*(node.ask("GET", f"{path}&poll=1") for node in nodes))
    assert sorted(answer.status for answer in answers) == [200] + [401] * 9


async def test_13_the_drain_of_another_node(pair: Pair) -> None:
    """13: an administrator drains any node from any other; the others go on, and who comes to it is sent away."""
    token = pair.here.tokens.issue("ann")
    admin = pair.here.tokens.issue("root", grants=ADMIN)
    async with listening(pair.there, token) as (name, leaving), listening(pair.here, token) as (_, staying):
        for node, who, status in (
            (name[:8], token, 403),
            ("0" * 8, admin, 404),
            ("../x", admin, 404),
            (name[:8], admin, 202),
        ):
            answer = await pair.here.ask("POST", "drains", JSON, token=who, body=json.dumps({"node": node}).encode())
            assert answer.status == status
        assert (await leaving.rest()).reason == "shutdown"
        sent_away = await pair.there.ask("GET", "stream", token=token)
        assert json.loads(events(sent_away.body)[0]["data"]) == {"reason": "shutdown"}
        assert (await pair.there.poll(token)).status == 503
        assert pair.here.service.streams == 1
        await publish(pair.here, signal(1))
        await pair.here.service.drain()
        assert (await staying.rest()).messages == [1]

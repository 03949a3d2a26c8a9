"""Nodes that share tickets and sessions, with clocks and a state that tests look into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sse_signals.brokers.memory_state import MemoryState
from sse_signals.errors import NotAuthenticated
from sse_signals.identity import Identity
from sse_signals.life.ticket_causes import HINTS
from sse_signals.life.tickets import Tickets
from sse_signals.topics import Filters
from tests.life.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z in milliseconds
SECRET = b"canary-secret-of-thirty-two-bytes"
ORDERS = Filters.parse(["orders/*", "a"])
HOUR_MS = 3_600_000
ANN = Identity(
    "user:default/ann",
    frozenset({"user:default/ann", "group:default/a"}),
    expires_ms=NOON + HOUR_MS,
    issued_ms=NOON - 1000,
    token_id="token-1",
    issuer="test",
)


class Wall:
    """A wall clock that a test moves."""

    now_ms = NOON

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


class Recorder(MemoryState):
    """A shared state that remembers every key and value it was given."""

    def __init__(self, clock: Wall) -> None:
        super().__init__(clock=clock)
        self.told: list[str] = []

    async def claim(self, key: str, ttl: float) -> bool:
        self.told.append(key)
        return await super().claim(key, ttl)

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        self.told += [key, value.decode()]
        await super().put(key, value, ttl)

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        self.told.append(prefix)
        return await super().items(prefix)


class Cluster:
    """Nodes that share a state."""

    def __init__(self, *, ttl: float = 30.0, per_subject: int = 100) -> None:
        self.wall, self.steady = Wall(), Clock()
        self.state = Recorder(self.wall)
        self.nodes = [
            Tickets(self.state, secret=SECRET, clock=self.wall, ttl=ttl, per_subject=per_subject, clock_s=self.steady)
            for _ in range(2)
        ]
        self.one, self.two = self.nodes

    async def opened(self, identity: Identity = ANN, filters: Filters = ORDERS) -> tuple[str, str]:
        """Issue a ticket and redeem it; return its text and its cookie."""
        ticket = await self.one.issue(identity, None)
        return ticket.text, given_cookie((await self.two.redeem(ticket.text, filters)).cookie)


@pytest.fixture(name="cluster")
def two_nodes() -> Cluster:
    """Two nodes."""
    return Cluster()


def given_cookie(cookie: str | None) -> str:
    """Return a cookie that has to be there."""
    assert cookie is not None
    return cookie


async def cause_of(refused: Awaitable[object]) -> str:
    """Return the cause of a refusal, after checking that it is whole and on the list."""
    with pytest.raises(NotAuthenticated) as raised:
        await refused
    assert raised.value.hint == HINTS[raised.value.cause]
    assert raised.value.detail
    return raised.value.cause

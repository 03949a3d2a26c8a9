"""Redemptions that come to nothing: their tickets stay good, and open one stream all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals.brokers.memory_state import MemoryState
from sse_signals.errors import BrokerUnavailable, NotAuthenticated
from sse_signals.identity import Identity
from sse_signals.life.tickets import Tickets
from sse_signals.topics import Filters
from tests.fakes import NOON
from tests.life.cluster import until

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDERS = Filters.parse(["orders/*"])
ANN = Identity("user:default/ann", expires_ms=NOON + 3_600_000, issued_ms=NOON, token_id="t1", issuer="test")


class Slow(MemoryState):
    """A state whose every call waits for its turn before and after it is done, and that can fail from a call on.

    Attributes:
        calls: How many were begun.
        stops: Before or after which call (twice its number, and one more) it stands still.
        fails: From which call on it fails.
    """

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOON)
        self.calls = 0
        self.stops = self.fails = 1_000
        self.stands = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def claim(self, key: str, ttl: float) -> bool:
        number = await self._begin()
        taken = await super().claim(key, ttl)
        await self._stop(2 * number + 1)
        return taken

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        number = await self._begin()
        await super().put(key, value, ttl)
        await self._stop(2 * number + 1)

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        number = await self._begin()
        found = await super().items(prefix)
        await self._stop(2 * number + 1)
        return found

    async def _begin(self) -> int:
        number, self.calls = self.calls, self.calls + 1
        await self._stop(2 * number)
        if number >= self.fails:
            raise BrokerUnavailable("it is cut off")
        return number

    async def _stop(self, place: int) -> None:
        if place == self.stops:
            self.stands.set()
            await self.goes_on.wait()


class Desk:
    """Two nodes and one ticket."""

    def __init__(self) -> None:
        self.state = Slow()
        self.one, self.two = (Tickets(self.state, secret=b"s" * 32, clock=lambda: NOON) for _ in range(2))
        self.text = ""

    async def issue(self) -> None:
        """Issue the ticket, and count calls from here."""
        self.text = (await self.one.issue(ANN, None)).text
        self.state.calls = 0

    async def admitted(self) -> int:
        """Return how many of ten who show the ticket on both nodes are let in; all others find it used."""
        tries = [tickets.redeem(self.text, ORDERS) for tickets in (self.one, self.two) * 5]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        refusals = [answer for answer in answers if isinstance(answer, BaseException)]
        assert all(isinstance(each, NotAuthenticated) and each.cause == "used-ticket" for each in refusals)
        return len(answers) - len(refusals)


@pytest.mark.parametrize("place", range(6))
async def test_11_who_leaves_half_way_leaves_the_ticket(place: int) -> None:
    """11: before or after any of its calls to the state: the ticket opens one stream afterwards, and no second one."""
    desk = Desk()
    await desk.issue()
    desk.state.stops = place
    leaving = asyncio.create_task(desk.one.redeem(desk.text, ORDERS))
    await desk.state.stands.wait()
    if place >= 3:  # it has been claimed: meanwhile nobody else is let in
        desk.state.stops = 1_000
        assert await desk.admitted() == 0
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    desk.state.goes_on.set()
    await until(lambda: not desk.one._errands._tasks)
    assert await desk.admitted() == 1
    assert await desk.admitted() == 0


async def test_11_who_leaves_a_refusal_takes_nothing_back() -> None:
    """11: if somebody else has used the ticket meanwhile, it stays used."""
    desk = Desk()
    await desk.issue()
    desk.state.stops = 2  # before it is claimed
    leaving = asyncio.create_task(desk.one.redeem(desk.text, ORDERS))
    await desk.state.stands.wait()
    assert await desk.admitted() == 1
    leaving.cancel()
    desk.state.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await until(lambda: not desk.one._errands._tasks)
    assert await desk.admitted() == 0


@pytest.mark.parametrize("fails", [0, 1, 2, 3, 4])
async def test_11_a_state_that_goes_away_half_way(fails: int) -> None:
    """11: at worst the ticket is used up; never does it open two streams, and it is good where nothing was begun."""
    desk = Desk()
    await desk.issue()
    desk.state.fails = fails
    if fails < 3:
        with pytest.raises(BrokerUnavailable):
            await desk.one.redeem(desk.text, ORDERS)
    else:
        admission = await desk.one.redeem(desk.text, ORDERS)
        await desk.one.give_back(admission)
    desk.state.fails = 1_000
    assert await desk.admitted() == (1 if fails < 2 else 0)
    assert await desk.admitted() == 0


async def test_11_a_state_that_stumbles_loses_no_ticket() -> None:
    """11: when keeping the session fails and giving back does not, the ticket is as good as it was."""
    desk = Desk()
    await desk.issue()
    put, failures = desk.state.put, [BrokerUnavailable("once")]

    async def stumbling(key: str, value: bytes, ttl: float) -> None:
        if failures:
            raise failures.pop()
        await put(key, value, ttl)

    desk.state.put = stumbling  # type: ignore[method-assign]
    with pytest.raises(BrokerUnavailable):
        await desk.one.redeem(desk.text, ORDERS)
    assert await desk.admitted() == 1


async def test_11_given_back_is_the_ticket_and_not_the_session() -> None:
    """11: the cookie of an admission that was given back opens nothing, and who came back gives nothing back."""
    desk = Desk()
    await desk.issue()
    first = await desk.one.redeem(desk.text, ORDERS)
    await desk.one.give_back(first)
    with pytest.raises(NotAuthenticated) as refused:
        await desk.two.come_back(desk.text, first.cookie, ORDERS)
    assert refused.value.cause == "expired"
    second = await desk.two.redeem(desk.text, ORDERS)
    await desk.one.give_back(await desk.one.come_back(desk.text, second.cookie, ORDERS))
    assert await desk.admitted() == 0

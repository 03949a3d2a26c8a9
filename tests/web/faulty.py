"""A log that can be cut off, can take its time, and can fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from sse_signals.brokers.memory import MemoryBroker
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import Signal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sse_signals.model import Event, EventId, HistoryLimits, IdempotencyKey, Receipt, Tail


class FaultyBroker(MemoryBroker):
    """A log in memory behind a connection that the test cuts and mends.

    Attributes:
        lose_answers: Whether publishing succeeds, but nobody learns of it.
        answering: Is set while answers come at once; otherwise they wait for it.
        asked: How many requests are waiting or have waited for an answer.
        appends: What is being appended.
    """

    def __init__(self, *, connected: bool = True) -> None:
        super().__init__()
        self._cut = asyncio.Event()
        if not connected:
            self._cut.set()
        self.lose_answers = False
        self.answering = asyncio.Event()
        self.answering.set()
        self.asked = 0
        self.appends: set[asyncio.Task[Receipt]] = set()

    def cut(self) -> None:
        """Lose the connection."""
        self._cut.set()

    def mend(self) -> None:
        """Get it back."""
        self._cut.clear()

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """Append, as the interface promises: a caller that is cancelled does not take back what it handed in."""
        self._check()
        append = asyncio.create_task(self._publish(signals, key))
        self.appends.add(append)
        append.add_done_callback(self.appends.discard)
        receipt = await asyncio.shield(append)
        if self.lose_answers:
            raise BrokerUnavailable("the connection was lost", outcome_unknown=True)
        return receipt

    async def _publish(self, signals: Sequence[Signal], key: IdempotencyKey | None) -> Receipt:
        await self._answer()
        return await super().publish(signals, key=key)

    async def elsewhere(self, text: str) -> str:
        """Publish a text as somebody on another node would, and return its id."""
        receipt = await super().publish([Signal(orjson.dumps(text), "t")])
        return str(receipt.ids[0])

    async def head(self) -> EventId:
        self._check()
        await self._answer()
        return await super().head()

    async def tail(self, limits: HistoryLimits) -> Tail:
        self._check()
        return await super().tail(limits)

    async def follow(self, after: EventId) -> AsyncGenerator[Sequence[Event], None]:
        self._check()
        events = super().follow(after)
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            while True:
                step = asyncio.ensure_future(anext(events))
                try:
                    await asyncio.wait({step, cut}, return_when=asyncio.FIRST_COMPLETED)
                    self._check()
                    yield step.result()
                finally:
                    step.cancel()
        finally:
            cut.cancel()

    def _check(self) -> None:
        if self._cut.is_set():
            raise BrokerUnavailable("it is cut off")

    async def _answer(self) -> None:
        self.asked += 1
        await self.answering.wait()

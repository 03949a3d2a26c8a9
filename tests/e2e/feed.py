"""What is published, and an exact judge of what a subscription got of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from sse_signals import messages
from sse_signals.model import Signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sse_signals.brokers.memory import MemoryBroker


@dataclass(frozen=True)
class Published:
    """A signal as it is in the log."""

    id: str
    topic: str | None
    targets: frozenset[str] | None
    message: Any


class Feed:
    """Publishes one signal after the other, each with a message of its own.

    Args:
        log: Where to.
        name: Begins each message, so that it is known wherever it turns up.

    Attributes:
        published: All of them, in the order of the log.
    """

    def __init__(self, log: MemoryBroker, name: str = "signal") -> None:
        self._log, self._name, self._numbers = log, name, count()
        self.published: list[Published] = []

    async def publish(self, topic: str | None, *targets: str) -> Published:
        """Publish a signal; without targets it is for everybody who may read the topic."""
        message = f"{self._name} {next(self._numbers)}"
        refs = frozenset(targets) or None
        receipt = await self._log.publish([Signal(messages.encode(message), topic, refs)])
        self.published.append(Published(str(receipt.ids[0]), topic, refs, message))
        return self.published[-1]

    @asynccontextmanager
    async def flowing(self, *topics: str, pause: float = 0.01) -> AsyncIterator[None]:
        """Publish to the topics in turn for as long as the context lasts."""

        async def flow() -> None:
            while True:
                for topic in topics:
                    await self.publish(topic)
                    await asyncio.sleep(pause)

        task = asyncio.create_task(flow())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@dataclass
class Heard:
    """One subscription, and all that it was told.

    Attributes:
        topic: What it asks for.
        owns: Which targeted signals its owner may have.
        due: How many signals were published before it was ready: all that came later has to reach it.
        until: How many were published before it ended; None as long as it goes on.
        told: What it was told, by its number.
    """

    topic: str
    feed: Feed
    owns: frozenset[str]
    due: int = 0
    until: int | None = None
    told: dict[int, list[Any]] = field(default_factory=dict)

    @property
    def got(self) -> list[tuple[str, Any]]:
        """The ids and messages of the signals, in the order in which it was given them."""
        return [(what[1], what[2]) for _, what in sorted(self.told.items()) if what[0] == "signal"]

    def has(self, signal: Published) -> bool:
        """Say whether it was given a signal."""
        return any(what[1] == signal.id for what in reversed(self.told.values()))

    @property
    def gaps(self) -> list[Any]:
        """The gaps that it was told of."""
        return [what[1] for what in self.told.values() if what[0] == "gap"]

    def wants(self, signal: Published) -> bool:
        """Say whether a signal has to reach it."""
        if signal.targets is not None and not signal.targets & self.owns:
            return False
        topic = signal.topic
        return topic is None or (topic.startswith(self.topic[:-1]) if self.topic.endswith("*") else topic == self.topic)

    def fault(self) -> str | None:
        """Compare what it got with what was published; return what is wrong, or None.

        It may begin with signals of the time before it was ready, and one that has ended may lack what was on its way.
        In between it is exact: every signal, once, in the order of the log.
        """
        wanted = [(each.id, each.message) for each in self.feed.published if self.wants(each)]
        before = sum(map(self.wants, self.feed.published[: self.due]))
        got = self.got
        where = {event_id: place for place, (event_id, _) in enumerate(wanted)}
        if self.gaps:
            return f"{self.topic}: told of gaps {self.gaps}"
        first = where.get(got[0][0]) if got else before
        if first is None or first > before:
            return f"{self.topic}: begins with {got[:1]}, and should with {wanted[before : before + 1]} or earlier"
        end = len(wanted) if self.until is None else first + len(got)
        if got == wanted[first:end]:
            return None
        return f"{self.topic}: {_difference(got, wanted[first:end])}"


def _difference(got: Sequence[tuple[str, Any]], wanted: Sequence[tuple[str, Any]]) -> str:
    ids = [event_id for event_id, _ in got]
    twice = sorted({event_id for event_id in ids if ids.count(event_id) > 1})
    missing = [each for each in wanted if each[0] not in set(ids)]
    foreign = [each for each in got if each not in wanted]
    order = "" if [each for each in wanted if each in got] == list(dict.fromkeys(got)) else ", not in order"
    return f"missing {missing[:5]} ({len(missing)}), twice {twice[:5]} ({len(twice)}), foreign {foreign[:5]}{order}"

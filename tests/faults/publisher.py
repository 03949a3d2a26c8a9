"""A publisher that writes down what it tried, and what it was told."""

from __future__ import annotations

import asyncio
from itertools import count, zip_longest
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp

from tests.faults.observed import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HANG: Final = 10.0  # seconds after which a publish that nobody answers counts as one that hangs
PAUSE: Final = 0.2  # seconds before a second try


class Publisher:
    """Publishes signals that no other is like, each under a key of its own.

    Args:
        http: What it connects with.
        urls: Returns where nodes are at the moment; those that are down may be among them.
        name: Its name, with which all its contents begin.
        token: What it shows to the hub.
        tries: How often it tries, each time at the next node and with the same key.
        pause: Returns the seconds to wait before another try, given those in ``Retry-After`` if there were any.

    Attributes:
        attempts: What it did, for the checker.
        acknowledged: How many signals were.
        statuses: The answers to all tries, in order: a status, or the name of what went wrong.
        slowest: The longest that a try took, in seconds.
        asking: Since when it waits for what becomes of a signal, if it does.
        retry_after: What the last answer said of it, in seconds.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        urls: Callable[[], Sequence[str]],
        name: str,
        *,
        token: str = "",
        tries: int = 1,
        number: int = 0,
        pause: Callable[[float | None], float] = lambda _: PAUSE,
    ) -> None:
        self.attempts: list[Attempt] = []
        self.acknowledged = 0
        self.statuses: list[int | str] = []
        self.slowest = 0.0
        self.asking: float | None = None
        self.retry_after: float | None = None
        self._http = http
        self._urls = urls
        self._name = name
        self._token = token
        self._tries = tries
        self._pause = pause
        self._turn = count(number)
        self._numbers = count()

    @property
    def failed(self) -> list[Attempt]:
        """Those that were not acknowledged."""
        return [attempt for attempt in self.attempts if attempt.outcome != "acknowledged"]

    async def run(
        self,
        topics: Sequence[str | None] = ("a",),
        targets: Sequence[frozenset[str] | None] = (None,),
        *,
        interval: float = 0.01,
        limit: int = 1 << 40,
    ) -> None:
        """Publish one signal after the other, with so many seconds between two; topics and targets take turns."""
        for number in range(limit):
            await self.publish(topics[number % len(topics)], targets=targets[number % len(targets)])
            await asyncio.sleep(interval)

    async def publish(
        self, topic: str | None = "a", *, size: int = 0, targets: frozenset[str] | None = None
    ) -> Attempt:
        """Publish one signal."""
        return (await self._publish(topic, targets, 1, size, single=True))[0]

    async def batch(self, topic: str | None, length: int) -> list[Attempt]:
        """Publish several signals in one request."""
        return await self._publish(topic, None, length, 0, single=False)

    async def _publish(
        self, topic: str | None, targets: frozenset[str] | None, length: int, size: int, *, single: bool
    ) -> list[Attempt]:
        key = f"{self._name}-{next(self._numbers)}"
        contents = [f"{key}.{index}" for index in range(length)]
        address: dict[str, Any] = {} if topic is None else {"topic": topic}
        if targets is not None:
            address["targetOwnershipEntityRefs"] = sorted(targets)
        signals = [{"message": {"content": each, "filling": "x" * size}, **address} for each in contents]
        sent, outcome, ids, tried = monotonic(), "refused", cast("list[str]", []), 0
        earlier, self.asking = len(self.statuses), sent
        try:
            while outcome != "acknowledged" and tried < self._tries:
                if tried:
                    await asyncio.sleep(self._pause(self.retry_after))
                tried += 1
                # What may have happened at one try is not undone by what is known of the next.
                now, ids = "unknown", []
                try:
                    now, ids = await self._try(key, signals[0] if single else signals)
                finally:  # somebody may end this task in the middle
                    outcome = now if now == "acknowledged" or outcome == "refused" else outcome
        finally:
            told, answered, self.asking = tuple(self.statuses[earlier:]), monotonic(), None
            made = [
                Attempt(each, outcome, sent, answered, its_id, topic, targets, tried, key, at, told)
                for at, (each, its_id) in enumerate(zip_longest(contents, ids))
            ]
            self.attempts += made
            self.acknowledged += len(ids)
        return made

    async def _try(self, key: str, body: object) -> tuple[str, list[str]]:
        """Return the outcome of one request, and the ids if there are any."""
        urls = self._urls()
        url = urls[next(self._turn) % len(urls)]
        begun, self.retry_after = monotonic(), None
        timeout = aiohttp.ClientTimeout(total=HANG)
        headers = {"Idempotency-Key": key, "Authorization": f"Bearer {self._token}"}
        try:
            async with self._http.post(f"{url}/publish", json=body, headers=headers, timeout=timeout) as response:
                self._note(response.status, begun)
                self.retry_after = _seconds(response.headers.get("Retry-After"))
                answer: dict[str, Any] = await response.json(content_type=None)
        except aiohttp.ClientConnectorError as error:  # it was never sent
            self._note(type(error).__name__, begun)
            return "refused", []
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._note(type(error).__name__, begun)
            return "unknown", []
        if response.status == 202:
            return "acknowledged", [answer["id"]] if "id" in answer else answer["ids"]
        definite = response.status < 500 or (response.status == 503 and answer.get("outcome") != "unknown")
        return ("refused" if definite else "unknown"), []

    def _note(self, status: int | str, begun: float) -> None:
        self.statuses.append(status)
        self.slowest = max(self.slowest, monotonic() - begun)


def _seconds(text: str | None) -> float | None:
    return None if text is None else float(text)

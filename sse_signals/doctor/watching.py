"""Streams that are watched for a while: one that is quiet, one with a signal a second, and some at once."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sse_signals.client.answers import document
from sse_signals.doctor.facts import OPEN, Published
from sse_signals.doctor.following import Following
from sse_signals.doctor.target import BROWSER
from sse_signals.doctor.terms import CROWD, KEPT, MARK, REPLAYED, patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.doctor.asking import Asker
    from sse_signals.doctor.facts import Answer, Stream
    from sse_signals.doctor.line import Line
    from sse_signals.doctor.seen import Seen
    from sse_signals.doctor.target import Requests

EVERY: Final = 1.0  # seconds between two signals
_TICK: Final = 0.2  # seconds between two looks at what there is
_TRIES: Final = 3  # times that publishing may fail in passing
_ACCEPTED: Final = 202
_PASSING: Final = frozenset({0, 408, 429, 500, 502, 503, 504})


class Watch:
    """All streams of an examination. After `begin` its `end` has to be called.

    Args:
        line: Where streams are opened.
        asker: Asks what is short.
        requests: The requests.
        clock: Returns seconds.
        quick: Seconds that short answers take.
        least: Seconds for which streams are watched at least.
    """

    def __init__(
        self, line: Line, asker: Asker, requests: Requests, clock: Callable[[], float], quick: float, least: float
    ) -> None:
        self._line, self._asker, self._requests, self._clock = line, asker, requests, clock
        self._patience = patience(quick)
        self._least = least
        self._encodings = BROWSER
        self._first: Stream | None = None
        self._running: dict[str, list[Following]] = {"quiet": [], "busy": []}
        self._crowds: list[tuple[Stream, ...]] = []
        self._published: deque[Published] = deque(maxlen=KEPT)
        self._unpublished: Answer | None = None

    async def begin(self) -> None:
        """Open a first stream as browsers do, and then as many as browsers would like to have."""
        first = self._follow("quiet")
        await first.until(_open, self._patience)
        if _packed(first.seen()):
            self._first = await first.stop()
            self._encodings = "identity"  # so that what is told of the others has other causes
            first = self._follow("quiet")
            await first.until(_open, self._patience)
        self._running["quiet"].append(first)
        busy = self._follow("busy")
        self._running["busy"].append(busy)
        if _open(first.seen()) and await busy.until(_open, self._patience):
            await self._crowd()
            if not all(map(_open, self._crowds[0])):
                await self._crowd()

    async def go_on(
        self, seconds: float, progress: Callable[[float, float], None], stopping: Callable[[], bool]
    ) -> None:
        """Watch.

        Args:
            seconds: For how long, at least.
            progress: Is told how many seconds have passed, and how many there will be.
            stopping: Says whether to end early.
        """
        publishing = asyncio.create_task(self._publish())
        begun = self._clock()
        try:
            while not stopping():
                passed = self._clock() - begun
                whole = max(seconds, self._least, *(passed + self._look_again(some) for some in self._running.values()))
                progress(min(passed, whole), whole)
                if passed >= whole or self._known():
                    break
                await asyncio.sleep(_TICK)
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)

    async def end(self, seen: Seen) -> Seen:
        """Close everything, and add what was seen."""
        replay = await self._replay()
        streams = {name: tuple([await one.stop() for one in some]) for name, some in self._running.items()}
        crowd, again = (*self._crowds, (), ())[:2]
        return replace(
            seen,
            first=self._first or streams["quiet"][0],
            quiet=streams["quiet"],
            busy=streams["busy"],
            crowd=crowd,
            crowded_again=again,
            signals=tuple(self._published),
            unpublished=self._unpublished,
            replay=replay,
        )

    def _follow(self, topic: str) -> Following:
        return Following(self._line, self._requests.stream(topic, self._encodings), self._clock)

    async def _crowd(self) -> None:
        some = [self._follow("quiet") for _ in range(CROWD - 2)]
        await asyncio.gather(*(one.until(_open, self._patience) for one in some))
        self._crowds.append(tuple([await one.stop() for one in some]))

    def _look_again(self, some: list[Following]) -> float:
        """Open a stream anew that was cut, once, and return how many seconds it has still to be watched."""
        first = some[0].seen()
        if not first.cut:
            return 0.0
        if len(some) == 1:
            some.append(self._follow("quiet" if some is self._running["quiet"] else "busy"))
        again = some[1].seen()
        lasted = first.ended or 0.0
        return 0.0 if again.ended is not None else max(0.0, lasted * 1.2 + 1.5 - again.watched)

    def _known(self) -> bool:
        """Say whether there is nothing more to be seen: everything has ended, and what was cut was so twice."""
        return all(_over(some[-1].seen(), len(some)) for some in self._running.values())

    async def _publish(self) -> None:
        number = failures = 0
        due = self._clock()
        while failures < _TRIES:
            answer = await self._asker.try_to(self._requests.publish(f"{MARK}{number}"))
            if answer.status == _ACCEPTED:
                self._published.append(Published(number, replace(answer, head=None)))
                number += 1
            else:
                self._unpublished = answer
                failures += 1 if answer.status in _PASSING else _TRIES
            due = max(due + EVERY, self._clock())
            await asyncio.sleep(due - self._clock())

    async def _replay(self) -> tuple[int, Answer] | None:
        """Resume before the last signals."""
        last = list(self._published)[-REPLAYED - 1 :]
        event_id = document(last[0].answer.body).get("id") if len(last) > 1 else None
        if not isinstance(event_id, str):
            return None
        return last[0].number, await self._asker.try_to(self._requests.poll(topic="busy", after=event_id))


def _open(stream: Stream) -> bool:
    return stream.first(OPEN) is not None


def _packed(stream: Stream) -> bool:
    return stream.head is not None and bool(stream.head.get("content-encoding"))


def _over(stream: Stream, times: int) -> bool:
    return stream.refused is not None or (stream.ended is not None and (times > 1 or not stream.cut))

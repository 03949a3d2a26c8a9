"""Watching one stream: what comes, when, and how it ends."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Final

from sse_signals.doctor.exchange import Ending, How, NoAnswer
from sse_signals.doctor.facts import Arrival, Stream
from sse_signals.doctor.line import NoConnection
from sse_signals.doctor.terms import MARK
from sse_signals.errors import InvalidInput
from sse_signals.wire.decoder import Decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sse_signals.doctor.exchange import Ask, Exchange, Head
    from sse_signals.doctor.line import Line

MOST: Final = 20_000  # events that are kept of a stream; beyond that the oldest are forgotten
FEW: Final = 1000  # events that are kept in any case: its first
BODY: Final = 64 * 1024  # bytes that are kept of what is no event stream
_PIECE: Final = 1024 * 1024  # bytes that a piece may grow to when it is unpacked
_OF_HUB: Final = "signals."  # what the names of the hub's own events begin with
_UNPACKED: Final = frozenset({"gzip", "deflate"})


class Following:
    """A stream that is watched from the moment it is asked for. Its `stop` has to be called.

    Args:
        line: Where it is asked for.
        ask: The request.
        clock: Returns seconds.
    """

    def __init__(self, line: Line, ask: Ask, clock: Callable[[], float]) -> None:
        self._line, self._ask, self._clock = line, ask, clock
        self._asked = clock()
        self._head: Head | None = None
        self._arrivals: list[Arrival] = []
        self._first_byte: float | None = None
        self._last_byte: float | None = None
        self._longest_silence = 0.0
        self._ending: Ending | None = None
        self._ended: float | None = None
        self._refused: str | None = None
        self._body = b""
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    def seen(self) -> Stream:
        """Return what has been seen so far."""
        return Stream(
            asked=self._asked,
            watched=self._since(),
            head=self._head,
            arrivals=tuple(self._arrivals),
            first_byte=self._first_byte,
            last_byte=self._last_byte,
            ending=self._ending,
            ended=self._ended,
            refused=self._refused,
            body=self._body,
            longest_silence=self._longest_silence,
        )

    async def until(self, condition: Callable[[Stream], bool], seconds: float) -> bool:
        """Wait until a condition holds or the stream is over; return whether it holds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        timer = loop.call_at(end, self._changed.set)
        while not condition(self.seen()) and not self._task.done() and loop.time() < end:
            self._changed.clear()
            await self._changed.wait()
        timer.cancel()
        return condition(self.seen())

    async def stop(self) -> Stream:
        """Close it, and return what has been seen."""
        seen = self.seen()
        self._task.cancel()
        await asyncio.wait([self._task])
        return seen

    async def _follow(self) -> None:
        try:
            async with self._line.ask(self._ask) as exchange:
                self._head = await exchange.head()
                self._changed.set()
                await self._read(exchange, self._head)
                self._ending, self._ended = exchange.ending, self._since()
        except NoConnection as error:
            self._refused = f"the server {error}"
        except NoAnswer as error:
            self._refused = f"the answer {error}"
            self._ending, self._ended = error.ending, self._since()
        except InvalidInput:
            self._ending, self._ended = Ending(How.RESET, "an event was too long to be a hub's"), self._since()
        finally:
            self._changed.set()

    async def _read(self, exchange: Exchange, head: Head) -> None:
        take = self._reader(head)
        while data := await exchange.read():
            now = self._since()
            self._first_byte = now if self._first_byte is None else self._first_byte
            self._longest_silence = max(self._longest_silence, now - (self._last_byte or 0.0))
            self._last_byte = now
            self._remember(take(data, now))
            self._changed.set()

    def _remember(self, some: Iterator[Arrival]) -> None:
        """Keep what tells something: not what a busy hub broadcasts, and not all of a day."""
        for one in some:
            if len(self._arrivals) < FEW or one.event.startswith(_OF_HUB) or MARK in one.data:
                self._arrivals.append(one)
            if len(self._arrivals) > MOST:
                del self._arrivals[FEW : FEW + MOST // 8]

    def _reader(self, head: Head) -> Callable[[bytes, float], Iterator[Arrival]]:
        coding = head.get("content-encoding").lower() or "identity"
        if head.begins_stream:
            return _Events(zlib.decompressobj(47) if coding in _UNPACKED else None, plain=coding == "identity").take
        return self._keep

    def _keep(self, data: bytes, _now: float) -> Iterator[Arrival]:
        self._body = (self._body + data)[:BODY]
        return iter(())

    def _since(self) -> float:
        return self._clock() - self._asked


class _Events:
    """Makes arrivals of the bytes of a stream; of none that are packed in a way that cannot be unpacked here."""

    def __init__(self, unpack: zlib._Decompress | None, *, plain: bool) -> None:
        self._unpack = unpack
        self._readable = plain or unpack is not None
        self._decoder = Decoder()

    def take(self, data: bytes, now: float) -> Iterator[Arrival]:
        """Yield what a piece completes."""
        if not self._readable:
            return
        if self._unpack is not None:
            try:
                data = self._unpack.decompress(data, _PIECE)
            except zlib.error:
                self._readable = False
                return
        for message in self._decoder.feed(data):
            yield Arrival(now, message.event, message.data, message.last_event_id)

"""A stream as it is read: its bytes, the events that a browser would see in them, and those that are messages."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from sse_signals.conformance.outcome import Failed
from sse_signals.errors import InvalidInput
from sse_signals.wire.decoder import Decoder, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.conformance.adapter import Events
    from sse_signals.conformance.connection import Answer, Connection, Head

_EVENT: Final = 4 * 1024 * 1024  # bytes of one event


class Stream:
    """One response to a stream request; it is read when somebody wants something of it.

    Attributes:
        connection: Its connection.
        head: The head of the response.
        body: What has come of the body.
        events: All events so far.
        signals: Those that are messages, and not the hub's own.
        messages: What was published as them.
    """

    def __init__(
        self,
        connection: Connection,
        head: Head,
        events: Events,
        patience: float,
        last_event_id: str = "",
        run: str = "",
    ) -> None:
        self._run = run
        self._shape = events
        self._patience = patience
        self._decoder = Decoder(last_event_id=last_event_id, limit=_EVENT)
        self.connection = connection
        self.head = head
        self.body = bytearray()
        self.events: list[Message] = []
        self.signals: list[Message] = []
        self.messages: list[Any] = []

    @property
    def last_event_id(self) -> str:
        """What a browser would resume with."""
        return self._decoder.last_event_id

    @property
    def retry_ms(self) -> int | None:
        """How long the hub asks to wait before a reconnect, in milliseconds."""
        return self._decoder.retry_ms

    @property
    def names(self) -> list[str]:
        """The names of the hub's own events."""
        return [event.event for event in self.events if event.event in self._shape.control]

    async def read(self, size: int | None = None) -> bool:
        """Take what comes next, and say whether anything came.

        Args:
            size: Bytes at most; None for what there is.

        Raises:
            Failed: It is not what an event stream may be.
        """
        data = await (self.connection.piece() if size is None else self.connection.piece(size))
        self.body += data
        try:
            for event in self._decoder.feed(data):
                self.events.append(event)
                if event.event not in self._shape.control and not self._foreign(event):
                    self.signals.append(event)
                    self.messages.append(at(event.data, self._shape.message) if self._shape.message else event.data)
        except InvalidInput as error:
            raise Failed(str(error)) from None
        return bool(data)

    def _foreign(self, event: Message) -> bool:
        """Say whether others have published it to everybody, as they may on a hub that is in use."""
        if not self._shape.topic:
            return False
        try:
            return self._run not in str(at(event.data, self._shape.topic))
        except Failed:
            return _is_json(event.data)  # what is none is nobody's

    async def until(self, done: Callable[[], object], awaited: str, seconds: float | None = None) -> None:
        """Read until something is true.

        Args:
            done: That.
            awaited: What it is called where it does not come.
            seconds: How long it may take; None for the patience of the run.

        Raises:
            Failed: It does not come.
        """
        patience = self._patience if seconds is None else seconds
        try:
            async with asyncio.timeout(patience):
                while not done():
                    if not await self.read() and not done():
                        raise Failed(f"the stream ended before {awaited} came")
        except TimeoutError:
            raise Failed(f"{awaited} did not come within {patience:g} s") from None

    async def take(self, count: int) -> list[Any]:
        """Return the first messages, so many."""
        awaited = "the message" if count == 1 else f"the last of {count} messages"
        await self.until(lambda: len(self.signals) >= count, awaited)
        return self.messages[:count]

    async def upto(self, last: Any) -> list[Any]:
        """Return all messages up to one that is known to come."""
        await self.until(lambda: last in self.messages[-64:], "a later message")
        return self.messages[: self.messages.index(last)]

    async def to_the_end(self) -> None:
        """Read until the response ends."""
        while await self.read():
            pass

    def close(self) -> None:
        """Let go of it at once, as a client does that crashes."""
        self.connection.close()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def at(text: str, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) points at in a text.

    Raises:
        Failed: The text is no JSON, or has nothing there.
    """
    try:
        value: Any = json.loads(text)
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            value = value[int(key)] if isinstance(value, list) else value[key]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise Failed(f"there is no {pointer or 'JSON'} in {text[:60]!r}") from None
    return value


def id_in(answer: Answer, where: str) -> str:
    """Return the id that the answer to a publish tells, by where the description says; empty where it says nowhere."""
    if where.endswith(":"):
        return answer.head.get(where[:-1].lower())
    text = answer.body.decode(errors="replace")
    return str(at(text, where)) if where.startswith("/") else text.strip() if where == "body" else ""


def resumed(expected: Sequence[Any], came: Sequence[Any]) -> str | None:
    """Return how what came differs from what should have come; None where it does not."""
    if list(came) == list(expected):
        return None
    wanted, seen = Counter(map(str, expected)), Counter(map(str, came))
    missing, beyond = len(wanted - seen), seen - wanted
    twice = sum(count for message, count in beyond.items() if message in wanted)
    foreign = beyond.total() - twice
    parts = [
        f"{missing} of {len(expected)} lost" if missing else "",
        f"{twice} came twice" if twice else "",
        f"{foreign} came that should not" if foreign else "",
    ]
    return ", ".join(part for part in parts if part) or "the order is another"

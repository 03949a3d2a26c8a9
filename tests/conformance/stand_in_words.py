"""What the stand-in puts on the wire, with and without faults."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping

EPOCH = "abcdef01"
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass
class Record:
    """What was published."""

    number: int
    topic: str
    message: Any
    event: str = ""


@dataclass(eq=False)
class Listener:
    """One open stream."""

    writer: asyncio.StreamWriter
    topics: list[str]
    chunked: bool
    held: list[bytes] = field(default_factory=list)
    order: int = 0

    def send(self, data: bytes) -> None:
        """Write a part of the body."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def end(self) -> None:
        """End the response."""
        if self.chunked:
            self.writer.write(b"0\r\n\r\n")
        self.writer.close()


class Refused(Exception):
    """An answer that says no."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None, reason: str = "It is no good.") -> None:
        super().__init__(reason)
        self.status, self.headers, self.reason = status, dict(headers or {}), reason


class Words:
    """Ids, events and messages as bytes."""

    def __init__(self, faults: Iterable[str], *, text: bool) -> None:
        self.faults = frozenset(faults)
        self.text = text

    def has(self, fault: str, topics: Iterable[str] = (), about: str = "") -> bool:
        """Say whether a fault is switched on, and concerns one of some topics."""
        return fault in self.faults and (not about or any(topic.endswith(about) for topic in topics))

    def id_of(self, number: int, listener: Listener) -> str:
        """Return an id as a stream shows it."""
        if self.has("repeated-ids", listener.topics, "/crowd"):
            number -= number % 2
        own = f"~{'abcdefghij'[listener.order % 10]}" if self.has("own-ids") else ""
        return f"{EPOCH}-{number}{own}"

    def frame(self, record: Record, listener: Listener) -> bytes:
        """Return an event."""
        lines = [] if self.has("no-ids") else [f"id: {self.id_of(record.number, listener)}"]
        if record.event:
            lines.append(f"event: {record.event}")
        if self.has("raw-topic"):
            lines.append(f": {record.topic}")
        return "\n".join([*lines, *self.data_lines(record), "", ""]).encode(errors="surrogatepass")

    def data_lines(self, record: Record) -> list[str]:
        """Return the lines that hold a message."""
        message = record.message
        if isinstance(message, str):
            if self.has("line-feeds"):
                message = _LINE_END.sub("\n", message)
            if self.has("stops-at-nul"):
                message = message.partition("\0")[0]
        if self.text:
            text = message if isinstance(message, str) else json.dumps(message)
            if self.has("unsplit"):
                return [f"data: {text}"]
            if self.has("paragraphs"):
                text = text.replace("\n\n", "\n\0\n") if "injected" in text else text
                return ["" if line == "\0" else f"data: {line}" for line in text.split("\n")]
            lines = [f"data: {line}" for line in (text.split("\n") if self.has("cr") else _LINE_END.split(text))]
            leaked = {fault: f"data: {fault.removeprefix('leaks-')}:" for fault in ("leaks-id", "leaks-retry")}
            leaks = tuple(start for fault, start in leaked.items() if self.has(fault))
            return [line.removeprefix("data: ") if leaks and line.startswith(leaks) else line for line in lines]
        text = json.dumps({"topic": record.topic, "message": message}, ensure_ascii=False)
        if self.has("raw-json"):
            text = text.replace("\\n", "\n")
        return [f"data: {line}" for line in (text.splitlines() if self.has("splitlines") else [text])]

    def control(self, name: str, listener: Listener, data: Any = None, *, number: int | None = None) -> bytes:
        """Return one of the hub's own events."""
        shown = "" if number is None or self.has("no-ids") else f"id: {self.id_of(number, listener)}\n"
        return f"event: {name}\n{shown}data: {json.dumps(data or {})}\n\n".encode()

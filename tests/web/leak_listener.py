"""A stream that somebody reads, and what stands in it; what to send to open one, or to say something."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    import asyncio

    from tests.web.leak_oracle import Person, Said, Texts


@dataclass
class Listener:
    """An open stream, and all that came on it until now."""

    person: Person
    asked: Texts
    path: str
    reader: asyncio.StreamReader
    chunked: bool
    text: bytes = b""
    name: str = ""
    ticket: str = ""
    cookie: str = ""
    due: list[int] = field(default_factory=list)
    were: list[Person] = field(default_factory=list)  # who it was before renewals, and what it was told then

    async def read_until(self, mark: bytes) -> None:
        """Read whole writes until one holds ``mark``."""
        start = len(self.text)
        while mark not in self.text[start:]:
            if self.chunked:
                size = int(await self.reader.readuntil(b"\r\n"), 16)
                self.text += (await self.reader.readexactly(size + 2))[:-2]
                assert size, "it ended"
            else:
                self.text += await self.reader.readuntil(b"\n")


def query_of(asked: Texts) -> str:
    plugins = {each for each in asked if each.isalpha() and f"{each}:*" in asked}
    topics = [each for each in asked if each.partition(":")[0] not in plugins or each not in _of_plugins(plugins)]
    return "&".join([*(f"plugin={each}" for each in sorted(plugins)), *(f"topic={quote(each)}" for each in topics)])


def _of_plugins(plugins: set[str]) -> set[str]:
    return plugins | {f"{each}:*" for each in plugins}


def body_of(signal: Said, number: int) -> dict[str, Any]:
    """Return a signal as somebody sends it; one for a plugin's topic in one of two ways."""
    said: dict[str, Any] = {"message": number}
    plugin, colon, topic = (signal.where or "").partition(":")
    if colon and number % 2:
        said |= {"plugin": plugin, "topic": topic}
    elif signal.where is not None:
        said |= {"topic": signal.where}
    return said if signal.targets is None else said | {"targetOwnershipEntityRefs": list(signal.targets)}


def _objects(text: bytes) -> list[tuple[str | None, dict[str, Any]]]:
    """Return the name and the data of each event, of an event stream or of JSON lines."""
    found: list[tuple[str | None, dict[str, Any]]] = []
    for block in text.decode().split("\n\n" if text.startswith((b"retry", b"event")) else "\n"):
        if block.startswith("{"):
            line = json.loads(block)
            control = str(line.get("event", "")).startswith("signals.")
            found.append((line.get("event"), line["message"] if control else line))
        elif block.strip():
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            found.append((fields.get("event"), json.loads(fields["data"])))
    return found


def events_of(text: bytes) -> list[tuple[int, str | None]]:
    return [(data["message"], data.get("topic")) for name, data in _objects(text) if name is None]


def named(one: Listener) -> str:
    ((name, receipt),) = _objects(one.text.rstrip())
    assert name == "signals.open"
    assert receipt["subject"] == one.person.name
    return str(receipt["stream"])

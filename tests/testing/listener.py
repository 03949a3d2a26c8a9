"""A client that knows nothing of the hub but HTTP, for synchronous tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator


class Listener:
    """An open stream."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def block(self) -> dict[str, str]:
        """Return the fields of the next block."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                return fields
            name, _, value = line.partition(": ")
            fields[name] = value
        raise EOFError("the response has ended")


@contextmanager
def listening(url: str, query: str = "", *, timeout: float = 20.0, **headers: str) -> Iterator[Listener]:
    """Open a stream and read its receipt, waiting for each byte no longer than ``timeout`` seconds."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(timeout=timeout) as client, client.stream("GET", f"{url}/stream{query}", headers=named) as stream:
        listener = Listener(stream.iter_lines())
        assert listener.block()["event"] == "signals.open"
        yield listener

"""A server that answers in somebody's place: a front while its hub is being deployed, or a thief of tokens."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from types import TracebackType


class Asked(NamedTuple):
    """One request at a stand-in: when it came, and its head."""

    time: float
    head: bytes


class StandIn:
    """A server that answers in somebody's place, whatever it is asked.

    Attributes:
        answers: What it answers, one after the other; the last again and again.
        asked: The requests that came.
        address: Where it is.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return host, port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            self.asked.append(Asked(monotonic(), await reader.readuntil(b"\r\n\r\n")))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            writer.write(answer)
            await writer.drain()
        writer.close()


def answer(status: int, *headers: str, body: str = "<h1>Not here, not now</h1>", kind: str = "text/html") -> bytes:
    """Return a response after which the connection ends."""
    head = [f"HTTP/1.1 {status} Whatever", "Connection: close", f"Content-Type: {kind}", *headers, "", body]
    return "\r\n".join(head).encode()


def stream_of(*blocks: str) -> bytes:
    """Return the response of a stream that begins, says something, and ends well."""
    return answer(200, body="".join(block + "\n\n" for block in blocks), kind="text/event-stream")

"""A request over a connection of HTTP/1.1 of its own."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from sse_signals.doctor import http1
from sse_signals.doctor.exchange import MAX_HEAD, Ending, Head, How, NoAnswer

if TYPE_CHECKING:
    import asyncio

    from sse_signals.doctor.exchange import Ask

_PIECE = 64 * 1024  # bytes


class Exchange1:
    """See `exchange.Exchange`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ask: Ask, host: str) -> None:
        self.ending: Ending | None = None
        self._reader = reader
        self._body = http1.Body(Head(204))  # until there is a head
        self._rest = b""
        writer.write(http1.request(ask, host))

    async def head(self) -> Head:
        """See `exchange.Exchange.head`."""
        while True:
            raw = await self._until_empty_line()
            head = http1.head(raw)
            if head.status >= 200:
                break
        self._body = http1.Body(head)
        return head

    async def read(self) -> bytes:
        """See `exchange.Exchange.read`."""
        body = self._body
        while self.ending is None:
            if body.complete:
                self.ending = Ending(How.CLEAN)
                break
            try:
                data, self._rest = self._rest or await self._reader.read(_PIECE), b""
                if not data:
                    self.ending = body.end()
                elif part := body.feed(data):
                    return part
            except NoAnswer as error:
                self.ending = error.ending
            except (OSError, ssl.SSLError) as error:
                self.ending = Ending(How.RESET, reason(error))
        return b""

    async def _until_empty_line(self) -> bytes:
        while b"\r\n\r\n" not in self._rest:
            try:
                data = await self._reader.read(_PIECE)
            except (OSError, ssl.SSLError) as error:
                raise NoAnswer(Ending(How.RESET, reason(error))) from None
            if not data or len(self._rest) > MAX_HEAD:
                raise NoAnswer(Ending(How.INCOMPLETE))
            self._rest += data
        raw, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return raw


def reason(error: OSError) -> str:
    """Return what the operating system, or TLS, says of an error, without its number."""
    said = getattr(error, "reason", None) or (os.strerror(error.errno) if error.errno else type(error).__name__)
    return str(said).lower().replace("_", " ")

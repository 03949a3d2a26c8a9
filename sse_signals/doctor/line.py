"""Connections to one server, as a browser makes them: HTTP/2 where TLS offers it, otherwise HTTP/1.1."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from sse_signals.doctor.line1 import Exchange1, reason
from sse_signals.doctor.line2 import Connection2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.doctor.exchange import Ask, Exchange
    from sse_signals.doctor.target import Target

CONNECT: Final = 10.0  # seconds for a TCP connection, and for TLS on it
HTTP2: Final = "h2"


class NoConnection(Exception):
    """There is no connection to the server; the text is the end of a sentence about it.

    Attributes:
        certificate: Whether only its certificate is the reason.
    """

    def __init__(self, text: str, *, certificate: bool = False) -> None:
        super().__init__(text)
        self.certificate = certificate


class Line:
    """Where requests are sent. With HTTP/2 they share a connection while it lasts, with HTTP/1.1 each has its own.

    Args:
        target: The server.
        verify: Whether its certificate has to be valid.
        connect: Seconds for a connection.

    Attributes:
        protocol: What is spoken, as ALPN has it; None before the first connection.
    """

    def __init__(self, target: Target, *, verify: bool = True, connect: float = CONNECT) -> None:
        self._target = target
        self._connect = connect
        self._context = context(verify=verify) if target.tls else None
        self._all: list[Connection2] = []  # one after the other, each until it takes no more
        self._connecting = asyncio.Lock()
        self.protocol: str | None = None

    @asynccontextmanager
    async def ask(self, ask: Ask) -> AsyncIterator[Exchange]:
        """Send a request; who leaves the context takes nothing more of its answer.

        Raises:
            NoConnection: It cannot be sent.
            NoAnswer: There will be no answer.
        """
        async with self._connecting:
            connection = await self._connection()
        if isinstance(connection, Connection2):
            exchange = await connection.ask(ask)
            try:
                yield exchange
            finally:
                exchange.close()
        else:
            reader, writer = connection
            try:
                yield Exchange1(reader, writer, ask, self._target.authority)
            finally:
                writer.close()

    async def close(self) -> None:
        """Close what is shared."""
        for shared in self._all:
            await shared.close()

    async def _connection(self) -> Connection2 | tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._all and self._all[-1].gone is None:
            return self._all[-1]
        reader, writer = await self._open()
        if self.protocol != HTTP2:
            return reader, writer
        self._all.append(Connection2(reader, writer, self._target.authority))
        return self._all[-1]

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        target = self._target
        try:
            async with asyncio.timeout(self._connect):
                reader, writer = await asyncio.open_connection(target.host, target.port, ssl=self._context)
        except TimeoutError:
            raise NoConnection(f"does not answer within {self._connect:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise NoConnection(error.verify_message.rstrip("."), certificate=True) from None
        except ssl.SSLError as error:
            raise NoConnection(f"does not speak TLS ({reason(error)})") from None
        except socket.gaierror:
            raise NoConnection("has a name that cannot be found") from None
        except OSError as error:
            raise NoConnection(f"cannot be connected to ({reason(error)})") from None
        tls = writer.get_extra_info("ssl_object")
        self.protocol = (tls.selected_alpn_protocol() if tls is not None else None) or "http/1.1"
        return reader, writer


def context(*, verify: bool) -> ssl.SSLContext:
    """Return what a TLS connection needs.

    Args:
        verify: Whether the certificate has to be valid.
    """
    made = ssl.create_default_context() if verify else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.set_alpn_protocols([HTTP2, "http/1.1"])
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made

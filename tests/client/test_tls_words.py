"""Why there is no TLS connection, in the same words from both clients."""

from __future__ import annotations

import asyncio
import socketserver
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from sse_signals import BrokerUnavailable, SignalsClient
from sse_signals.client.tls_words import told
from tests.client.sync_world import client

if TYPE_CHECKING:
    from collections.abc import Iterator


def failed(reason: str | None) -> ssl.SSLError:
    """Return an error of OpenSSL."""
    error = ssl.SSLError(1, "[SSL] secret (_ssl.c:1)")
    error.reason = reason  # type: ignore[assignment] # it may be None
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (failed("WRONG_VERSION_NUMBER"), "there is no TLS at this port; write http:// if that is meant"),
        (failed("RECORD_LAYER_FAILURE"), "there is no TLS at this port; write http:// if that is meant"),
        (failed("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "TLS fails (tlsv13 alert certificate required)"),
        (failed(None), "TLS fails (for an unknown reason)"),
        (ssl.SSLEOFError(8, "EOF"), "the connection broke"),
        (ssl.SSLZeroReturnError(6, "closed"), "the connection broke"),
    ],
)
def test_words(error: ssl.SSLError, words: str) -> None:
    """Never those of the system's error of the same number, as "Operation not permitted"."""
    assert told(error) == words


class Plain(socketserver.StreamRequestHandler):
    """A server that speaks no TLS."""

    def handle(self) -> None:
        """Answer whatever comes as HTTP does."""
        self.connection.recv(1024)
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def url() -> Iterator[str]:
    """The https URL of a port without TLS."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Plain) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


async def test_https_where_there_is_no_tls(url: str) -> None:
    """Both say what is the matter, and what to write."""
    async with SignalsClient.for_plugin("catalog", url=url, timeout=2.0) as asynchronous:
        with pytest.raises(BrokerUnavailable, match="there is no TLS at this port; write http://"):
            await asynchronous.publish(1)

    def synchronous() -> None:
        with (
            client(url, timeout=2.0) as catalog,
            pytest.raises(BrokerUnavailable, match="there is no TLS at this port"),
        ):
            catalog.publish(1)

    await asyncio.to_thread(synchronous)

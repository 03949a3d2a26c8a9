"""Publishing to servers that are no hub, or not where they were said to be."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from sse_signals import BrokerUnavailable, SignalsClient, UnexpectedAnswer
from sse_signals.client import http
from sse_signals.client.answers import MAX_ANSWER
from tests.client.scripted import Reply, reply, scripted

if TYPE_CHECKING:
    from tests.client.scripted import Asked

KEY = ConnectionKey("hub", 443, True, True, None, None, None)
DONE = reply(202, b'{"id":"a-1"}')


async def test_a_redirect_is_not_followed() -> None:
    """Neither here nor elsewhere: the token is for nobody else, and the error says where the hub is (security 24)."""
    async with scripted(DONE) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            async with scripted(reply(status, Location=f"{elsewhere.url}/signals/publish?x=1")) as server:
                async with SignalsClient.for_plugin("a", url=server.url, token="the-token") as client:
                    with pytest.raises(UnexpectedAnswer, match=f"on to {elsewhere.url}/signals/publish,") as caught:
                        await client.publish(1)
                    assert caught.value.status == status
                    with pytest.raises(UnexpectedAnswer, match=f"on to {elsewhere.url}/signals/publish,"):
                        async with client.subscribe():
                            pass
                assert len(server.asked) == 2
        assert (elsewhere.connections, elsewhere.asked) == (0, [])


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (reply(404, b"<html>no such page</html>", "text/html"), "404 Not Found: .* is no hub's"),
        (reply(200, b'{"hello":"world"}'), "200 OK: .* is no hub's"),
        (reply(202, b'{"id":"a-1"'), "202 Accepted"),
        (reply(400, b'{"type":"urn:sse-signals:prob', "application/problem+json"), "400 Bad Request"),
        (reply(202, b"x" * 3_000_000, then="close"), "202 Accepted"),
        (reply(500, b"oh"), "500 Internal Server Error"),
    ],
)
async def test_servers_that_are_no_hub(odd: Reply, said: str) -> None:
    """A wrong URL, a broken proxy: told at once, however long the answer is."""
    async with scripted(odd) as server, SignalsClient.for_plugin("a", url=server.url) as client:
        with pytest.raises(UnexpectedAnswer, match=said):
            await client.publish(1)
        assert len(server.asked) == 1


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    """As much as an answer may have, and no more: the rest is nobody's business."""
    head = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
    async with scripted(Reply(head + b"x" * (MAX_ANSWER + 1), "hold")) as server:
        async with SignalsClient.for_plugin("a", url=server.url, timeout=240.0) as client:
            with pytest.raises(UnexpectedAnswer, match="202 Accepted"):
                await client.publish(1)
        assert len(server.asked) == 1


async def test_a_server_that_speaks_something_else() -> None:
    """Not HTTP at all: tried again until the time is over."""

    def answer(_: Asked) -> Reply:
        return Reply(b"220 mail.example.com ESMTP\r\n", "close")

    async with scripted(by=answer) as server, SignalsClient.for_plugin("a", url=server.url, timeout=0.3) as client:
        with pytest.raises(BrokerUnavailable):
            await client.publish(1)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "no answer in time"),
        (aiohttp.ServerDisconnectedError(), "the connection was closed without an answer"),
        (aiohttp.ClientPayloadError("secret"), "the connection broke in the middle of an answer"),
        (aiohttp.ClientOSError(104, "secret"), "the connection broke"),
        (ConnectionResetError("secret"), "the connection broke"),
        (aiohttp.InvalidURL("http://secret"), "the answer is no HTTP (InvalidURL)"),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "secret")), "its host is not known"),
        (aiohttp.ClientConnectorError(KEY, OSError(111, "Connect call failed")), "Connection refused"),
        (aiohttp.ClientConnectorError(KEY, OSError()), "no connection"),
        (
            aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError(1, "self-signed")),
            "its certificate is not valid (self-signed)",
        ),
    ],
)
def test_why_a_request_failed(error: Exception, said: str) -> None:
    """In words, and without what the request held."""
    assert http.told(error) == said

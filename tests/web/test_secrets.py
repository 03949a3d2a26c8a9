"""What clients send stays out of the logs, but for topics."""

from __future__ import annotations

import contextlib
import json

from tests.web.process import command
from tests.web.rawhttp import ask, connection, exchange, request

HEADERS = (
    "Authorization: Bearer canary-token",
    "Cookie: session=canary-cookie",
    "Origin: http://localhost",
    "X-Other: canary-header",
)
JSON = "Content-Type: application/json"
PUBLISH = "/signals/publish?topic=orders"


async def test_nothing_a_client_sends_is_logged() -> None:
    """No query, header, body or broken line is in the logs, however requests and streams end."""
    async with command("--max-streams", "1", "--max-message", "1000", "--max-body", "2000") as hub:
        url = hub.url
        async with contextlib.AsyncExitStack() as stack:
            reader, writer = await stack.enter_async_context(connection(url))
            writer.write(request("GET", "/signals/stream?topic=orders", "Last-Event-ID: canary-id", *HEADERS))
            await reader.readuntil(b"signals.open")
            good = await ask(url, request("POST", PUBLISH, *HEADERS, body=b"canary-body"))
            await reader.readuntil(b"canary-body")
            full = await ask(url, request("GET", "/signals/stream?poll=1", "Last-Event-ID: canary-id", *HEADERS))
            told = await ask(url, request("GET", "/signals/stream", "Last-Event-ID: canary-id", *HEADERS))
        answers = [
            await ask(url, request("GET", "/signals/stream?token=canary-query", *HEADERS)),
            await ask(url, request("GET", "/signals/stream?since=canary-query", *HEADERS)),
            await ask(url, request("POST", "/signals/publish?token=canary-query", *HEADERS, body=b"canary-body")),
            await ask(url, request("POST", "/signals/publish", JSON, *HEADERS, body=b'{"canary-body": "canary-body"}')),
            await ask(url, request("POST", "/signals/publish", JSON, *HEADERS, body=b"{canary-body")),
            await ask(url, request("GET", "/signals/nothing?token=canary-query", *HEADERS)),
            await ask(url, request("POST", PUBLISH, *HEADERS, body=b"canary-body" * 150)),
            await ask(url, request("POST", PUBLISH, *HEADERS, body=b"canary-body" * 300)),
        ]
        broken = [
            await ask(url, b"canary line\r\n\r\n"),
            await ask(url, request("GET", "/signals/stream", "canary header")),
            await ask(url, request("GET", "/signals/stream", "X: canary" + "x" * 9000)),
            await ask(url, request("GET", "/signals/stream", "Last-Event-ID: canary\0id", *HEADERS)),
            await ask(url, request("CANARY", "/signals/stream?canary", *HEADERS)),
            await ask(url, request("POST", PUBLISH, "Transfer-Encoding: chunked", body=b"canary\r\n")),
        ]
        await exchange(url, b"\x16\x03\x01canary\r\n\r\n")
        logs = await hub.stop()
    assert (good.status, full.status, told.status) == (202, 503, 200)
    assert [answer.status for answer in answers] == [400, 400, 400, 400, 400, 404, 413, 413]
    assert [answer.status for answer in broken] == [400] * len(broken)
    told_of = {entry["event"].partition(":")[0] for entry in logs}
    assert {"stream opened", "stream closed", "stream refused", "broken request refused"} <= told_of
    assert "canary" not in json.dumps(logs).lower()

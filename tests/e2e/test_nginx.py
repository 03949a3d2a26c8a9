from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients import CHROMIUM, CLIENTS
from tests.e2e.inbox import Inbox
from tests.e2e.nginx import behind, nginx
from tests.e2e.proxy import Proxy
from tests.e2e.scenario import CUTS, HISTORY, SEEN, Publisher, golden

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import aiohttp

    from sse_signals.server import Running
    from tests.conftest import StartHub
    from tests.e2e.inbox import Listen


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an nginx."""
    async with nginx(tmp_path) as url:
        yield url


# Not sseclient-py: it hands out a torn event when a response ends, and nginx ends the response when it loses the hub.
@pytest.mark.parametrize(
    ("listen", "version"),
    [("curl", "1.0"), ("curl", "1.1"), ("httpx-sse", "1.0"), ("httpx-sse", "1.1"), (CHROMIUM, "1.0")],
    indirect=["listen"],
)
async def test_golden(
    start_hub: StartHub, http: aiohttp.ClientSession, pages: str, front: str, listen: Listen, version: str
) -> None:
    """Behind nginx every client gets the same, at whatever byte nginx loses the hub, with HTTP/1.0 and 1.1 alike."""
    hub = await start_hub(heartbeat=3600, history_count=HISTORY, cors_origins=pages)
    some = CUTS[-6:]  # since a browser opens no more connections to one server
    await golden(http, hub.url, listen, way=lambda url: behind(front, url, version), cuts=some)


async def test_http_versions_side_by_side(hub: Running, http: aiohttp.ClientSession, front: str) -> None:
    """Streams for the same topics get the same events, in chunks with HTTP/1.1 and without with 1.0."""
    async with AsyncExitStack() as stack:
        proxies = {version: await stack.enter_async_context(Proxy(hub.url)) for version in ("1.0", "1.1")}
        inboxes = [Inbox(), Inbox()]
        for inbox, (version, proxy) in zip(inboxes, proxies.items(), strict=True):
            await stack.enter_async_context(CLIENTS["curl"](f"{behind(front, proxy.url, version)}/stream", inbox))
            await inbox.until_open()
        events = await Publisher(http, hub.url).each(SEEN)
        for inbox in inboxes:
            await inbox.until(events[-1].id)
            assert inbox.without("signals.open", "signals.heartbeat") == events
            assert inbox.resumes == [None]  # what it got was no mess that made it come back
        for version, proxy in proxies.items():
            assert proxy.requests[0].startswith(b"GET /signals/stream HTTP/%b\r\n" % version.encode())
        old, new = (head_lines(proxy.responses[0]) for proxy in proxies.values())
        assert b"transfer-encoding: chunked" in new
        assert not any(line.startswith((b"transfer-encoding", b"content-length")) for line in old)
        assert b"connection: close" in old
        assert b"connection: close" in new  # so that nginx keeps it for no other request


def head_lines(response: bytes) -> list[bytes]:
    """Return the lines of a response's head in lower case."""
    return response.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")

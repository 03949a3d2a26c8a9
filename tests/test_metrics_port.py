"""The metrics' own port: what there is at it, who may ask, that a drain does not touch it, and how workers use it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import structlog
from structlog.testing import capture_logs

from sse_signals.errors import ConfigurationError
from sse_signals.own_port import own_port
from sse_signals.server import Running, running
from sse_signals.settings import load
from tests.scraping import values
from tests.web.rawhttp import Answer, ask, request

if TYPE_CHECKING:
    from tests.conftest import StartHub

OPENMETRICS = "Accept: application/openmetrics-text"
TAKEN = r"^Cannot listen on 127\.0\.0\.1 port \d+: Address already in use; .* with --metrics-host and --metrics-port\.$"
SECRET = "0123456789abcdef0123456789abcdef"


class Port:
    """A hub with a port for metrics."""

    def __init__(self, hub: Running, url: str) -> None:
        self.hub = hub
        self.url = url.removesuffix("/metrics")

    async def get(self, path: str, *headers: str, method: str = "GET", host: str = "localhost") -> Answer:
        """Ask for something at the port."""
        return await ask(self.url, request(method, path, *headers, host=host))


async def opened(start_hub: StartHub, **options: Any) -> Port:
    """Start a hub with a free port for metrics."""
    with capture_logs() as lines:
        hub = await start_hub(metrics_port=0, **options)
    (line,) = [line for line in lines if line["event"] == "metrics at"]
    assert line["url"].endswith("/metrics")
    return Port(hub, line["url"])


@pytest.fixture
async def port(start_hub: StartHub) -> Port:
    """A hub whose metrics have a port of their own."""
    return await opened(start_hub)


async def test_what_there_is(port: Port) -> None:
    """Metrics and health, with the prefix and without; HEAD says the same without a body; all else is a problem."""
    for path in ("/metrics", "/signals/metrics"):
        answer = await port.get(path)
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert answer.headers["Cache-Control"] == "no-store"
        assert values(answer)["sse_signals_ready", ""] == 1
        head = await port.get(path, method="HEAD")
        assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", answer.headers["Content-Type"])
    scraped = await port.get("/metrics", OPENMETRICS)
    assert scraped.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert scraped.body.endswith(b"# EOF\n")
    for start in ("", "/signals"):
        for state in ("live", "ready"):
            answer = await port.get(f"{start}/health/{state}", "X-Request-Id: mine")
            assert (answer.status, answer.json) == (200, {"status": state})
            assert answer.headers["X-Request-Id"] == "mine"
    for path in ("/", "/signals/stream", "/signals/publish", "/signals/streams", "/metrics/", "/families"):
        refused = await port.get(path)
        assert (refused.status, refused.kind) == (404, "not-found")
        assert "/health/ready" in refused.problem["hint"]
    assert (await port.get("/metrics", "Expect: something")).status == 200
    wrong = await port.get("/metrics", method="POST")
    assert (wrong.status, wrong.kind, wrong.headers["Allow"]) == (405, "method-not-allowed", "GET, HEAD")


async def test_the_hubs_own_port_says_where_they_are(port: Port) -> None:
    """Its path is still there, and names the setting; health is at both."""
    answer = await ask(port.hub.url, request("GET", "/signals/metrics"))
    assert answer.status == 404
    assert "SIGNALS_METRICS_PORT" in answer.problem["hint"]
    assert (await ask(port.hub.url, request("GET", "/signals/health/ready"))).status == 200


async def test_nobody_has_to_authenticate_there_and_nothing_else_is_there(start_hub: StartHub) -> None:
    """Where tokens are needed, monitoring needs none; a page on the web gets nothing by it, through whatever name."""
    port = await opened(start_hub, auth="jwt", jwt_secret=SECRET, cors_origins="https://app.example")
    answer = await port.get("/metrics", "Origin: https://app.example")
    assert values(answer)["sse_signals_ready", ""] == 1
    assert not any(name.lower().startswith("access-control") for name in answer.headers)
    assert (await port.get("/signals/streams")).status == 404
    for host in ("evil.example", "169.254.0.1"):
        for path in ("/metrics", "/health/live", "/x"):
            refused = await port.get(path, host=host)
            assert (refused.status, refused.kind) == (403, "host-not-allowed")
            assert "SIGNALS_METRICS_HOST" in refused.problem["hint"]
    assert (await ask(port.url, request("GET", "/metrics", host=None))).status == 400
    for host in ("127.0.0.1", "[::1]:9090", "localhost:1"):
        assert (await port.get("/metrics", host=host)).status == 200


async def test_at_another_address_any_name_is_good(start_hub: StartHub) -> None:
    """Probes ask a pod by its address, whatever that is."""
    port = await opened(start_hub, metrics_host="0.0.0.0")
    port.url = port.url.replace("0.0.0.0", "127.0.0.1")
    assert (await port.get("/health/live", host="10.1.2.3:9090")).status == 200


async def test_a_drain_does_not_touch_it(start_hub: StartHub) -> None:
    """It says at once that the hub is not ready, and goes on answering until the process has nothing left to do."""
    port = await opened(start_hub, drain_delay=30)
    draining = asyncio.create_task(port.hub.service.drain())
    async with asyncio.timeout(30):
        await port.hub.service.site.departure.begun.wait()
        unready = await port.get("/health/ready")
        assert (unready.status, unready.kind, unready.headers["Retry-After"]) == (503, "shutdown", "2")
        assert (await port.get("/health/live")).status == 200
        told = values(await port.get("/metrics"))
        assert (told["sse_signals_ready", ""], told["sse_signals_draining", ""]) == (0, 1)
        port.hub.service.site.departure.hurry()
        await draining
        assert (await port.get("/metrics")).status == 200


async def test_it_is_closed_last() -> None:
    """It still answers when the hub's own port is closed and its node has stopped, and then nobody listens there."""
    settings = load({}, {"port": 0, "metrics_port": 0})
    seen: list[int] = []
    async with AsyncExitStack() as stack:
        with capture_logs() as lines:
            hub = await stack.enter_async_context(running(settings, structlog.get_logger()))
        port = Port(hub, next(line["url"] for line in lines if line["event"] == "metrics at"))
        stop = hub.service.site.service.stop

        async def stop_and_look() -> None:
            await stop()
            with pytest.raises(OSError, match="Connect"):
                await ask(hub.url, request("GET", "/signals/health/live"))
            seen.extend([(await port.get(path)).status for path in ("/health/live", "/health/ready", "/metrics")])

        hub.service.site.service.stop = stop_and_look  # type: ignore[method-assign]
    assert seen == [200, 503, 200]
    with pytest.raises(OSError, match="Connect"):
        await port.get("/health/live")


async def test_an_answer_that_fails(port: Port) -> None:
    """What nobody foresaw is a 500 for who asks, and a traceback in the log."""
    failing = mock.AsyncMock(side_effect=RuntimeError("secret"))
    with capture_logs() as lines, mock.patch.object(port.hub.service.site.metrics, "families", failing):
        answer = await port.get("/metrics")
    assert (answer.status, answer.kind) == (500, "internal-error")
    assert b"secret" not in answer.body
    assert [line["event"] for line in lines] == ["request failed"]


async def test_a_port_that_is_taken() -> None:
    """It stops the start with a sentence that names its own options, also if somebody else listens first."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = load({}, {"port": 0, "metrics_port": taken.getsockname()[1]})
        with pytest.raises(ConfigurationError, match=TAKEN):
            async with running(settings, structlog.get_logger()):
                pass
    with socket.socket() as first:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        first.bind(("127.0.0.1", 0))
        settings = load({}, {"port": 0, "metrics_port": first.getsockname()[1]})
        async with own_port(settings, structlog.get_logger()) as answer_for:
            first.listen()
            with pytest.raises(ConfigurationError, match=TAKEN):
                await answer_for(mock.Mock())

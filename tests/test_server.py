"""The hub as a server: its start and what stops it, its end, and what settings make of it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from unittest import mock

import jwt
import pytest
import structlog

from sse_signals import server
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.errors import ConfigurationError
from sse_signals.server import running
from sse_signals.settings import load
from tests.web.doors import own
from tests.web.process import DEADLINE, command
from tests.web.rawhttp import ask, connection, exchange, request

if TYPE_CHECKING:
    from sse_signals import HistoryLimits


def settings(**options: Any) -> Any:
    """Return settings for a hub on a free port."""
    return load({}, {"port": 0, **options})


async def test_a_port_that_is_taken() -> None:
    """A port somebody else has stops the start with a sentence that says what to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"^Cannot listen on 127.0.0.1 port {port}: Address .* --port"):
            async with running(settings(port=port), structlog.get_logger()):
                pass


async def test_a_host_that_is_none() -> None:
    """A host that cannot be found stops the start in the same way."""
    with pytest.raises(ConfigurationError, match=r"^Cannot listen on no\.such\.host\.invalid port 0: .*--host"):
        async with running(settings(host="no.such.host.invalid", insecure=True), structlog.get_logger()):
            pass


async def test_a_broker_that_is_none() -> None:
    """A broker nobody knows stops the start."""
    with pytest.raises(ConfigurationError, match="memory://"):
        async with running(settings(broker="carrier-pigeon://coop"), structlog.get_logger()):
            pass


async def test_a_start_that_fails_leaves_nothing() -> None:
    """After a start that failed no task is left behind."""
    tasks = asyncio.all_tasks()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigurationError):
        async with running(settings(port=taken.getsockname()[1]), structlog.get_logger()):
            pass
    assert asyncio.all_tasks() == tasks


class Unusable(MemoryBroker):
    """A log that refuses to be read."""

    closed = False

    async def tail(self, limits: HistoryLimits) -> Any:
        raise ConfigurationError(f"It keeps no {limits.count} events.")

    async def close(self) -> None:
        self.closed = True


async def test_a_log_that_cannot_be_used() -> None:
    """It stops the start with its own sentence, and is let go."""
    tasks, broker = asyncio.all_tasks(), Unusable()
    with pytest.raises(ConfigurationError, match=r"^It keeps no 100000 events\.$"):
        async with own(broker=broker):
            pass
    assert broker.closed
    assert asyncio.all_tasks() == tasks


async def test_where_it_listens() -> None:
    """The hub says its URL with the prefix it is set to, in brackets where the address is one of IPv6."""
    async with running(settings(prefix="/a/b"), structlog.get_logger()) as hub:
        assert hub.url.endswith("/a/b")
        assert (await ask(hub.url, request("GET", "/a/b/health/ready"))).status == 200
        answer = await ask(hub.url, request("GET", "/signals/health/ready"))
        assert "/a/b/stream" in answer.problem["hint"]
    async with running(settings(host="::1"), structlog.get_logger()) as hub:
        assert hub.url.startswith("http://[::1]:")
        assert (await ask(hub.url, request("GET", "/signals/health/ready", host="[::1]"))).status == 200


async def test_after_the_end_nobody_listens() -> None:
    """When the context is left, the port is free again."""
    async with running(settings(), structlog.get_logger()) as hub:
        pass
    with pytest.raises(ConnectionRefusedError):
        await exchange(hub.url, b"")


async def test_a_fault_in_the_body_of_the_context_ends_the_hub() -> None:
    """An error inside the context goes through, and the hub has ended."""
    with pytest.raises(KeyError):
        async with running(settings(), structlog.get_logger()) as hub:
            raise KeyError
    with pytest.raises(ConnectionRefusedError):
        await exchange(hub.url, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_in_good_order(number: int) -> None:
    """At SIGTERM or SIGINT curl's streams end properly, in HTTP/1.1 and 1.0, and the hub exits with 0."""
    async with command(SIGNALS_HEARTBEAT="5") as hub:
        listeners = [
            await asyncio.create_subprocess_exec(
                "curl", "-sN", option, f"{hub.url}/stream?topic=a", stdout=asyncio.subprocess.PIPE
            )
            for option in ("--http1.1", "--http1.0")
        ]
        begun = [await curl.stdout.readuntil(b"signals.open") for curl in listeners if curl.stdout]
        assert len(begun) == 2
        publish = await asyncio.create_subprocess_exec(
            "curl", "-sf", "-d", "hello", f"{hub.url}/publish?topic=a", stdout=asyncio.subprocess.PIPE
        )
        assert json.loads((await publish.communicate())[0])["id"]
        logs = await hub.stop(number)
        for curl in listeners:
            rest, _ = await curl.communicate()
            assert curl.returncode == 0
            assert rest.index(b'"message":"hello"') < rest.index(b"signals.goodbye")
    told = [entry["event"] for entry in logs]
    assert told.index("listening") < told.index("shutting down") < told.index("stopped")
    assert next(entry for entry in logs if entry["event"] == "shutting down")["streams"] == 2
    assert [entry["reason"] for entry in logs if entry["event"] == "stream closed"] == ["shutdown"] * 2


JWT = {"auth": "jwt", "jwt_secret": "0123456789abcdef0123456789abcdef"}


async def test_with_authentication_any_host_is_answered_and_nobody_gets_in_without_a_token() -> None:
    """1: The settings alone make a hub that asks for a token, says so, and takes a good one, at any name."""
    token = jwt.encode({"sub": "ann", "exp": int(time.time()) + 600}, JWT["jwt_secret"])
    async with running(settings(**JWT, host="0.0.0.0"), structlog.get_logger()) as hub:
        url = hub.url.replace("0.0.0.0", "127.0.0.1")
        bare = await ask(url, request("GET", "/signals/stream?poll=1", host="hub.example.com"))
        assert (bare.status, bare.headers["WWW-Authenticate"].split()[0]) == (401, "Bearer")
        bearer = f"Authorization: Bearer {token}"
        known = await ask(url, request("GET", "/signals/stream?poll=1", bearer, host="hub.example.com"))
        assert known.status == 200
        assert b'"subject":"ann"' in known.body


async def test_settings_reach_the_limits_and_the_proxies() -> None:
    """Each limit is the one that is set, and no two are exchanged."""
    names = ("max_message", "max_body", "max_streams", "max_streams_per_identity", "max_streams_per_address")
    chosen = {name: 1001 + number for number, name in enumerate(names)}
    options = {**chosen, "publish_rate": 7.5, "publish_burst": 8, "trusted_proxies": "10.0.0.0/8, unix"}
    async with running(settings(**options), structlog.get_logger()) as hub:
        limits, proxies = hub.service.site.limits, hub.service.site.proxies
        assert (limits.message, limits.body, limits.streams) == (1001, 1002, 1003)
        assert (limits.streams_per_identity, limits.streams_per_address) == (1004, 1005)
        assert (limits.publish_rate, limits.publish_burst) == (7.5, 8)
        assert [str(network) for network in proxies.networks] == ["10.0.0.0/8"]
        assert proxies.unix


@pytest.mark.parametrize(("ahead", "cause"), [(3600, "expired"), (-3600, "not-yet-valid")])
async def test_a_clock_that_is_passed_in_is_the_one_that_counts(ahead: int, cause: str) -> None:
    """A token that is good by the clock on the wall is none by another, for the hub and whoever checks tokens."""
    now = int(time.time())
    token = jwt.encode({"sub": "ann", "iat": now, "exp": now + 600}, JWT["jwt_secret"])
    async with running(settings(**JWT), structlog.get_logger(), clock=lambda: (now + ahead) * 1000) as hub:
        answer = await ask(hub.url, request("GET", "/signals/stream?poll=1", f"Authorization: Bearer {token}"))
        assert (answer.status, answer.kind) == (401, cause)
        assert hub.service.site.clock() == (now + ahead) * 1000


async def test_a_secret_that_cannot_be_read_stops_the_start() -> None:
    """The sentence names the setting, and nothing listens or is left behind."""
    tasks = asyncio.all_tasks()
    with pytest.raises(ConfigurationError, match=r"^SIGNALS_JWT_SECRET names a file that cannot be read: "):
        async with running(settings(auth="jwt", jwt_secret="@/no/such/file"), structlog.get_logger()):
            pass
    assert asyncio.all_tasks() == tasks


async def test_a_hub_that_drains_before_it_follows_its_log() -> None:
    """It is not said to be ready."""
    ready: list[str] = []
    async with running(settings(), structlog.get_logger()) as hub:
        hub.service.site.departure.close()
        async with asyncio.timeout(DEADLINE):
            await server.following(hub, lambda: ready.append("ready"))
    assert ready == []


async def test_connections_that_are_there_at_the_end_get_a_moment() -> None:
    """With a window, one that is kept open without a request is closed only after it, and not waited for any longer."""
    async with AsyncExitStack() as stack:
        with mock.patch("sse_signals.server.LEAVING", 0.1):
            async with running(settings(drain_window=0.01), structlog.get_logger()) as hub:
                reader, writer = await stack.enter_async_context(connection(hub.url))
                writer.write(request("GET", "/signals/health/live", "Connection: keep-alive"))
                await reader.readuntil(b"live")
        assert b"HTTP" not in await reader.read()

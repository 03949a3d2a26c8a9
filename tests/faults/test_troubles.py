"""Small troubles of a year: each shows in the metrics and in the log, with a cause that one can act on.

The table "Small troubles" of RESULTS.md says what else to do, and has those that take too long for here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from contextlib import AsyncExitStack
from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit
from typing import TYPE_CHECKING

import aiohttp
import jwt
import pytest
import pytest_asyncio

from tests.auth.issuer import signing_key
from tests.auth.issuer_server import serving
from tests.brokers.servers import NatsServer
from tests.faults.passes import token
from tests.faults.watched import Watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.auth.issuer_server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")
CROWD = 40  # streams of a storm
LIMIT = 50  # streams that a node takes
OPTIONS = ("--max-streams", str(LIMIT), "--send-timeout", "1", "--canary", "1")


class Place:
    """A server, an issuer and a node."""

    def __init__(self, http: aiohttp.ClientSession, server: NatsServer, issuer: Server) -> None:
        self.http = http
        self.server = server
        self.issuer = issuer
        self.hub = Watched(http, server.url, *OPTIONS, "--jwt-jwks-url", issuer.at())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Everything, for all tests."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(server.start)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        issuer = await stack.enter_async_context(serving())
        made = Place(http, server, issuer)
        await stack.enter_async_context(made.hub.node)
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def hub(place: Place) -> Watched:
    """The node, compared with how it is at the beginning of a test."""
    await place.hub.mark()
    return place.hub


async def test_the_broker_restarts(place: Place, hub: Watched) -> None:
    """Not ready and not up while it is away, and what failed is counted; then it is followed again."""
    async with hub.reader() as reader:
        await asyncio.to_thread(place.server.kill)
        assert (await hub.says("following the log failed", level="warning"))["error"]
        await hub.shows(broker_up=0)
        attempt = await hub.publisher.publish("a")
        assert attempt.outcome != "acknowledged"
        assert (await hub.says("publish failed", status=503))["error"]
        await hub.says("canary lost")
        await asyncio.to_thread(place.server.start)
        await hub.says("the log is followed again")
        await hub.says("canary back")
        await hub.shows(broker_up=1, ready=1)
        await hub.rise("broker_failures_total", "broker_reconnects_total", "canary_lost_total")
        now = await hub.metrics()
        assert sum(now[f"publishes_total {outcome}"] for outcome in ("unavailable", "unknown")) >= 2
        assert len(reader.client.sessions) == 1  # users notice nothing but silence


async def test_a_full_disk(place: Place, tmp_path: Path) -> None:
    """Publishes are unavailable, with what the disk says; the node is ready, since it follows its log."""
    hub = Watched(place.http, f"sqlite:///{tmp_path}/log.db")
    async with hub.node:
        await hub.mark()
        assert (await hub.publisher.publish("a")).outcome == "acknowledged"
        largest = await asyncio.to_thread(_largest, tmp_path)
        prlimit(hub.node.pid, RLIMIT_FSIZE, (largest, RLIM_INFINITY))
        async with asyncio.timeout(30):
            while (await hub.publisher.publish("a", size=20_000)).outcome == "acknowledged":
                pass
        line = await hub.says("publish failed", outcome="unavailable")
        assert "full" in line["error"] or "disk" in line["error"], line
        await hub.rise("publishes_total unavailable")
        prlimit(hub.node.pid, RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))
        async with asyncio.timeout(30):
            while (await hub.publisher.publish("a")).outcome != "acknowledged":  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.1)
        await hub.shows(ready=1)


async def test_a_revoked_user(hub: Watched) -> None:
    """Who did it, whose streams ended, and that they ended for that reason."""
    async with hub.reader("ben") as reader:
        assert await hub.ask("POST", "/revocations", {"subject": "ben"}) in {200, 202, 204}
        await reader.until(lambda: "revoked" in reader.goodbyes)
        await hub.says("revoked", by="root", kind="subject", name="ben")
        await hub.says("stream closed", subject="ben", reason="revoked")
        await hub.rise("revocations_total", "streams_closed_total revoked")
        await hub.says("not authenticated", cause="revoked")  # it tries to come back
        await hub.rise("authentications_total revoked")


async def test_keys_of_an_issuer(place: Place, hub: Watched) -> None:
    """An issuer that cannot be asked, and one that signs with a key that it does not publish, are told apart."""
    claims = {"sub": "cid", "iat": time.time(), "exp": time.time() + 60}
    one, two = (
        jwt.encode(claims, key.private, key.algorithm, {"kid": key.kid}) for key in map(signing_key, ("one", "two"))
    )
    assert await hub.ask("GET", "/stream?poll=1", token=one) == 503
    assert "404" in (await hub.says("the issuer's keys cannot be fetched", known=0))["reason"]
    await hub.rise("authentications_total issuer-unavailable")
    place.issuer.publish(signing_key("one"))
    fresh = Watched(place.http, "memory://", "--jwt-jwks-url", place.issuer.at())
    async with fresh.node:
        await fresh.mark()
        assert await fresh.ask("GET", "/stream?poll=1", token=one) == 200
        assert await fresh.ask("GET", "/stream?poll=1", token=two) == 401
        await fresh.says("not authenticated", cause="unknown-key")
        await fresh.rise("authentications_total accepted", "authentications_total unknown-key")


@pytest.mark.parametrize(("ahead", "cause"), [(90, "not-yet-valid"), (-24 * 3600, "expired")])
async def test_a_clock_that_is_off(hub: Watched, ahead: float, cause: str) -> None:
    """A token of an issuer whose clock is ahead, or behind, is refused by that name."""
    assert await hub.ask("GET", "/stream?poll=1", token=token("dan", ahead=ahead)) == 401
    assert (await hub.says("not authenticated", cause=cause))["detail"]
    await hub.rise(f"authentications_total {cause}")


async def test_a_slow_reader(hub: Watched) -> None:
    """It falls behind, is cut after the send timeout, and the line of its end says how often it was behind."""
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.setblocking(False)
        await asyncio.get_running_loop().sock_connect(lazy, ("127.0.0.1", hub.node.port))
        head = f"GET /signals/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token('eve')}\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(lazy, head.encode())
        await hub.says("stream opened")
        for _ in range(40):
            await hub.publisher.publish(None, size=60_000)
        line = await hub.says("stream closed", subject="eve", reason="send-timeout")
        assert line["times_behind"] >= 1
        await hub.rise("fell_behind_total", "streams_closed_total send-timeout")


async def test_a_storm_and_too_many(hub: Watched) -> None:
    """All leave and come back at once; then more come than there may be, who are told so."""
    for _ in range(2):
        await hub.mark()
        async with AsyncExitStack() as stack:
            for number in range(CROWD):
                await stack.enter_async_context(hub.reader(f"reader {number}"))
            await hub.rise("streams_opened_total", by=CROWD)
            await hub.shows(streams=CROWD)
        await hub.rise("streams_closed_total client-gone", by=CROWD)
        await hub.says("stream closed", reason="client-gone", subject="reader 0")
    async with AsyncExitStack() as stack:
        for number in range(LIMIT + 1):
            await stack.enter_async_context(hub.reader(f"reader {number}"))
        assert (await hub.says("stream refused", reason="full"))["remote"] == "127.0.0.1"
        await hub.rise("streams_refused_total full", "limited_total full")
        await hub.shows(streams=LIMIT, streams_limit=LIMIT)


async def test_a_node_that_is_killed(place: Place, hub: Watched) -> None:
    """It cannot be scraped; the others take its streams; and it says when it is there again, with a new start time."""
    other = Watched(place.http, place.server.url, *OPTIONS)
    async with other.node:
        began = (await other.metrics())["process_start_time_seconds"]
        await other.node.kill()
        with pytest.raises(aiohttp.ClientConnectionError):
            await other.metrics()
        async with hub.reader():
            await hub.rise("streams_opened_total")
        await other.node.start()
        await other.says("listening")
        assert (await other.metrics())["process_start_time_seconds"] > began


async def test_a_node_that_hangs(hub: Watched) -> None:
    """It cannot be scraped meanwhile; afterwards it knows how long it hung, and says so."""
    os.kill(hub.node.pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            await hub.metrics(2)
    finally:
        os.kill(hub.node.pid, signal.SIGCONT)
    assert (await hub.says("the event loop hung", level="warning"))["seconds"] >= 1
    assert (await hub.metrics())["loop_lag_max_seconds"] >= 1


def _largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.iterdir())

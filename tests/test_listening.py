"""Sockets of a hub: which addresses they are bound to, who may share them, and what is said if they cannot be had."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import structlog

from sse_signals import listening
from sse_signals.errors import ConfigurationError
from sse_signals.listening import beside, bound, close, url_of
from sse_signals.server import running
from sse_signals.settings import load
from tests.web.rawhttp import ask, connection, parse, request

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
HERE_TOO = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0))
ELSEWHERE = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))  # of nobody, RFC 5737
NOWHERE = (9999, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
READY = request("GET", "/signals/health/ready")


@contextmanager
def resolving(*found: Any) -> Iterator[None]:
    """Have every host mean these addresses."""
    loop = asyncio.get_running_loop()
    with mock.patch.object(loop, "getaddrinfo", mock.AsyncMock(return_value=list(found))):
        yield


@contextmanager
def closing(sockets: list[socket.socket]) -> Iterator[list[socket.socket]]:
    """Close sockets at the end."""
    try:
        yield sockets
    finally:
        close(sockets)


async def test_a_host_with_several_addresses() -> None:
    """It listens at all of them, at one port, and twice at none."""
    with resolving(HERE, HERE, HERE_TOO):
        async with running(load({}, {"port": 0}), structlog.get_logger()) as hub:
            assert hub.url.startswith("http://127.0.0.1:")
            for url in (hub.url, hub.url.replace("127.0.0.1", "[::1]")):
                assert (await ask(url, READY)).status == 200


@pytest.mark.parametrize("absent", [ELSEWHERE, NOWHERE])
async def test_an_address_that_this_machine_has_not_got(absent: Any) -> None:
    """It is left out if there is another, and told if there is none."""
    with resolving(absent, HERE), closing(await bound("host", 0)) as (only,):
        assert only.getsockname()[0] == "127.0.0.1"
    with resolving(absent), pytest.raises(ConfigurationError, match=r"^Cannot listen on host port 0: .* --port\.$"):
        await bound("host", 0)


async def test_a_fault_at_one_address_leaves_none_bound() -> None:
    """Where the second is taken, the first is let go."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with (
            resolving(HERE, HERE_TOO),
            pytest.raises(ConfigurationError, match=rf"port {port}: Address already in use"),
        ):
            await bound("host", port)
        with socket.socket() as free:
            free.bind(("127.0.0.1", port))


async def test_who_comes_first_listens() -> None:
    """Two that are bound at once do not both listen: the later one says why not."""
    with ExitStack() as stack:
        (first,) = stack.enter_context(closing(await bound("127.0.0.1", 0)))
        port = first.getsockname()[1]
        second = stack.enter_context(closing(await bound("127.0.0.1", port)))
        first.listen()
        with pytest.raises(ConfigurationError, match=rf"^Cannot listen on 127\.0\.0\.1 port {port}: Address already"):
            async with running(load({}, {}), structlog.get_logger(), sockets=second):
                pass
        assert second[0].fileno() == -1


async def test_sockets_that_are_shared_stand_beside_each_other() -> None:
    """At the same address and port, and nobody else's beside them."""
    with closing(await bound("127.0.0.1", 0, shared=True)) as first, closing(beside(first)) as second:
        for listener in (*first, *second):
            listener.listen()
        assert first[0].getsockname() == second[0].getsockname()
        with pytest.raises(ConfigurationError, match="Address already in use"):
            await bound("127.0.0.1", first[0].getsockname()[1])


async def test_where_it_is_said_to_be() -> None:
    """The URL leads to the first address."""
    with closing(await bound("::1", 0)) as sockets:
        assert url_of(sockets, "/a") == f"http://[::1]:{sockets[0].getsockname()[1]}/a"


async def test_leaving_sockets_to_others() -> None:
    """Connections that wait are left to them; those that are there are served, and told to come back over another."""
    alive = request("GET", "/signals/health/live", "Connection: keep-alive")
    async with AsyncExitStack() as stack:
        sockets = stack.enter_context(closing(await bound("127.0.0.1", 0, shared=True)))
        kept = stack.enter_context(closing([listener.dup() for listener in sockets]))
        stack.enter_context(mock.patch("sse_signals.server.LEAVING", 0.01))
        hub = await stack.enter_async_context(running(load({}, {}), structlog.get_logger(), sockets=sockets))
        reader, writer = await stack.enter_async_context(connection(hub.url))
        writer.write(alive)
        assert b"Connection: close" not in await reader.readuntil(b'{"status":"live"}\n')
        hub.retire()
        waiting, asking = await stack.enter_async_context(connection(hub.url))
        asking.write(READY)
        writer.write(alive)
        answer, rest = parse(await reader.read())
        assert (answer.status, answer.headers["Connection"], rest) == (200, "close", b"")
        async with running(load({}, {}), structlog.get_logger(), sockets=kept):
            assert parse(await waiting.read())[0].status == 200


def test_bounds_of_a_connection() -> None:
    """Security 36: a connection without a whole request is closed within 15 seconds, and a fleet may queue."""
    assert listening.KEEP_ALIVE <= 15
    assert listening.BACKLOG >= 4096

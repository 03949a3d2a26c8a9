"""At the door: where redirects lead to, and where a hub may be instead."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sse_signals.doctor.entrance import enter
from sse_signals.doctor.examination import Wishes
from tests.doctor.scripted import says, server

if TYPE_CHECKING:
    import asyncio

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def redirect(to: str) -> bytes:
    """Return a redirect."""
    return f"HTTP/1.1 308 Permanent Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_a_redirect_to_where_nobody_is() -> None:
    """A redirect to a port where nobody listens is followed, and is all that is known."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        to = f"http://127.0.0.1:{closed.getsockname()[1]}/signals/stream/"
    async with server(says(redirect(to))) as target:
        found = await enter(Wishes(target, "t"), time.monotonic)
    assert not found.inside
    assert (found.seen.redirected, found.seen.entrance.status) == (None, 308)


@pytest.mark.parametrize(
    "to",
    [
        "https://elsewhere.example/signals/stream",
        "ftp://127.0.0.1/signals/stream",
        "/login",
        "",
        "http://[",
        "http://127.0.0.1:99999/signals/stream",
    ],
)
async def test_redirects_that_are_not_followed(to: str) -> None:
    """Nothing is sent to another host, by another protocol, or to what is no stream."""
    async with server(says(redirect(to))) as target:
        found = await enter(Wishes(target, "t", token="secret"), time.monotonic)
    assert (found.inside, found.seen.redirected) == (False, None)


async def test_tokens_stay_with_their_host() -> None:
    """Not even a name that leads to the same machine gets what was meant for another."""
    got: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read(10))

    async with server(listen) as other:
        to = f"http://localhost:{other.port}/signals/stream"
        async with server(says(redirect(to))) as target:
            found = await enter(Wishes(target, "t", token="secret", patience=1.0), time.monotonic)
    assert (found.inside, got) == (False, [])


async def test_no_hub_below_the_usual_prefix_either() -> None:
    """Where nothing is found at all, nothing else is advised."""
    async with server(says(NOT_FOUND)) as target:
        found = await enter(Wishes(replace(target, path="/app"), "t"), time.monotonic)
    assert (found.inside, found.seen.prefixed, found.seen.entrance.status) == (False, None, 404)

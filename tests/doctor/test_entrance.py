"""At the door: where redirects lead to, and where a hub may be instead."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sse_signals.doctor.entrance import enter
from sse_signals.doctor.examination import Wishes
from tests.doctor.scripted import frames, says, server

if TYPE_CHECKING:
    import asyncio

    from h2.connection import H2Connection

    from tests.doctor.fronts import Certificate

RECEIPT = b'event: signals.open\ndata: {"stream": "s-1", "topics": %b}\n\n'
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + RECEIPT
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


@pytest.mark.parametrize("token", ["secret", None])
async def test_tokens_stay_with_their_port(token: str | None) -> None:
    """Another port of the same host is another server: nothing is asked there with a token, and without it all is."""
    async with server(says(STREAM % b'["t/quiet"]')) as other:
        to = redirect(f"{other.url}/stream")
        async with server(says(to)) as target:
            found = await enter(Wishes(target, "t", token=token), time.monotonic)
    assert found.inside == (token is None)
    assert found.seen.redirected == (None if token else other.url)


def login(connection: H2Connection, stream: int) -> None:
    """Answer with a page."""
    connection.send_headers(stream, [(":status", "200"), ("content-type", "text/html")], end_stream=True)


@pytest.mark.parametrize(("token", "asked"), [("secret", 0), (None, 1)])
@pytest.mark.parametrize("led", [False, True])
async def test_certificates_that_are_not_valid(
    proof: Certificate, token: str | None, asked: int, led: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has no valid certificate gets no token, not after a redirect either, and the certificate is what is told."""
    monkeypatch.setattr("sse_signals.doctor.redirects._one_server", lambda _target, _further: True)
    got: list[int] = []

    def answer(connection: H2Connection, stream: int) -> None:
        got.append(stream)
        login(connection, stream)

    async with server(frames(answer), proof) as secure, server(says(redirect(f"{secure.url}/stream"))) as plain:
        found = await enter(Wishes(plain if led else secure, "t", token=token), time.monotonic)
    assert "self-signed" in (found.seen.certificate or "")
    assert (found.seen.redirected, len(got)) == (secure.url if led else None, asked)
    assert (found.inside, found.verify) == (False, False)


async def test_a_hub_below_the_usual_prefix() -> None:
    """A hub that is not where it was said to be, but below the usual prefix, is told, and not examined."""
    answers = [NOT_FOUND, STREAM % b'["t/quiet"]']

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(answers.pop(0))(reader, writer)

    async with server(talk) as target:
        found = await enter(Wishes(replace(target, path="/app"), "t"), time.monotonic)
    assert (found.inside, found.seen.prefixed) == (False, f"{target.origin}/app/signals")


@pytest.mark.parametrize(("status", "inside"), [(b"502", True), (b"503", True), (b"403", False)])
async def test_one_of_two_hubs_that_is_dead(status: bytes, inside: bool) -> None:
    """Where a proxy reaches no hub it is asked once more, and both answers are known."""
    answers = [b"HTTP/1.1 %b No\r\nContent-Length: 0\r\n\r\n" % status, STREAM % b'["t/quiet"]']

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(answers.pop(0))(reader, writer)

    async with server(talk) as target:
        found = await enter(Wishes(target, "t"), time.monotonic)
    assert found.inside == inside
    assert (found.seen.before.status if found.seen.before else None) == (int(status) if inside else None)


@pytest.mark.parametrize(("topics", "lost"), [(b'["*"]', True), (b'["t/quiet"]', False), (b"7", False)])
async def test_a_query_that_is_lost(topics: bytes, lost: bool) -> None:
    """A receipt for other topics than were asked for ends the examination: all else would be about other streams."""
    async with server(says(STREAM % topics)) as target:
        found = await enter(Wishes(target, "t"), time.monotonic)
    assert (found.inside, found.seen.query_lost) == (not lost, lost)

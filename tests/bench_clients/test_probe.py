"""The hub at a URL is found, or one sentence says what is wrong there."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING

import pytest

from sse_signals.bench.probe import find
from sse_signals.errors import LoadFailed
from tests.bench_clients.scripted import scripted

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.bench_clients.conftest import InThread
    from tests.bench_clients.scripted import Scripted
    from tests.conftest import StartHub


async def refusal(in_thread: InThread, url: str, **how: object) -> str:
    """Return the sentence that says why there is no hub."""
    with pytest.raises(LoadFailed) as error:
        await in_thread(find, url, "a", **how)
    sentence = str(error.value)
    assert re.fullmatch(r"[A-Z][^\n]*[.?]", sentence)
    return sentence


@pytest.mark.parametrize("end", ["", "/"])
async def test_the_url_of_the_hub_or_of_its_server(hub: Running, in_thread: InThread, end: str) -> None:
    """The usual prefix may be left out, and a slash at the end does no harm."""
    for url in (hub.url, hub.url.removesuffix("/signals")):
        found, target = await in_thread(find, url + end, "a")
        assert found == hub.url
        assert target.stream.startswith(b"GET /signals/stream?topic=a ")


async def test_where_there_is_no_hub(start_hub: StartHub, in_thread: InThread) -> None:
    """The sentence says what was tried and what the URL has to be."""
    hub = await start_hub(prefix="/other")
    origin = hub.url.removesuffix("/other")
    sentence = await refusal(in_thread, origin)
    assert f"no hub at {origin} or {origin}/signals:" in sentence
    assert "prefix" in sentence
    assert f"no hub at {origin}/signals:" in await refusal(in_thread, f"{origin}/signals/")


async def test_a_hub_that_is_full(start_hub: StartHub, in_thread: InThread) -> None:
    """It says so on a stream, and this says what to do."""
    hub = await start_hub(max_streams=1)
    async with asyncio.timeout(20):
        await in_thread(find, hub.url, "a")
        async with asyncio.TaskGroup():
            host, port = hub.url.removeprefix("http://").removesuffix("/signals").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /signals/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"signals.open")
            assert "SIGNALS_MAX_STREAMS" in await refusal(in_thread, hub.url)
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", ["401 Unauthorized; --token, or SIGNALS_TOKEN, gives"]),
        (b"HTTP/1.1 403 X\r\nContent-Length: 2\r\n\r\nno", ["403 Forbidden: no."]),
        (b"HTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\nbusy", ["503 Service Unavailable: busy."]),
        (b"HTTP/1.1 302 X\r\nLocation: https://h/x\r\nContent-Length: 0\r\n\r\n", ["it is at https://h/x."]),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", ["is no hub", "no event stream"]),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ["speaks no HTTP/1.1"]),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", ["no hub at http://127.0.0.1:", "/signals: the URL has to end with"]),
        (None, ["closed the connection without an answer: may it be https://?"]),
        (b"\x15\x03\x01\x00\x02\x02\x46 an alert", ["speaks no HTTP/1.1 there: may it be https://?"]),
    ],
)
async def test_what_else_may_be_there(in_thread: InThread, answer: bytes | None, parts: list[str]) -> None:
    """What it said is told, and what may mend it."""

    async def say(*_: object) -> bytes | None:
        return answer

    async with scripted(say) as server:
        sentence = await refusal(in_thread, f"http://{server.target.address.netloc}")
    for part in parts:
        assert part in sentence


async def test_a_prefix_that_is_there_and_refuses(in_thread: InThread) -> None:
    """What counts is what was said at the place that exists."""

    async def say(_: Scripted, number: int) -> bytes:
        status = b"403 X" if number else b"404 X"
        return b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status

    async with scripted(say) as server:
        assert "403 Forbidden" in await refusal(in_thread, f"http://{server.target.address.netloc}")


async def test_nobody_there(in_thread: InThread) -> None:
    """Each way in which a connection fails has its sentence."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        netloc = f"127.0.0.1:{silent.getsockname()[1]}"
        assert f"Nothing has come from {netloc} for 0.01 s" in await refusal(
            in_thread, f"http://{netloc}", patience=0.01
        )
    assert f"{netloc}: Connection refused" in await refusal(in_thread, f"http://{netloc}")
    assert "'no-such.invalid' is not known" in await refusal(in_thread, "http://no-such.invalid")
    assert "is not known" in await refusal(in_thread, f"http://{'a' * 70}.invalid")
    assert "cannot be reached at 255.255.255.255: " in await refusal(in_thread, "http://255.255.255.255")


async def test_tls(tls_hub: str, hub: Running, in_thread: InThread) -> None:
    """A certificate has to be valid, unless it is said that it need not; http and https are told apart."""
    sentence = await refusal(in_thread, tls_hub)
    assert "certificate" in sentence
    assert "--no-verify" in sentence
    found, _ = await in_thread(find, tls_hub, "a", verify=False)
    assert found == tls_hub
    assert "http://" in await refusal(in_thread, hub.url.replace("http:", "https:"))
    assert await refusal(in_thread, tls_hub.replace("https:", "http:"))

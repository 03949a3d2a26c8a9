"""Fetching from an issuer that may be slow, broken or hostile."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import TYPE_CHECKING

import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs

from sse_signals.auth.fetch import Fetch, IssuerAnswered
from sse_signals.errors import ConfigurationError, IssuerUnavailable
from tests.auth.issuer_server import Answer, Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOGGER = structlog.get_logger("test")
PATH = "/document"
CANARY = "canary-of-a-token"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that answers with a small document."""
    async with serving() as started:
        started.answers[PATH] = Answer({"a": [1]})
        yield started


@pytest.fixture
async def fetch() -> AsyncIterator[Fetch]:
    """What is tested, with a small limit."""
    fetching = Fetch(LOGGER, limit=1000)
    yield fetching
    await fetching.close()


async def failure(fetch: Fetch, url: str) -> str:
    """Return why something cannot be fetched."""
    with pytest.raises(IssuerUnavailable) as caught:
        await fetch.json(url, headers={"Authorization": f"Bearer {CANARY}"})
    assert CANARY not in str(caught.value)
    return str(caught.value)


async def test_json_is_fetched(server: Server, fetch: Fetch) -> None:
    """With the headers that are given, asking for JSON that is not compressed."""
    with capture_logs() as logs:
        headers = {"Authorization": f"Bearer {CANARY}"}
        assert await fetch.json(server.at(PATH) + "?secret", headers=headers) == {"a": [1]}
    assert server.seen[0]["Authorization"] == f"Bearer {CANARY}"
    assert server.seen[0]["Accept"] == "application/json"
    assert server.seen[0]["Accept-Encoding"] == "identity"
    assert logs == [{"event": "fetched", "log_level": "debug", "url": server.at(PATH), "bytes": 10}]


@pytest.mark.parametrize("status", [201, 206, 301, 302, 307, 308, 400, 401, 403, 404, 429, 500, 503])
async def test_any_status_but_200_is_a_failure_that_can_be_told(server: Server, fetch: Fetch, status: int) -> None:
    """And a redirect is not followed, wherever it leads."""
    server.answers["/elsewhere"] = Answer({"keys": []})
    server.answers[PATH] = Answer({}, status=status, headers={"Location": server.at("/elsewhere")})
    with pytest.raises(IssuerAnswered, match=f"status {status}") as caught:
        await fetch.json(server.at(PATH))
    assert caught.value.status == status
    assert server.requests["/elsewhere"] == 0


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_the_limit_is_not_read(server: Server, fetch: Fetch, *, chunked: bool) -> None:
    """Whether or not its length was said; up to the limit it is read."""
    server.answers[PATH] = Answer(b'"' + b"x" * 998 + b'"', chunked=chunked)
    assert len(await fetch.json(server.at(PATH))) == 998
    server.answers[PATH] = Answer(b'"' + b"x" * 999 + b'"', chunked=chunked)
    assert "longer than 1000 bytes" in await failure(fetch, server.at(PATH))


async def test_a_body_without_an_end_is_not_read_for_ever(server: Server, fetch: Fetch) -> None:
    """The limit holds while reading."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 100)

    server.answers[PATH] = endless
    assert "longer than 1000 bytes" in await failure(fetch, server.at(PATH))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_a_compressed_body_is_refused(server: Server, fetch: Fetch, coding: str) -> None:
    """It was not asked for, and a small one may become a huge one."""
    server.answers[PATH] = Answer(zlib.compress(b"{}"), headers={"Content-Encoding": coding})
    assert "compressed" in await failure(fetch, server.at(PATH))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>", b"NaN", b'{"a": 1} x', b'"\xff"', b"\xef\xbb\xbf{}", b"[" * 900, b'"\\ud800"']
)
async def test_what_is_no_json_is_a_failure(server: Server, fetch: Fetch, body: bytes) -> None:
    """Above all the page of a proxy."""
    server.answers[PATH] = Answer(body)
    assert "not JSON" in await failure(fetch, server.at(PATH))


@pytest.mark.parametrize("late", ["head", "body"])
async def test_a_slow_answer_is_not_waited_for(server: Server, late: str) -> None:
    """The time counts from the first to the last byte, however often something arrives."""
    fetch = Fetch(LOGGER, timeout=0.05)

    async def trickling(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if late == "body":
            await response.prepare(request)
            await response.write(b" ")
        await asyncio.Event().wait()
        return response

    server.answers[PATH] = trickling
    assert "within 0.05 s" in await failure(fetch, server.at(PATH))
    await fetch.close()


async def test_an_issuer_that_is_not_there_is_a_failure(server: Server, fetch: Fetch) -> None:
    """So is one whose connection breaks, or whose answer is not HTTP, and a header that cannot be sent."""

    async def breaking(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.answers[PATH] = breaking
    assert "the request failed" in await failure(fetch, server.at(PATH))
    assert "no connection" in await failure(fetch, "http://127.0.0.1:1/")
    with pytest.raises(IssuerUnavailable, match=r"the request failed \(ValueError\)") as caught:
        await fetch.json(server.at(PATH), headers={"Authorization": f"{CANARY}\r\nX: y"})
    assert CANARY not in str(caught.value)


async def test_a_document_may_come_in_pieces(server: Server, fetch: Fetch) -> None:
    """It is put together."""

    async def pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for byte in json.dumps({"a": "b"}).encode():
            await response.write(bytes([byte]))
        return response

    server.answers[PATH] = pieces
    assert await fetch.json(server.at(PATH)) == {"a": "b"}


async def test_no_cookie_and_no_proxy_is_used(server: Server, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one issuer sets is nobody else's business, and the environment does not redirect credentials."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.answers[PATH] = Answer({}, headers={"Set-Cookie": "session=1; Path=/"})
    by_name = server.at(PATH).replace("127.0.0.1", "localhost")  # addresses have no cookies in any client
    for _ in range(2):
        assert await fetch.json(by_name) == {}
    assert "Cookie" not in server.seen[1]


GOOD = ["https://issuer.example/jwks", "http://localhost:7007/a", "http://127.0.0.1/a?b=c", "http://[::1]:80/"]
BAD: list[tuple[str, str]] = [
    ("http://issuer.example/", "use https"),
    ("http://127.0.0.1.evil.example/", "use https"),
    ("http://localhost.evil.example/", "use https"),
    ("http://10.0.0.1/", "use https"),
    ("https://user:secret@issuer.example/", "user name"),
    ("https://user@issuer.example/", "user name"),
    ("https://issuer.example/#keys", "fragment"),
    ("ftp://issuer.example/", "does not begin with https"),
    ("file:///etc/passwd", "does not begin with https"),
    ("unix:/run/docker.sock", "does not begin with https"),
    ("data:application/json,{}", "does not begin with https"),
    ("//issuer.example/", "does not begin with https"),
    ("/jwks.json", "does not begin with https"),
    ("", "does not begin with https"),
    ("https://", "begin with https|be read"),
    ("https://[::1", "cannot be read"),
    ("https://issuer.example:99999/", "cannot be read"),
]


@pytest.mark.parametrize("url", GOOD)
def test_https_and_this_host_may_be_fetched_from(url: str) -> None:
    """Plain http goes nowhere where anybody could listen."""
    Fetch(LOGGER).check(url)


@pytest.mark.parametrize(("url", "what"), BAD)
async def test_other_urls_stop_the_start_and_are_never_asked(url: str, what: str) -> None:
    """What is found out only later is a failure like any other; the text shows no secret."""
    fetch = Fetch(LOGGER)
    with pytest.raises(ConfigurationError, match=what) as caught:
        fetch.check(url)
    assert "secret" not in str(caught.value)
    assert str(caught.value) == await failure(fetch, url)
    await fetch.close()


def test_plain_http_can_be_allowed() -> None:
    """Inside a cluster it may be all there is; other URLs stay refused."""
    fetch = Fetch(LOGGER, plain_http=True)
    fetch.check("http://backstage.internal:7007/api")
    with pytest.raises(ConfigurationError, match="user name"):
        fetch.check("http://user:secret@backstage.internal/")


async def test_closing_ends_what_is_under_way(server: Server) -> None:
    """It fails as if the issuer had gone, and so does whatever comes later. Closing twice does no harm."""
    fetch = Fetch(LOGGER)
    release = server.hang(PATH)
    asking = asyncio.create_task(failure(fetch, server.at(PATH)))
    await server.until_asked(1, PATH)
    await fetch.close()
    await fetch.close()
    assert "the request failed" in await asking
    assert "stopping" in await failure(fetch, server.at(PATH))
    release()

"""Hosts and pages: DNS rebinding, cross-site publishing, CORS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from sse_signals.web.origins import check_host
from sse_signals.web.problems import Problem
from tests.web.doors import OpenDoor, foreign, own
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.conftest import StartHub

BOTH = pytest.mark.parametrize("open_door", [own, foreign])
PAGE = "https://app.example.com"
TARGETS = [
    ("GET", "/signals/stream?poll=1", b""),
    ("POST", "/signals/publish?topic=a", b"x"),
    ("GET", "/signals/health/live", b""),
    ("GET", "/signals/health/ready", b""),
]
FOREIGN_ORIGINS = [
    "null",
    "https://app.example.com.evil.com",
    "https://evil.app.example.com",
    "https://example.com",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://app.ex\u0430mple.com",
    "https://APP.example.com",
    "https://app.example.com/",
    "http://localhost:1",
    "ftp://localhost",
    "http://[::1",
    "http://localhost:x",
    "*",
    "",
]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080"]
)
async def test_local_hosts(hub: Running, host: str) -> None:
    """Without authentication a hub answers to the names of the machine itself, whatever the port."""
    for method, target, body in TARGETS:
        assert (await ask(hub.url, request(method, target, host=host, body=body))).status in {200, 202}


@pytest.mark.parametrize(
    "host", ["evil.com", "localhost.evil.com", "127.0.0.1.nip.io", "0.0.0.0", "[::2]", "[::1", "10.0.0.1:80", "", " x"]
)
@BOTH
async def test_other_hosts(open_door: OpenDoor, host: str) -> None:
    """A page that points its own name at the hub gets nothing from it: neither streams, nor publishing, nor health."""
    async with open_door() as door:
        for method, target, body in [*TARGETS, ("GET", "/signals/x", b""), ("OPTIONS", "/signals/publish", b"")]:
            answer = await ask(door.url, request(method, target, host=host, body=body))
            assert (answer.status, answer.kind) == (403, "host-not-allowed"), target
            assert "localhost" in answer.problem["hint"]


async def test_any_host_for_the_insecure(start_hub: StartHub) -> None:
    """A hub that is told to be insecure answers to every host, though not to two at once."""
    hub: Running = await start_hub(insecure=True)
    assert (await ask(hub.url, request("GET", "/signals/health/live", host="hub.internal"))).status == 200
    assert (await ask(hub.url, request("GET", "/signals/health/live", "Host: a", host="b"))).status == 400


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"]])
def test_exactly_one_host(hosts: list[str]) -> None:
    """None or several hosts are refused, even if the parser in front lets them through."""
    headers = CIMultiDict([("Host", host) for host in hosts])
    with pytest.raises(Problem) as refused:
        check_host(make_mocked_request("GET", "/signals/stream", headers=headers), None)
    assert (refused.value.status, refused.value.kind) == (400, "bad-host")


@BOTH
async def test_no_host_in_http_1_0(open_door: OpenDoor) -> None:
    """HTTP/1.0 knows no Host; browsers do not speak it."""
    async with open_door() as door:
        answer = await ask(door.url, request("GET", "/signals/health/live", host=None, version="1.0"))
        assert answer.status == 200


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_foreign_pages(start_hub: StartHub, origin: str) -> None:
    """A page that is neither the hub's nor allow-listed may not publish or listen, and learns nothing by CORS."""
    hub: Running = await start_hub(cors_origins=PAGE)
    for method, target, body in (
        *TARGETS[:2],
        ("OPTIONS", "/signals/publish", b""),
        ("OPTIONS", "/signals/stream", b""),
    ):
        headers = (f"Origin: {origin}", "Cookie: session=1", "Authorization: Bearer x")
        answer = await ask(hub.url, request(method, target, *headers, body=body))
        assert (answer.status, answer.kind) == (403, "origin-not-allowed")
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin, Authorization, Cookie"
    empty = await ask(hub.url, request("GET", "/signals/stream?poll=1"))
    assert b'"message"' not in empty.body


@pytest.mark.parametrize("origin", ["http://{host}", "https://{name}:{port}"])
async def test_own_pages(hub: Running, origin: str) -> None:
    """A page of the hub's own origin may use it, also behind a proxy that ends TLS."""
    host = hub.url.removeprefix("http://").removesuffix("/signals")
    name, _, port = host.partition(":")
    headers = ("Origin: " + origin.format(host=host, name=name, port=port),)
    for method, target, body in TARGETS:
        answer = await ask(hub.url, request(method, target, *headers, host=host, body=body))
        assert answer.status in {200, 202}
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("host", "origin"), [("localhost:80", "http://localhost"), ("localhost", "https://localhost:443")]
)
async def test_default_ports(hub: Running, host: str, origin: str) -> None:
    """A port that need not be written may be."""
    answer = await ask(hub.url, request("POST", "/signals/publish?topic=a", f"Origin: {origin}", host=host, body=b"x"))
    assert answer.status == 202


async def test_allowed_pages(start_hub: StartHub) -> None:
    """An allow-listed page sees every answer, the errors included, and Retry-After on them."""
    hub: Running = await start_hub(cors_origins=f"{PAGE}, http://localhost:3000")
    refused = [
        ("POST", "/signals/publish", b"x"),
        ("GET", "/signals/stream?x=1", b""),
        ("GET", "/signals/nothing", b""),
        ("PUT", "/signals/stream", b""),
        ("GET", "/nothing", b""),
    ]
    for origin in (PAGE, "http://localhost:3000"):
        for method, target, body in [*TARGETS, *refused]:
            answer = await ask(hub.url, request(method, target, f"Origin: {origin}", body=body))
            assert answer.status != 403
            assert answer.headers.getall("Access-Control-Allow-Origin") == [origin]
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After, X-Request-Id"
            assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(("path", "method"), [("stream", "GET"), ("publish", "POST"), ("health/ready", "GET")])
async def test_preflight(start_hub: StartHub, path: str, method: str) -> None:
    """A preflight is told the methods and headers that may be used."""
    hub: Running = await start_hub(cors_origins=PAGE)
    headers = (f"Origin: {PAGE}", f"Access-Control-Request-Method: {method}", "Access-Control-Request-Headers: x")
    answer = await ask(hub.url, request("OPTIONS", f"/signals/{path}", *headers))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert method in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert allowed == [
        *("Authorization", "Content-Type", "Last-Event-ID", "Idempotency-Key"),
        *("X-Request-Id", "traceparent", "tracestate"),
    ]


async def test_no_redirects(hub: Running) -> None:
    """Nothing near the routes redirects: a redirect would take credentials elsewhere."""
    for path in (
        "/signals",
        "/signals/",
        "/signals/stream/",
        "//signals/stream",
        "/signals//stream",
        "/SIGNALS/stream",
    ):
        answer = await ask(hub.url, request("GET", path))
        assert (answer.status, answer.kind) == (404, "not-found")
        assert "Location" not in answer.headers

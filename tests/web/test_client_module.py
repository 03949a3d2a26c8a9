"""The browser module: who may have it, in which form, and that it is what its sources say."""

from __future__ import annotations

import gzip
import re

import pytest

from sse_signals.web.client_module import MODULE, TYPES
from tests.authenticated import house
from tests.web.doors import OpenDoor, foreign, own
from tests.web.rawhttp import ask, request

MAX_SIZE = 6 * 1024  # bytes, as served with gzip
BOTH = pytest.mark.parametrize("open_door", [own, foreign])
FILES = pytest.mark.parametrize(
    ("name", "content_type"),
    [("client.js", "text/javascript; charset=utf-8"), ("client.d.ts", "application/typescript; charset=utf-8")],
)


@FILES
@BOTH
async def test_anybody_may_have_it(open_door: OpenDoor, name: str, content_type: str) -> None:
    """A page of any origin can import it, it is checked for a newer one each time, and HEAD says the same."""
    async with open_door() as door:
        answer = await ask(door.url, request("GET", f"/signals/{name}", "Origin: https://elsewhere.example"))
        assert answer.status == 200
        assert b"SignalsClient" in answer.body
        expected = {
            "Content-Type": content_type,
            "Cache-Control": "public, max-age=0, must-revalidate",
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        assert expected.items() <= dict(answer.headers).items()
        assert "Access-Control-Allow-Credentials" not in answer.headers
        head = await ask(door.url, request("HEAD", f"/signals/{name}"))
        assert (head.status, head.body) == (200, b"")
        for header in ("ETag", "Content-Length", "Content-Type"):
            assert head.headers[header] == answer.headers[header]


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("GZIP ; q=1.0", True),
        ("gzip;q=0.001", True),
        ("gzip;q=0", False),
        ("gzip;q=0;x=1", False),
        ("gzip;q=abc", False),
        ("gzip;q=-1", False),
        ("gzip; q=0.000", False),
        ("br, x-gzip", False),
        ("identity", False),
    ],
)
async def test_gzip(accepted: str, packed: bool) -> None:
    """It is compressed for whoever takes that, and then takes at most 6 KiB."""
    async with foreign() as door:
        answer = await ask(door.url, request("GET", "/signals/client.js", f"Accept-Encoding: {accepted}"))
        assert (answer.headers.get("Content-Encoding") == "gzip") is packed
        assert (gzip.decompress(answer.body) if packed else answer.body) == MODULE.body
        assert len(answer.body) <= MAX_SIZE or not packed


async def test_304() -> None:
    """Who has it already is told so, whatever the form they got it in."""
    async with foreign() as door:
        answer = await ask(door.url, request("GET", "/signals/client.js", "Accept-Encoding: gzip"))
        etag = answer.headers["ETag"]
        for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
            again = await ask(door.url, request("GET", "/signals/client.js", f"If-None-Match: {known}"))
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
            assert again.headers["Access-Control-Allow-Origin"] == "*"
        for other in ('"other"', 'W/"other"'):
            again = await ask(door.url, request("GET", "/signals/client.js", f"If-None-Match: {other}"))
            assert again.status == 200
        types = await ask(door.url, request("GET", "/signals/client.d.ts", f"If-None-Match: {etag}"))
        assert types.status == 200
        assert types.body == TYPES.body


async def test_it_stands_below_the_prefix() -> None:
    """Where the hub is, there is its module; what is not there is told in the 404."""
    async with foreign(prefix="/events") as door:
        assert (await ask(door.url, request("GET", "/events/client.js"))).body == MODULE.body
        answer = await ask(door.url, request("GET", "/events/client.mjs"))
        assert answer.status == 404
        assert "/events/client.js, /events/client.d.ts" in answer.problem["hint"]


async def test_nobody_has_to_authenticate_for_it() -> None:
    """A page needs it before it has a token; a bad one does not matter."""
    async with house() as hub:
        for token in (None, "bad"):
            assert (await hub.ask("GET", "client.js", token=token)).status == 200
            assert (await hub.ask("GET", "stream", token=token)).status == 401


async def test_the_rules_of_every_request_hold() -> None:
    """A foreign Host is refused, and so is another method."""
    async with own() as door:
        assert (await ask(door.url, request("GET", "/signals/client.js", host="evil.example"))).status == 403
        answer = await ask(door.url, request("POST", "/signals/client.js"))
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_it_is_one_module() -> None:
    """It imports nothing, and exports one name."""
    text = MODULE.body.decode()
    assert re.findall(r"\bexport\b[^;]*", text) == re.findall(r"\bexport *\{ *\w+ as SignalsClient *\}", text) != []
    assert not re.search(r"\bimport\b", text)

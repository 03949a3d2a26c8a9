"""The files of the console: which there are, with which headers, and that there are no others."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest

from sse_signals.web import console
from sse_signals.web.console import CONSOLE
from tests.authenticated import house
from tests.web.doors import OpenDoor, foreign, own
from tests.web.rawhttp import ask, request

FOLDER = Path(console.__file__).parent / "assets" / "console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
MARKUP = re.compile(r"(inner|outer|set)HTML|insertAdjacent|document\.write|DOMParser|Range\(|eval\(|Function\(|srcdoc")
# On the wire, so that nothing between here and there brings them into another form.
ODD = (
    *("console/", "console/..", "console/../console", "console/%2e%2e/client.js", "console/%2e%2e%2fclient.js"),
    *("console/%5c..%5cclient.js", "console//etc/passwd", "console/app.js/", "console/app.js%00", "console/App.js"),
    *("console/types.d.ts", "console/package.json", "console/index.html", "client/client.js", "client/", "client"),
    *("console/../../../console.py", "console/%252e%252e/client.js", "console/.app.js", "console;a/app.js"),
)


@pytest.mark.parametrize("open_door", [own, foreign])
async def test_24_the_headers_of_each_file(open_door: OpenDoor) -> None:
    """24, 25: each file has the strict policy, no sniffing, no referrer, no version; HEAD says the same."""
    async with open_door() as door:
        for name in CONSOLE:
            answer = await ask(door.url, request("GET", f"/signals/{name}"))
            assert answer.status == 200
            headers = answer.headers
            assert headers["Content-Security-Policy"] == POLICY
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert headers["Server"] == "sse-signals"
            assert headers["Cache-Control"] == "public, max-age=0, must-revalidate"
            assert not any(header.startswith("Access-Control") for header in headers)
            kind = {"console": "text/html", "console/console.css": "text/css"}.get(name, "text/javascript")
            assert headers["Content-Type"] == f"{kind}; charset=utf-8"
            head = await ask(door.url, request("HEAD", f"/signals/{name}"))
            assert (head.status, head.body) == (200, b"")
            assert head.headers["ETag"] == headers["ETag"]


@pytest.mark.parametrize("target", ODD)
async def test_26_nothing_else_is_there(target: str) -> None:
    """26: whatever is not exactly the name of a file of the page is a 404, and no way out of its folder."""
    async with own() as door:
        answer = await ask(door.url, request("GET", f"/signals/{target}"))
        assert answer.status in {404, 400}
        assert answer.kind in {"not-found", "bad-request"}


async def test_the_rules_of_every_request_hold() -> None:
    """A foreign Host is refused, so is another method; below another prefix it is there; the 404 tells of it."""
    async with own(prefix="/events") as door:
        assert (await ask(door.url, request("GET", "/events/console", host="evil.example"))).status == 403
        answer = await ask(door.url, request("POST", "/events/console/app.js"))
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
        assert (await ask(door.url, request("GET", "/events/console"))).body == CONSOLE["console"].body
        assert "/events/console." in (await ask(door.url, request("GET", "/events/x"))).problem["hint"]


async def test_nobody_has_to_authenticate_for_it() -> None:
    """The files are public, since one types a token into the page; what the page asks for is not."""
    async with house() as hub:
        for token in (None, "bad"):
            for name in ("console", "console/app.js"):
                assert (await hub.ask("GET", name, token=token)).status == 200
            assert (await hub.ask("GET", "streams", token=token)).status == 401


def test_the_page_has_what_it_needs_and_nothing_more() -> None:
    """Each file that another one names is served, each that is served is named, and all of it beforehand."""
    served = {name for name in CONSOLE if name != "console"}
    page = CONSOLE["console"].body.decode()
    assert set(re.findall(r'(?:href|src)="([^"#]+)"', page)) == served
    imported = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), found))
        for name in served
        for found in re.findall(r"^import [^;]+ from '([^']+)'", CONSOLE[name].body.decode(), re.MULTILINE)
    }
    assert imported == served - {"console/app.js", "console/console.css"}


def test_text_only_becomes_text() -> None:
    """25: no file makes markup or code of text, keeps anything but the theme, or has a style or script in the page."""
    for path in FOLDER.glob("*.js"):
        source = path.read_text()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|Range\(|eval\(|Function\(|setHTML|srcdoc",
            source,
        )
        assert path.name == "theme.js" or not re.search(r"localStorage|sessionStorage|indexedDB|cookie *=", source)
    page = CONSOLE["console"].body.decode()
    assert not re.search(r"\son\w+=|style=|<style|<script(?! type=\"module\" src=)|https?:", page)
    assert 'role="toolbar"' not in page  # which would need its arrow keys
    assert not re.search(r"url\(|@import|https?:", CONSOLE["console/console.css"].body.decode())


def test_no_field_can_get_into_a_url() -> None:
    """A form that is sent without the script would put what has a name into the URL: the token has none."""
    named = re.findall(r'<(?:input|textarea|select)[^>]*\sname="(\w+)"', CONSOLE["console"].body.decode())
    assert set(named) == {"kind"}

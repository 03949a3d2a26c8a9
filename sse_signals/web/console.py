"""``GET {prefix}/console``: a page to watch and send, which consists of the files in assets/console as they are.

Anybody may have them, since they say nothing of anybody. Nothing looks at an Origin: browsers send one for the page's
own modules, and behind a proxy that passes on another Host nobody would see what the page says about that.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs
from multidict import istr

from sse_signals.web.client_module import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASSETS: Final = Path(__file__).parent / "assets"
_JAVASCRIPT: Final = "text/javascript; charset=utf-8"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    hdrs.VARY: "Accept-Encoding",
    # On each file, since each of them can be opened like a page.
    istr("Content-Security-Policy"): _POLICY,
    istr("Referrer-Policy"): "no-referrer",
    istr("Cross-Origin-Resource-Policy"): "same-origin",
    # Whoever opened it cannot lead it elsewhere, nor have it connect to something else with the token that it holds.
    istr("Cross-Origin-Opener-Policy"): "same-origin",
}
# Modules of the browser module that the page shares with it; they import nothing.
_SHARED: Final = ("decoder.js", "request.js", "topics.js")


def _files() -> dict[str, Asset]:
    """Read the files, of which there are no others."""
    folder = _ASSETS / "console"
    found = {"console": (folder / "index.html", "text/html; charset=utf-8")}
    found["console/console.css"] = (folder / "console.css", "text/css; charset=utf-8")
    found |= {f"console/{path.name}": (path, _JAVASCRIPT) for path in sorted(folder.glob("*.js"))}
    found |= {f"client/{name}": (_ASSETS / "client" / name, _JAVASCRIPT) for name in _SHARED}
    return {name: Asset(path.read_text(encoding="utf-8"), kind, _HEADERS) for name, (path, kind) in found.items()}


# By path below the prefix. Read when this is imported, the best moment to block.
CONSOLE: Final = _files()

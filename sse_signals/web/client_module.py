"""``GET {prefix}/client.js`` and ``client.d.ts``: the browser module, which anybody may have."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web
from multidict import istr

from sse_signals.web.problems import BASE_HEADERS
from sse_signals.web.request_ids import REQUEST_ID, request_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASSETS: Final = Path(__file__).parent / "assets"
_GZIP: Final = re.compile(r"gzip\s*(?:;\s*q=(?:1(?:\.0{0,3})?|0\.(?=\d{1,3}$)\d*[1-9]\d*))?")


_FOR_ALL: Final[Mapping[str, str]] = {
    hdrs.VARY: "Accept-Encoding",
    # Nothing in it is anybody's secret, and pages of other origins are to import it.
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    istr("Cross-Origin-Resource-Policy"): "cross-origin",
}


class Asset:
    """One file that is the same for everybody.

    Args:
        text: What it says.
        content_type: Its media type.
        headers: What is sent with it besides what is sent with every file.

    Attributes:
        body: Its bytes.
        packed: The same, compressed with gzip.
    """

    def __init__(self, text: str, content_type: str, headers: Mapping[str, str] = _FOR_ALL) -> None:
        self.body = text.encode()
        self.packed = gzip.compress(self.body, 9, mtime=0)
        self._etag = hashlib.sha256(self.body).hexdigest()[:32]
        self._type: Mapping[str, str] = {hdrs.CONTENT_TYPE: content_type}
        self._headers: Mapping[str, str] = {
            **BASE_HEADERS,
            hdrs.ETAG: f'W/"{self._etag}"',  # weak: it is that of both encodings
            hdrs.CACHE_CONTROL: "public, max-age=0, must-revalidate",
            **headers,
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with the file, or that the client has it already."""
        if any(tag.value in {self._etag, "*"} for tag in request.if_none_match or ()):
            return web.Response(status=304, headers={**self._headers, REQUEST_ID: request_id(request)})
        headers = {**self._headers, **self._type, REQUEST_ID: request_id(request)}
        if _takes_gzip(request):
            return web.Response(body=self.packed, headers={**headers, hdrs.CONTENT_ENCODING: "gzip"})
        return web.Response(body=self.body, headers=headers)


def _takes_gzip(request: web.BaseRequest) -> bool:
    """Say whether ``Accept-Encoding`` names gzip with a weight that is not zero (RFC 9110, section 12.5.3)."""
    codings = ",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ())).lower().split(",")
    return any(_GZIP.fullmatch(coding.strip()) for coding in codings)


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


# Made of the modules in assets/client by assets/build. Read when this is imported, the best moment to block.
MODULE: Final = Asset(_read("client.js"), "text/javascript; charset=utf-8")
TYPES: Final = Asset(_read("client.d.ts"), "application/typescript; charset=utf-8")

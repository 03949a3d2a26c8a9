"""``GET {prefix}/client.js`` and ``client.d.ts``: the browser module, which anybody may have."""

from __future__ import annotations

import gzip
import hashlib
import re
import string
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web
from multidict import istr

from sse_signals.web.problems import BASE_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ASSETS: Final = Path(__file__).parent / "assets"
# What a module needs comes before it; the last one is the public face.
PARTS: Final = ("decoder", "request", "stream", "page", "ready", "topics", "subscriptions", "tabs", "token", "client")

_IMPORT: Final = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ", re.MULTILINE)
_TOKEN: Final = re.compile(
    r"""
      (?P<comment> /\*.*?\*/ | //[^\n]* )
    | (?P<literal> '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | `(?:\\.|[^`\\])*`
                 | /(?![*/\s])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+/ )
    | (?P<private> \#\w+ )
    | (?P<space> \s+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_PRIVATE: Final = re.compile(r"(?:^|(?<=this\.))#\w+")
_CLASS: Final = re.compile(r"\bclass\b")
_APART: Final = re.compile(r"[\w$#]{2}|\+\+|--")  # two characters that mean something else without a space between them


def joined(parts: Iterable[str]) -> str:
    """Return small modules as one that imports nothing, without what only their readers need.

    Args:
        parts: The modules' texts; the last one is the public face, whose exports stay. They are written as a formatter
            writes them: with every semicolon, and with a space after a division sign.
    """
    *inner, public = (_IMPORT.sub("", part) for part in parts)
    return _compact("".join([*(_EXPORT.sub("", part) for part in inner), public]))


def _compact(text: str) -> str:
    """Leave out comments and spaces, and shorten private names, which nobody outside of their class can see."""
    names: dict[str, str] = {}

    def short(private: re.Match[str]) -> str:
        return names.setdefault(private[0], f"#{_letters(len(names))}")

    kept, at, apart = "", 0, False
    for match in _TOKEN.finditer(text + " "):
        code = text[at : match.start()]
        at = match.end()
        if _CLASS.search(code):
            names = {}
        for piece in (code, match[0] if match.lastgroup in {"literal", "private"} else ""):
            if piece:
                if piece[0] in "}])" and kept.endswith((";", ",")):
                    kept = kept[:-1]
                kept += " " if apart and _APART.fullmatch(kept[-1:] + piece[0]) else ""
                kept += _PRIVATE.sub(short, piece) if piece[0] in "#`" else piece
                apart = False
        apart = apart or match.lastgroup in {"space", "comment"}
    return kept + "\n"


def _letters(number: int) -> str:
    letters = string.ascii_letters
    return (_letters(number // 52 - 1) if number >= 52 else "") + letters[number % 52]


class Asset:
    """One file that is the same for everybody.

    Attributes:
        body: Its bytes.
        packed: The same, compressed with gzip.
    """

    def __init__(self, text: str, content_type: str) -> None:
        self.body = text.encode()
        self.packed = gzip.compress(self.body, 9, mtime=0)
        self._etag = hashlib.sha256(self.body).hexdigest()[:32]
        self._type: Mapping[str, str] = {hdrs.CONTENT_TYPE: content_type}
        self._headers: Mapping[str, str] = {
            **BASE_HEADERS,
            hdrs.ETAG: f'W/"{self._etag}"',  # weak: it is that of both encodings
            hdrs.CACHE_CONTROL: "public, max-age=0, must-revalidate",
            hdrs.VARY: "Accept-Encoding",
            # Nothing in it is anybody's secret, and pages of other origins are to import it.
            hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
            istr("Cross-Origin-Resource-Policy"): "cross-origin",
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with the file, or that the client has it already."""
        if any(tag.value in {self._etag, "*"} for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=self._headers)
        if _takes_gzip(request):
            headers = {**self._headers, **self._type, hdrs.CONTENT_ENCODING: "gzip"}
            return web.Response(body=self.packed, headers=headers)
        return web.Response(body=self.body, headers={**self._headers, **self._type})


def _takes_gzip(request: web.BaseRequest) -> bool:
    codings = ",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ())).lower().split(",")
    return any(re.fullmatch(r"\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?", coding) for coding in codings)


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


# Read when this is imported: at no time is there a better moment to block.
MODULE: Final = Asset(joined(_read(f"client/{part}.js") for part in PARTS), "text/javascript; charset=utf-8")
TYPES: Final = Asset(_read("client.d.ts"), "application/typescript; charset=utf-8")

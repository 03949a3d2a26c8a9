"""The requests that a hub's description stands for, as bytes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from sse_signals.bench.target import Address, head
from sse_signals.conformance.adapter import CONTENT_TYPES, FORM, JSON
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sse_signals.conformance.adapter import Publish, Subscribe

_PLACEHOLDER: Final = re.compile(r"\{(topic|message|event|token)\}")
_NEVER: Final = re.compile(r"[\0\r\n]")
RESUME: Final = "Last-Event-ID"


class Requests:
    """Makes the requests of one run.

    Attributes:
        address: Where the hub listens.
        path: The path of its URL, which all others are below.
    """

    def __init__(
        self, address: Address, path: str, *, token: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Begin.

        Args:
            address: Where the hub listens.
            path: The path of its URL, without a slash at its end.
            token: What stands for ``{token}``; where no header has that, it goes into ``Authorization``.
            headers: What every request carries besides.
        """
        self.address = address
        self.path = path
        self._token = token
        self._headers = tuple(headers)

    def stream(
        self,
        how: Subscribe,
        topics: Sequence[str],
        *,
        method: str = "GET",
        version: str = "1.1",
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the request that opens a stream.

        Args:
            how: How that is done.
            topics: One topic, or several where the hub takes them.
            method: Another method than the right one.
            version: Of HTTP.
            query: What is added to the path's query.
            headers: What is sent besides.
        """
        first, *others = (quote(topic, safe="") for topic in topics)
        path = _fill(how.path, {"topic": first}, str) + "".join(_fill(how.more, {"topic": o}, str) for o in others)
        if query:
            path += ("&" if "?" in path else "?") + query
        own = _merged({"Accept": "text/event-stream"}, dict(how.headers))
        return self.plain(method, path, own, headers, version=version)

    def publish(
        self, how: Publish, topic: str, message: Any, event: str = "", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the request that publishes a message.

        Args:
            how: How that is done.
            topic: Where.
            message: Any JSON value; where the body is the message, text goes as it is.
            event: The name of the event, where the way has one.
            headers: What is sent besides.

        Raises:
            ConfigurationError: A header would have to hold what cannot be sent in one.
        """
        values = {"topic": topic, "message": message, "event": event}
        encode = {JSON: _json, FORM: _form}.get(how.content, _text)
        return self.body(how, topic, _fill(how.body, values, encode).encode(), event, headers)

    def body(
        self, how: Publish, topic: str, body: bytes, event: str = "", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return a request to publish with any body."""
        values = {"topic": topic, "event": event}
        path = _fill(how.path, values, lambda value: quote(value, safe=""))
        own = {name: _fill(value, values, str) for name, value in how.headers}
        content = _merged({"Content-Type": CONTENT_TYPES[how.content]}, own)
        return self.plain(how.method, path, content, headers, body=body)

    def plain(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        more: Mapping[str, str] | None = None,
        *,
        version: str = "1.1",
        body: bytes | None = None,
    ) -> bytes:
        """Return any request to a path below the hub's URL; the ``{token}`` of headers is filled in."""
        all_headers = _merged(self._access(headers), dict(self._headers), more or {})
        if body is not None:
            all_headers["Content-Length"] = str(len(body))
        place = [all_headers.pop(name) for name in list(all_headers) if name.lower() == RESUME.lower()]
        start = head(f"{method} {self.path}{path}", self.address, all_headers) + b"".join(map(_resume, place))
        if version != "1.1":
            start = start.replace(b" HTTP/1.1\r\n", f" HTTP/{version}\r\n".encode(), 1)
        return start + b"\r\n" + (body or b"")

    def _access(self, headers: Mapping[str, str]) -> dict[str, str]:
        filled = {name: _fill(value, {"token": self._token or ""}, str) for name, value in headers.items()}
        if self._token is not None and filled == headers:
            filled["Authorization"] = f"Bearer {self._token}"
        return filled


def _fill(template: str, values: Mapping[str, Any], encode: Callable[[Any], str]) -> str:
    """Fill a template's placeholders in one go, so that what a value holds is none."""
    return _PLACEHOLDER.sub(lambda found: encode(values[found[1]]) if found[1] in values else found[0], template)


def _merged(*parts: Mapping[str, str]) -> dict[str, str]:
    """Return headers together; of those with one name, in whichever case, the last counts."""
    found = {name.lower(): (name, value) for part in parts for name, value in part.items()}
    return dict(found.values())


def _resume(event_id: str) -> bytes:
    """Return the header that resumes: an id is any text without a line end, and is sent as UTF-8 (HTML 9.2.3)."""
    if _NEVER.search(event_id):
        raise ConfigurationError(f"{RESUME!r} holds characters that cannot be sent in a header.")
    return f"{RESUME}: {event_id}\r\n".encode(errors="surrogateescape")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _json(value: Any) -> str:
    return json.dumps(value)


def _form(value: Any) -> str:
    return quote(_text(value), safe="")

"""Where the hub is said to be, and the requests that are sent there; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urlsplit

from sse_signals.doctor.exchange import Ask
from sse_signals.errors import ConfigurationError

BROWSER: Final = "gzip, deflate, br, zstd"  # what browsers send as Accept-Encoding
FOREIGN: Final = "https://signals-doctor.invalid"  # a page that no hub allows
OVERSIZED: Final = 200 * 1024  # bytes: a body that any hub takes unless it is told otherwise
_PORTS: Final = {"http": 80, "https": 443}
_AGENT: Final = "sse-signals doctor"


@dataclass(frozen=True, slots=True)
class Target:
    """A hub's place on the web.

    Attributes:
        scheme: ``http`` or ``https``.
        host: Name or address, without brackets.
        port: The port.
        path: The prefix of the hub's routes, without a slash at its end.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Target:
        """Read a URL that has been checked."""
        parts = urlsplit(url)
        path = parts.path.rstrip("/")
        return cls(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme], path)

    @property
    def authority(self) -> str:
        """Host and port as they stand in ``Host`` headers and origins."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The origin of the hub's own pages."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """The URL, with the prefix."""
        return f"{self.origin}{self.path}"

    @property
    def with_tls(self) -> str:
        """The same URL with ``https``, and its usual port in place of that of HTTP."""
        usual = self.port == _PORTS[self.scheme]
        return replace(self, scheme="https", port=_PORTS["https"] if usual else self.port).url

    @property
    def tls(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme == "https"

    @property
    def local(self) -> bool:
        """Whether it is this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of one examination.

    Attributes:
        path: The prefix of the hub's routes.
        topic: What all its topics begin with.
        authorization: The header that shows who asks, if anybody.
    """

    path: str
    topic: str
    authorization: tuple[tuple[str, str], ...] = ()

    def poll(
        self,
        *,
        origin: str | None = None,
        after: str | None = None,
        topic: str = "quiet",
        ndjson: bool = False,
    ) -> Ask:
        """Return the request for what the hub holds now.

        Args:
            origin: The page that asks.
            after: The id to resume after, as browsers send it.
            topic: ``quiet`` or ``busy``.
            ndjson: Whether to ask for JSON lines, which tell the hub's time.
        """
        headers = [("Accept", "application/x-ndjson" if ndjson else "text/event-stream"), *_of_page(origin)]
        if after is not None:
            headers.append(("Last-Event-ID", after))
        return self._ask("GET", f"stream?{self._topic(topic)}&poll=1", headers)

    def stream(self, topic: str, encodings: str) -> Ask:
        """Return the request that opens a stream.

        Args:
            topic: ``quiet`` or ``busy``.
            encodings: What it sends as ``Accept-Encoding``.
        """
        headers = [("Accept", "text/event-stream"), ("Cache-Control", "no-store")]
        return self._ask("GET", f"stream?{self._topic(topic)}", headers, encodings=encodings)

    def publish(self, text: str) -> Ask:
        """Return the request that publishes a text on the busy topic."""
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        return self._ask("POST", f"publish?{self._topic('busy')}", headers, text.encode())

    def ticket(self) -> Ask:
        """Return the request for a one-time ticket."""
        return self._ask("POST", "tickets", [])

    def oversized(self) -> Ask:
        """Return a request with a large body that no hub can publish, since it is no JSON."""
        return self._ask("POST", "publish", [("Content-Type", "application/json")], b"[" + b" " * OVERSIZED)

    def nothing(self, origin: str) -> Ask:
        """Return a request that the hub answers with 404."""
        return self._ask("GET", "signals-doctor", _of_page(origin))

    def preflight(self, route: str, method: str, origin: str) -> Ask:
        """Return what a browser asks before it sends a request for a page of another origin."""
        headers = [
            *_of_page(origin),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "authorization,content-type,last-event-id"),
        ]
        return Ask("OPTIONS", f"{self.path}/{route}", (*_always("identity"), *headers))

    def _topic(self, name: str) -> str:
        return f"topic={quote(f'{self.topic}/{name}', safe='')}"

    def _ask(
        self, method: str, rest: str, headers: list[tuple[str, str]], body: bytes = b"", encodings: str = "identity"
    ) -> Ask:
        sent = (*_always(encodings), *headers, *self.authorization)
        return Ask(method, f"{self.path}/{rest}", sent, body)


def _always(encodings: str) -> tuple[tuple[str, str], ...]:
    return (("User-Agent", _AGENT), ("Accept-Encoding", encodings))


def _of_page(origin: str | None) -> list[tuple[str, str]]:
    return [] if origin is None else [("Origin", origin)]


def origin(text: str) -> str:
    """Read the origin of a page, as browsers send it.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        parts = urlsplit(text.rstrip("/").lower())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    named = parts.scheme in _PORTS and host and text.isascii() and text.isprintable() and " " not in text
    if not named or "@" in parts.netloc or parts.path or parts.query or parts.fragment:
        raise ConfigurationError(f"{text!r} is no origin; write scheme and host, like https://app.example.com.")
    return Target(parts.scheme, host or "", port or _PORTS[parts.scheme], "").origin

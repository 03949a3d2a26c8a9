"""What a load is sent to: how to open a stream there and how to publish, as bytes of HTTP/1.1."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        host: Its name or address.
        port: Its port.
        tls: Whether it speaks TLS.
        verify: Whether its certificate has to be valid.
    """

    host: str
    port: int
    tls: bool = False
    verify: bool = True

    @property
    def netloc(self) -> str:
        """Host and port as they stand in a URL and in a ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """Return what a TLS connection needs; None without TLS."""
        if not self.tls:
            return None
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Form:
    """How a message becomes a publish request.

    Attributes:
        head: The request's head, without ``Content-Length`` and the empty line.
        before: What stands before the message in the body.
        after: What stands after it.
    """

    head: bytes
    before: bytes = b""
    after: bytes = b""

    def request(self, message: bytes) -> bytes:
        """Return the request that publishes a message."""
        body = self.before + message + self.after
        return b"%bContent-Length: %d\r\n\r\n%b" % (self.head, len(body), body)


@dataclass(frozen=True, slots=True)
class Target:
    """A hub under load.

    Attributes:
        address: Where it listens.
        stream: The request that opens a stream.
        form: How a message is published.
        ready: Bytes that a stream has received once it is open for good: nothing published after that may be missed.
    """

    address: Address
    stream: bytes
    form: Form
    ready: bytes = b"signals.open"

    @classmethod
    def hub(cls, url: str, topic: str, *, headers: Mapping[str, str] | None = None, verify: bool = True) -> Target:
        """Return a hub of this project.

        Args:
            url: Where it is, with its prefix: ``http://127.0.0.1:8080/signals``.
            topic: What streams listen to and publishers publish to.
            headers: What every request carries besides, for example ``Authorization``.
            verify: Whether its certificate has to be valid.

        Raises:
            ConfigurationError: The URL is none, or a header cannot be sent.
        """
        address, path = parse(url, verify=verify)
        query = f"topic={quote(topic, safe='')}"
        stream = head(f"GET {path}/stream?{query}", address, {"Accept": "text/event-stream", **(headers or {})})
        content = {"Content-Type": "application/json", **(headers or {})}
        return cls(address, stream + b"\r\n", Form(head(f"POST {path}/publish?{query}", address, content)))


def parse(url: str, *, verify: bool = True) -> tuple[Address, str]:
    """Return a URL's address, and its path without a slash at the end.

    Raises:
        ConfigurationError: It is no HTTP URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{url!r} is no URL: {error}.") from None
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise ConfigurationError(f"{url!r} is no URL of a hub; write it like http://127.0.0.1:8080/signals.")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(
            "The URL of a hub has no query, fragment or password; use --token or --header for credentials."
        )
    address = Address(host, port or _DEFAULT_PORTS[parts.scheme], tls=parts.scheme == "https", verify=verify)
    return address, quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")


def head(start: str, address: Address, headers: Mapping[str, str]) -> bytes:
    """Return a request's head without the empty line that ends it.

    Raises:
        ConfigurationError: A header is not visible ASCII.
    """
    host = {} if any(name.lower() == "host" for name in headers) else {"Host": address.netloc}
    lines = [f"{name}: {value}" for name, value in {**host, **headers}.items()]
    return b"".join(_line(line) for line in (f"{start} HTTP/1.1", *lines))


def _line(text: str) -> bytes:
    if not (text.isascii() and text.isprintable()):
        raise ConfigurationError(f"{text.partition(':')[0]!r} holds characters that cannot be sent in a header.")
    return text.encode() + b"\r\n"

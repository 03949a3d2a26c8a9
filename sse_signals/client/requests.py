"""Where a remote hub is, and the requests that are sent to it; nothing is sent here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode, urlsplit

import orjson

from sse_signals.errors import ConfigurationError, InvalidInput
from sse_signals.topics import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sse_signals.model import Signal
    from sse_signals.topics import Filters

DEFAULT_PREFIX: Final = "/signals"
CONNECT: Final = 5.0  # seconds for a TCP connection, and for a TLS one on it
KEEP: Final = 8.0  # seconds; a hub closes connections that are idle for longer, and what is sent then is lost
AT_ONCE: Final = 32  # requests with an answer under way; streams do not count
NO_ID: Final = "none"  # what is sent instead of a text that is no id and may not stand in a header: told as a gap

_VISIBLE: Final = re.compile(r"[!-~]+")
_LABELS: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_NO_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LONGEST_HOST: Final = 253  # characters
_IN_PATH: Final = "/%:@!$&'()*+,;=~-._"
_SENT_ALWAYS: Final = {"Accept-Encoding": "identity", "User-Agent": "sse-signals (Python)"}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: ``GET`` or ``POST``.
        url: The whole URL, percent-encoded.
        headers: All that is sent besides what HTTP itself needs; ASCII only. They may hold a token.
        body: Empty for none.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a subscription starts that has no id to resume after, and whether it goes on for ever.

    Attributes:
        since: As the hub reads it: ``all``, ``-20``, ``10m``, a time; None starts with what comes next.
        poll: Whether it ends with what there is when it is asked for.
    """

    since: str | None = None
    poll: bool = False


LIVE: Final = Start()


@dataclass(frozen=True, slots=True)
class HubUrl:
    """Where a hub is.

    Attributes:
        prefix: Its URL with the path that all its routes begin with, without a slash at the end.
    """

    prefix: str

    @classmethod
    def parse(cls, url: str) -> HubUrl:
        """Read the URL of a hub: ``http://hub:8080`` means the usual path ``/signals``, any path is meant as it is.

        Raises:
            ConfigurationError: It is no such URL; the text says why, and holds no password.
        """
        if not isinstance(url, str):
            raise ConfigurationError(f"The hub's URL is {url!r}; write it like http://hub:8080/signals.")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ConfigurationError("The hub's URL cannot be read; write it like http://hub:8080/signals.") from None
        if "@" in parts.netloc:
            raise ConfigurationError("The hub's URL holds a user name or password; give token= instead.")
        if parts.scheme not in {"http", "https"} or not host or " " in url or not url.isprintable():
            raise ConfigurationError(f"{url!r} is no URL of a hub; write it like http://hub:8080/signals.")
        if "?" in url or "#" in url:
            raise ConfigurationError("The hub's URL ends with a query or a fragment; leave that out.")
        if not _is_host(host):
            raise ConfigurationError(f"{host!r} is no host; write a name in ASCII, or a whole address like 127.0.0.1.")
        path = quote(_NO_ESCAPE.sub("%25", parts.path.rstrip("/")), safe=_IN_PATH) or DEFAULT_PREFIX
        return cls(f"{parts.scheme}://{parts.netloc}{path}")

    def publish(self, signals: Sequence[Signal], key: str, token: str | None) -> Request:
        """Return the request that publishes signals as one record.

        Args:
            signals: At least one.
            key: The idempotency key.
            token: Who publishes.

        Raises:
            InvalidInput: The key of several signals holds other characters than ASCII.
        """
        members = [_members(signal) for signal in signals]
        headers = _headers(token, {"Accept": "application/json", "Content-Type": "application/json"})
        if key.isascii():
            headers["Idempotency-Key"] = key
        elif len(members) == 1:
            members[0]["idempotencyKey"] = key
        else:
            hint = "Use letters, digits and other characters of ASCII."
            raise InvalidInput("The key of several signals is not ASCII.", field="idempotency_key", hint=hint)
        body = orjson.dumps(members[0] if len(members) == 1 else members)
        return Request("POST", f"{self.prefix}/publish", headers, body)

    def stream(self, filters: Filters, last_event_id: str | None, token: str | None, start: Start = LIVE) -> Request:
        """Return the request that opens a stream.

        Args:
            filters: What is wanted.
            last_event_id: Where to resume; None starts where ``start`` says.
            token: Who listens.
            start: Where it starts without an id, and whether it ends.
        """
        headers = _headers(token, {"Accept": "text/event-stream", "Cache-Control": "no-store"})
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id if _VISIBLE.fullmatch(last_event_id) else NO_ID
        asked = [] if filters == EVERYTHING else [("topic", text) for text in filters]
        if start.since is not None and last_event_id is None:
            asked.append(("since", start.since))
        if start.poll:
            asked.append(("poll", "1"))
        query = "?" + urlencode(asked, quote_via=quote) if asked else ""
        return Request("GET", f"{self.prefix}/stream{query}", headers)

    def renew(self, stream: str, token: str | None) -> Request:
        """Return the request that lets an open stream go on with a fresh token.

        Args:
            stream: Its name, from its receipt.
            token: The fresh one.
        """
        headers = _headers(token, {"Accept": "application/json"})
        return Request("POST", f"{self.prefix}/streams/{quote(stream, safe='')}/renew", headers)


def _is_host(text: str) -> bool:
    """Say whether it is a name that can be looked up, or an address in its one full form."""
    if ":" in text or text.rstrip(".").rpartition(".")[2].isdigit():  # a name does not end in a number
        try:
            ip_address(text)
        except ValueError:
            return False
        return True
    return len(text) <= _LONGEST_HOST and _LABELS.fullmatch(text) is not None


def _headers(token: str | None, headers: Mapping[str, str]) -> dict[str, str]:
    authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
    return {**_SENT_ALWAYS, **headers, **authorization}


def _members(signal: Signal) -> dict[str, object]:
    members: dict[str, object] = {"message": orjson.Fragment(signal.data)}
    if signal.address is not None:
        members["topic"] = signal.address
    if signal.targets is not None:
        members["targetOwnershipEntityRefs"] = sorted(signal.targets)
    if signal.name is not None:
        members["event"] = signal.name
    return members

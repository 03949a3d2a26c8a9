"""Kinds of settings: what a text may be, and the value it stands for."""

from __future__ import annotations

import re
from dataclasses import field as dataclass_field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError
from marshmallow import fields as kinds
from marshmallow.validate import Range, Regexp

from sse_signals.errors import InvalidInput
from sse_signals.topics import plugin_id

if TYPE_CHECKING:
    from collections.abc import Collection

MIN_SECRET: Final = 32  # bytes: what HS256 needs (RFC 7518, section 3.2)
SHARED_BROKERS: Final = ("redis://", "rediss://", "redis+", "rediss+", "nats://", "tls://", "ws://", "wss://")
DURABLE_BROKERS: Final = ("sqlite:///",)
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
HOST: Final = re.compile(
    r"(?:[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,127}\.?"  # a name or IPv4 address
    r"|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?)\Z"  # an IPv6 address
)
# A cookie's name is a token (RFC 6265, section 4.1.1); `signals-` begins the names of the hub's own.
COOKIE: Final = re.compile(r"(?!(?i:signals-))[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}\Z")
# Parameters of a URL that let nobody in. All others may: nobody knows what an issuer or a server calls a key.
_HARMLESS: Final = re.compile(
    r"(?:db|protocol|timeout|socket_timeout|socket_connect_timeout|socket_keepalive|socket_read_size"
    r"|retry_on_timeout|max_connections|health_check_interval|decode_responses|ssl_cert_reqs|ssl_check_hostname"
    r"|ssl_min_version)=[A-Za-z0-9._-]{0,32}"
)
_NAMED: Final = re.compile(r"[A-Za-z0-9._%-]{1,64}=")
PREFIX: Final = re.compile(r"(/(?!\.\.?(/|\Z))[A-Za-z0-9._~-]+)+\Z")
_ORIGIN: Final = re.compile(r"(https?)://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?")
_URL: Final = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([1-9][0-9]{0,4}))?"
    r"(/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?(\?[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*)?"
)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class Text(kinds.String):
    """Visible text without blanks around it."""

    def _deserialize(self, value: Any, *arguments: Any, **how: Any) -> Any:
        text: str = super()._deserialize(value, *arguments, **how)
        if not text or text != text.strip() or not text.isprintable():
            raise ValidationError("Not visible text.")
        return text


class PluginId(kinds.String):
    """A plugin id, by the rules of `sse_signals.topics.plugin_id`."""

    def _deserialize(self, value: Any, *arguments: Any, **how: Any) -> Any:
        try:
            return plugin_id(super()._deserialize(value, *arguments, **how))
        except InvalidInput:
            raise ValidationError("Not a plugin id.") from None


class Texts(kinds.Field[tuple[str, ...]]):
    """Visible texts, separated by commas, in their order.

    Args:
        of: The only ones there may be.
    """

    def __init__(self, of: Collection[str] | None = None) -> None:
        super().__init__()
        self._of = of

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        texts = tuple(dict.fromkeys(text.strip() for text in str(value).split(",")))
        if not all(text and text.isprintable() and (self._of is None or text in self._of) for text in texts):
            raise ValidationError("Not a list of what it may be.")
        return texts


class Secret(Text):
    """A secret, or ``@`` and the path of the file that holds it."""

    def _deserialize(self, value: Any, *arguments: Any, **how: Any) -> Any:
        text = super()._deserialize(value, *arguments, **how)
        if not (text.startswith("@/") or (text[0] != "@" and len(text.encode()) >= MIN_SECRET)):
            raise ValidationError("Too short.")
        return text


class Url(kinds.String):
    """An ``http://`` or ``https://`` URL without credentials and fragment.

    Args:
        query: Whether it may have a query. If not, a slash at its end is dropped, since something will follow.
    """

    def __init__(self, *, query: bool) -> None:
        super().__init__()
        self._query = query

    def _deserialize(self, value: Any, *arguments: Any, **how: Any) -> Any:
        text: str = super()._deserialize(value, *arguments, **how)
        match = _URL.fullmatch(text)
        if match is None or int(match[2] or 0) >= 2**16 or (match[4] and not self._query):
            raise ValidationError("Not such a URL.")
        return text if self._query else text.rstrip("/")


class BrokerUrl(kinds.String):
    """The URL of a log; what comes after its scheme is read by the broker itself."""

    def _deserialize(self, value: Any, *arguments: Any, **how: Any) -> Any:
        text: str = super()._deserialize(value, *arguments, **how)
        if text != "memory://" and not text.startswith((*SHARED_BROKERS, *DURABLE_BROKERS)):
            raise ValidationError("Not such a URL.")
        return text


class Origins(kinds.Field[frozenset[str]]):
    """Origins of pages, separated by commas or spaces."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[str]:
        origins = frozenset(str(value).replace(",", " ").split())
        if not all(self._is_sent(_ORIGIN.fullmatch(origin)) for origin in origins):
            raise ValidationError("Not a list of origins.")
        return origins

    def _is_sent(self, origin: re.Match[str] | None) -> bool:
        """Say whether a browser sends such an origin: it leaves the scheme's own port out."""
        if origin is None:
            return False
        port = origin[3]
        return port is None or (port != _DEFAULT_PORTS[origin[1]] and int(port) < 2**16)


class Proxies(kinds.Field[tuple[str, ...]]):
    """IP addresses, networks and ``unix``, separated by commas or spaces. No network is every address there is."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        texts = tuple(str(value).replace(",", " ").split())
        try:
            networks = [ip_network(text) for text in texts if text != "unix"]
        except ValueError:
            raise ValidationError("Not a list of addresses and networks.") from None
        if not all(network.prefixlen and "%" not in str(network) for network in networks):
            raise ValidationError("Everybody, or nobody in particular.")
        return texts


def setting(default: Any, kind: kinds.Field[Any], may_be: str, purpose: str, *, hidden: bool = False) -> Any:
    """Return the field of a setting.

    Args:
        default: Its value when it is not set; None where there is none.
        kind: Reads what it is set to.
        may_be: What that may be, in words that follow "it may be".
        purpose: What it is for, in words that follow its name.
        hidden: Whether no message may show what it is set to, even if that is no good.
    """
    metadata = {"kind": kind, "may_be": may_be, "purpose": purpose, "hidden": hidden}
    return dataclass_field(default=default, metadata=metadata, repr=not hidden)


def flag(purpose: str) -> Any:
    """Return the field of a setting that is off unless it is set."""
    return setting(False, kinds.Boolean(), "true or false", purpose)


def whole(default: int, low: int, high: int, purpose: str) -> Any:
    """Return the field of a setting that is a whole number, from ``low`` to ``high``."""
    return setting(default, kinds.Integer(validate=Range(low, high)), f"a whole number from {low} to {high}", purpose)


def number(default: float, low: float, high: float, purpose: str, *, unit: str = "seconds, ") -> Any:
    """Return the field of a setting that is a number, by default of seconds, from ``low`` to ``high``."""
    return setting(default, kinds.Float(validate=Range(low, high)), f"{unit}from {low:.15g} to {high:.15g}", purpose)


def confidential(purpose: str) -> Any:
    """Return the field of a setting that is a secret, or says where one is."""
    may_be = f"a secret of at least {MIN_SECRET} bytes, or @/path of a file that holds one"
    return setting(None, Secret(), may_be, purpose, hidden=True)


def like(default: Any, pattern: re.Pattern[str], may_be: str, purpose: str) -> Any:
    """Return the field of a setting whose text matches a pattern."""
    return setting(default, kinds.String(validate=Regexp(pattern)), may_be, purpose)


def loopback(host: str) -> bool:
    """Say whether a host can only be reached from the machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def without_password(url: str) -> str:
    """Return a URL without the name, password and keys that it or a parameter may hold; it need not be well-formed."""
    credentials, at, place = url.rpartition("@")
    scheme, colon, rest = credentials.partition(":")
    if "?" in rest and "=" in rest.partition("?")[2]:  # the @ may be part of a password that is a parameter
        return f"{scheme}://***"
    place, mark, query = place.partition("?")
    shown = f"{place}{mark}{'&'.join(map(_without_value, query.split('&')) if query else '')}"
    return f"{scheme}://***@{shown}" if colon else f"{at and '***@'}{shown}"


def _without_value(parameter: str) -> str:
    if _HARMLESS.fullmatch(parameter):
        return parameter
    named = _NAMED.match(parameter)
    return f"{named[0] if named else ''}***"

"""Settings: one table from which environment variables, command line options and documentation follow."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError
from marshmallow import fields as kinds
from marshmallow.validate import Equal, Range, Regexp

from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "SIGNALS_"
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,127}\.?"  # a name or IPv4 address
    r"|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?)\Z"  # an IPv6 address
)
_ORIGIN: Final = re.compile(r"(https?)://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


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


def _setting(default: Any, kind: kinds.Field[Any], may_be: str, purpose: str) -> Any:
    return dataclass_field(default=default, metadata={"kind": kind, "may_be": may_be, "purpose": purpose})


def _whole(default: int, low: int, high: int, purpose: str) -> Any:
    kind = kinds.Integer(validate=Range(low, high))
    return _setting(default, kind, f"a whole number from {low} to {high}", purpose)


def _seconds(default: float, low: float, high: float, purpose: str) -> Any:
    return _setting(default, kinds.Float(validate=Range(low, high)), f"seconds, from {low:g} to {high:g}", purpose)


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set; see the metadata of each field for what it may be and what it is for."""

    host: str = _setting(
        "127.0.0.1", kinds.String(validate=Regexp(_HOST)), "a host name or address", "address to listen on"
    )
    port: int = _whole(8080, 0, 65535, "port to listen on; 0 takes any free one")
    broker: str = _setting(
        "memory://", kinds.String(validate=Equal("memory://")), "memory://", "the log behind the hub"
    )
    prefix: str = _setting(
        "/signals",
        kinds.String(validate=Regexp(r"(/(?!\.\.?(/|\Z))[A-Za-z0-9._~-]+)+\Z")),
        "a path such as /signals, without dots alone and without a slash at its end",
        "path that all routes begin with",
    )
    heartbeat: float = _seconds(15.0, 0.1, 3600, "seconds between two heartbeats of a stream")
    send_timeout: float = _seconds(30.0, 0.1, 3600, "seconds without progress after which a stream is aborted")
    history_count: int = _whole(100_000, 1, 100_000_000, "events that are kept for resuming")
    history_bytes: int = _whole(64 * 1024 * 1024, 1, 2**40, "bytes that are kept for resuming")
    history_age: float = _seconds(3600.0, 1, 10**9, "seconds for which events are kept for resuming")
    max_message: int = _whole(64 * 1024, 1, 2**30, "bytes of one message")
    max_body: int = _whole(1024 * 1024, 1, 2**30, "bytes of one request body")
    max_streams: int = _whole(10_000, 1, 10_000_000, "streams open at once")
    cors_origins: frozenset[str] = _setting(
        frozenset(),
        Origins(),
        "origins such as https://app.example.com, separated by commas; no '*' and no path",
        "pages that may use the hub besides its own",
    )
    insecure: bool = _setting(
        False, kinds.Boolean(), "true or false", "serve anybody who can reach it although nobody has to authenticate"
    )


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def option(name: str) -> str:
    """Return the command line option of a setting."""
    return "--" + name.replace("_", "-")


def load(environ: Mapping[str, str], options: Mapping[str, Any]) -> Settings:
    """Return the settings in force: options over environment variables over defaults.

    Args:
        environ: The environment.
        options: Values by the name of the setting; None means not given.

    Raises:
        ConfigurationError: A variable is unknown or a value is none; the text is one sentence that says what may be.
    """
    known = {variable(field.name): field for field in fields(Settings)}
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name.removeprefix(PREFIX), [other.removeprefix(PREFIX) for other in known], 1)
            mend = f"did you mean {PREFIX}{near[0]}?" if near else f"known are {', '.join(known)}."
            raise ConfigurationError(f"{name} is no setting: {mend}")
    values, named = {}, {field.name: name for name, field in known.items()}
    for name, field in known.items():
        if options.get(field.name) is not None:
            named[field.name] = f"{option(field.name)} ({name})"
            values[field.name] = _read(field.metadata, option(field.name), options[field.name])
        elif name in environ:
            values[field.name] = _read(field.metadata, name, environ[name])
    settings = Settings(**values)
    _check_together(settings, named)
    return settings


def checked(name: str, value: Any) -> Any:
    """Return the value of one setting, for those who set it in a program.

    Args:
        name: The setting, as the field of `Settings` is called.
        value: Its value, as text or as what it stands for.

    Raises:
        ConfigurationError: It is none.
    """
    field = next(field for field in fields(Settings) if field.name == name)
    return _read(field.metadata, name, value)


def loopback(host: str) -> bool:
    """Say whether a host can only be reached from the machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def without_password(url: str) -> str:
    """Return a URL without the name and password that it may hold; it need not be well-formed."""
    credentials, at, place = url.rpartition("@")
    scheme, colon, _ = credentials.partition(":")
    return f"{scheme}://***@{place}" if colon else f"{at and '***@'}{place}"


def _read(metadata: Mapping[str, Any], name: str, value: Any) -> Any:
    try:
        return metadata["kind"].deserialize(value)
    except ValidationError:
        shown = without_password(str(value))
        raise ConfigurationError(f"{name} is {shown!r}: it may be {metadata['may_be']}.") from None


def _check_together(settings: Settings, named: Mapping[str, str]) -> None:
    message, body = settings.max_message, settings.max_body
    if message > body:
        raise ConfigurationError(
            f"{named['max_message']} is {message}: it may be at most {named['max_body']}, which is {body}."
        )
    if not settings.insecure and not loopback(settings.host):
        raise ConfigurationError(
            f"{named['host']} is {settings.host!r}: without authentication it may be 127.0.0.1, ::1 or localhost; "
            "--insecure serves anybody who can reach another address."
        )

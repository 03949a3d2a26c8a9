"""Where NATS servers are, and who asks: what a ``nats://`` URL says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from sse_signals.errors import ConfigurationError
from sse_signals.setting_kinds import without_password

_SERVER: Final = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/[A-Za-z0-9._~/-]*)?"
)
_PORTS: Final = {"nats": 4222, "tls": 4222, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """The servers of one NATS, and the credentials that all of them are shown.

    Attributes:
        servers: URLs without credentials.
        scheme: Of all of them: ``nats``, ``tls``, ``ws`` or ``wss``.
        user: A name, or None.
        password: It is a secret; None without a name.
        token: It is a secret; None with a name.
    """

    servers: tuple[str, ...]
    scheme: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def read(url: str) -> Place:
    """Return what a URL says: ``nats://user:password@one:4222,two:4222``, with ``token@`` for a token.

    What the first server has, scheme and credentials, the others have as well.

    Raises:
        ConfigurationError: It is no such URL; the text does not show the credentials.
    """
    found = [_SERVER.fullmatch(each.strip()) for each in url.split(",")]
    servers = [each for each in found if each is not None and int(each["port"] or 1) in range(1, 2**16)]
    scheme = servers[0]["scheme"] if servers else None
    if (
        len(servers) != len(found)
        or scheme not in _PORTS
        or any(each["scheme"] not in {None, scheme} for each in servers)
    ):
        raise ConfigurationError(
            f"{without_password(url)} is no URL of NATS: it may be nats://host:4222, also with "
            "tls://, ws:// or wss://, user:password@ or token@, and further servers after commas."
        )
    texts = [
        f"{scheme}://{each['host']}:{each['port'] or _PORTS[scheme]}{(each['path'] or '').rstrip('/')}"
        for each in servers
    ]
    user, password = (None if text is None else unquote(text) for text in servers[0].group("user", "password"))
    if password is None:
        return Place(tuple(texts), scheme, token=user or None)
    return Place(tuple(texts), scheme, user, password)

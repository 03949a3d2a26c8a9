"""Where a Redis URL leads: one server, the master that Sentinels name, or the server of a cluster that has the log."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import Sentinel, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, RedisError, ResponseError

from sse_signals.brokers.redis_packing import PlainConnection, SecureConnection
from sse_signals.errors import ConfigurationError
from sse_signals.setting_kinds import without_password

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Connection

_URL: Final = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?://(?:([^@/?#]*)@)?([^@/?#]+)(/[^?#]*)?(\?[^#]*)?")
_REPEATED: Final = 8  # characters of a password that may have come back cut off: it is then not shown at all
_PORTS: Final = {None: 6379, "cluster": 6379, "sentinel": 26379}
# What would change the replies, or make redis-py try again by itself.
_FIXED: Final[dict[str, Any]] = {
    "decode_responses": False,
    "protocol": 2,
    "health_check_interval": 0,
    "socket_timeout": None,
    "driver_info": None,
}
_OURS: Final = {*_FIXED, "retry_on_timeout", "retry_on_error", "max_connections", "timeout", "encoding"}


class Place:
    """Where the server is that holds a log; it is looked for anew for each connection.

    Args:
        url: ``redis://[user:password@]host[:port][/db]`` or ``rediss://`` for TLS, with the parameters that redis-py
            knows (``ssl_ca_certs`` and so on). ``redis+sentinel://[user:password@]host[:port],…/service[/db]``: the
            master that the Sentinels name; user and password are the servers', the Sentinels are asked without.
            ``redis+cluster://[user:password@]host[:port],…``: any servers of a cluster; the log is on one of its
            servers, and followed when its slot has moved. Both with ``rediss+`` for TLS.
        key: A key of the log.
        timeout: Seconds that a connection may take to be made.

    Raises:
        ConfigurationError: The URL is none of these.
    """

    def __init__(self, url: str, key: str, timeout: float) -> None:
        self._key = key
        self._shown = without_password(url)
        match = _URL.fullmatch(url)
        if match is None:
            raise self._no_good()
        scheme, self._kind, user, hosts, path, query = match.groups()
        places = deque(self._host(text, _PORTS[self._kind]) for text in hosts.split(","))
        self._service, db = self._path(path or "")
        if self._kind is None and len(places) > 1:
            raise self._no_good()
        try:
            self._arguments: dict[str, Any] = dict(parse_url(f"{scheme}://{user or ''}@localhost/{query or ''}"))
        except ValueError:
            raise self._no_good() from None
        if _OURS & self._arguments.keys():
            raise ConfigurationError(f"The URL {self._shown} may not set {', '.join(_OURS & self._arguments.keys())}.")
        secure = self._arguments.pop("connection_class", None) is SSLConnection
        self._made: Any = SecureConnection if secure else PlainConnection
        self._arguments |= {**_FIXED, "db": db or self._arguments.get("db", 0), "socket_connect_timeout": timeout}
        del self._arguments["host"]
        self._places = places
        try:
            self._connection(places[0])
        except (TypeError, ValueError, RedisError):
            raise self._no_good() from None

    def __str__(self) -> str:
        return self._shown

    async def connect(self) -> Connection:
        """Return a new connection to the server that holds the log.

        Raises:
            RedisError: There is none, or it cannot be reached.
            OSError: The same.
        """
        if self._kind == "sentinel":
            return await self._connected(self._connection(await self._master()))
        failure: Exception = OSError("there is nobody to ask")
        for _ in range(len(self._places)):
            try:
                return await self._at(self._places[0])
            except (RedisError, OSError) as error:
                failure = error
                self._places.rotate(-1)
        raise failure

    async def _at(self, place: tuple[str, int]) -> Connection:
        connection = await self._connected(self._connection(place))
        if self._kind is None:
            return connection
        try:
            await connection.send_command("EXISTS", self._key)
            await connection.read_response()
        except MovedError as moved:
            await connection.disconnect(nowait=True)
            return await self._connected(self._connection((moved.host or place[0], moved.port)))
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def _master(self) -> tuple[str, int]:
        """Ask the Sentinels; their connections are not kept, since they may belong to another loop the next time."""
        timeout = self._arguments["socket_connect_timeout"]
        wait: dict[str, Any] = {
            "driver_info": None,
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
        }
        if self._made is SecureConnection:
            wait |= {"ssl": True, **{name: value for name, value in self._arguments.items() if name[:4] == "ssl_"}}
        sentinels = Sentinel(  # type: ignore[no-untyped-call]
            list(self._places), sentinel_kwargs=wait
        )
        try:
            host, port = await sentinels.discover_master(self._service)
            return str(host), int(port)
        finally:
            for each in sentinels.sentinels:
                await each.aclose()

    async def _connected(self, connection: Connection) -> Connection:
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, ResponseError) or getattr(error, "status_code", None):  # both are a server's words
                error.args = (self._without_secrets(str(error)),)
            raise
        return connection

    def _without_secrets(self, said: str) -> str:
        """Return why a server refuses a connection, without what it repeats of a command that holds the password."""
        said = said.partition(", with args beginning with")[0]
        password = self._arguments.get("password")
        if password and password[:_REPEATED] in said:
            return "what it says is not shown, since it may hold the password"
        return said

    def _connection(self, place: tuple[str, int]) -> Connection:
        made: Connection = self._made(host=place[0], port=place[1], **self._arguments)
        return made

    def _host(self, text: str, port: int) -> tuple[str, int]:
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname or "", parts.port or port
        except ValueError:
            raise self._no_good() from None
        if not host:
            raise self._no_good()
        return host, port

    def _path(self, path: str) -> tuple[str, int]:
        words: Sequence[str] = [unquote(word) for word in path.split("/")[1:] if word]
        service = words[0] if self._kind == "sentinel" and words else ""
        rest = words[1:] if service else words
        if (self._kind == "sentinel") != bool(service) or (self._kind == "cluster" and rest):
            raise self._no_good()
        if len(rest) > 1 or not all(re.fullmatch("[0-9]{1,5}", word) for word in rest):
            raise self._no_good()
        return service, int(rest[0]) if rest else 0

    def _no_good(self) -> ConfigurationError:
        return ConfigurationError(
            f"The URL {self._shown} is none of redis://host:port/db, redis+sentinel://host:port,…/service/db "
            "and redis+cluster://host:port,… with parameters that redis-py knows."
        )

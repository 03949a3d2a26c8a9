"""How a NATS client is connected: no reconnects behind our back, and nothing waits for a server that is gone."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

from nats.aio.client import Client
from nats.aio.transport import TcpTransport
from nats.errors import Error as NatsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sse_signals.brokers.nats_url import Place

UNSENT: Final = 32 * 1024 * 1024  # bytes that may wait for the server; more than that it will not take in time
_PING: Final = 1  # seconds between two looks whether the server answers; it is gone when it missed one
_SOON: Final = 0.3  # seconds that one server of several gets at least


class Transport(TcpTransport):
    """TCP that can be cut, and that says nothing over a connection that should be secret and is not."""

    def __init__(self, *, secret: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._secret = secret

    def __bool__(self) -> bool:
        """Be there before it is connected, or the client makes another."""
        return True

    async def connect_tls(self, *arguments: Any, **how: Any) -> None:
        """Go on in TLS."""
        await super().connect_tls(*arguments, **how)
        self._secret = False

    def write(self, payload: bytes) -> None:
        """Send something, such as the credentials."""
        if self._secret:
            raise NatsError("the server does not speak TLS")
        super().write(payload)  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        """Close at once, dropping what was not sent."""
        if self._io_writer is not None:
            self._io_writer.transport.abort()


def client_of(place: Place) -> tuple[Client, Transport | None]:
    """Return a client that is not connected yet, and what cuts it; a WebSocket cannot be cut."""
    client = Client()
    if place.scheme not in {"nats", "tls"}:
        return client, None
    transport = Transport(secret=place.scheme == "tls")
    client._transport = transport  # noqa: SLF001 - it takes what is there, and tells nobody what it makes by itself
    return client, transport


async def connect(
    client: Client,
    place: Place,
    timeout: float,  # noqa: ASYNC109 - for each server, not for all of it
    *,
    on_error: Callable[[Exception], Awaitable[None]],
    on_close: Callable[[], Awaitable[None]],
) -> None:
    """Connect to the first server that answers.

    Args:
        client: Made by `client_of`.
        place: Where the servers are.
        timeout: Seconds that all of them get together.
        on_error: Called with what the server complains of.
        on_close: Called when the connection is lost.

    Raises:
        nats.errors.Error: None answers as it should.
        OSError: None answers.
    """
    how: dict[str, Any] = {"connect_timeout": max(timeout / len(place.servers), _SOON)}
    await client.connect(
        list(place.servers),
        name="sse_signals",
        allow_reconnect=False,
        error_cb=on_error,
        closed_cb=on_close,
        reconnect_time_wait=0,
        max_reconnect_attempts=1,
        ping_interval=_PING,
        max_outstanding_pings=1,
        tls=ssl.create_default_context() if place.scheme in {"tls", "wss"} else None,
        user=place.user,
        password=place.password,
        token=place.token,
        pending_size=2 * UNSENT,  # above it, a publisher would wait for the server without end
        skip_subject_validation=True,  # nothing in a subject is given by anybody else
        **how,
    )

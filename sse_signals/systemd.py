"""What systemd says to a process that it starts, and what it wants to hear: sockets, readiness, signs of life.

See ``sd_listen_fds(3)``, ``sd_notify(3)`` and ``sd_watchdog_enabled(3)``: all of it are environment variables and
datagrams, for which nothing has to be installed, and which other supervisors speak, too.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import ConfigurationError
from sse_signals.setting_kinds import loopback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from sse_signals.setting_table import Settings

PLACE: Final = ("host", "port")  # settings that say where to listen
FIRST: Final = 3  # the first descriptor that is passed
MOST: Final = 64  # descriptors that can be meant; more are a slip
_LOOK_EVERY: Final = 0.1  # seconds between two looks whether the hub is ready
_AGAIN: Final = 0.05  # seconds after which something is said again that could not be read yet
_MICROSECONDS: Final = 1e6
_DIGITS: Final = 20  # of the greatest number that can be meant


@dataclass(frozen=True, slots=True)
class Told:
    """What systemd has told this process.

    Attributes:
        sockets: How many sockets it has passed.
        address: Where it wants to hear of the process, as it is written there; empty for nowhere.
        watchdog: Seconds after which it ends a process that gives no sign of life; 0 for never.
    """

    sockets: int = 0
    address: str = ""
    watchdog: float = 0.0


def told(environ: Mapping[str, str], pid: int) -> Told:
    """Read what systemd has told a process, and not one of those that this has started or that started this.

    Args:
        environ: The environment.
        pid: The process.

    Raises:
        ConfigurationError: A number is none.
    """
    sockets = _whole(environ, "LISTEN_FDS", MOST) if environ.get("LISTEN_PID") == str(pid) else 0
    watched = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
    microseconds = _whole(environ, "WATCHDOG_USEC", 2**63) if watched else 0
    return Told(sockets, environ.get("NOTIFY_SOCKET", ""), microseconds / _MICROSECONDS)


def inherited(count: int) -> list[socket.socket]:
    """Return the sockets that were passed.

    Raises:
        ConfigurationError: One is no socket that listens for TCP connections.
    """
    sockets: list[socket.socket] = []
    for number in range(FIRST, FIRST + count):
        try:
            sockets.append(socket.socket(fileno=number))
            listens = sockets[-1].getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError:
            listens = 0
        if not listens or sockets[-1].family not in {socket.AF_INET, socket.AF_INET6}:
            for each in sockets:
                each.close()
            raise ConfigurationError(
                f"Descriptor {number} (LISTEN_FDS) is no socket that listens for TCP connections: in the socket unit, "
                "write ListenStream= with an address and a port, and Accept=no."
            )
        sockets[-1].setblocking(False)
        sockets[-1].set_inheritable(False)
    return sockets


def at(settings: Settings, given: Sequence[str], sockets: Sequence[socket.socket]) -> Settings:
    """Return settings for a hub that listens on sockets which were passed.

    Args:
        settings: What is set.
        given: What those settings are called that say where to listen, if somebody has set them.
        sockets: At least one.

    Raises:
        ConfigurationError: They contradict each other, or strangers could come in.
    """
    if given:
        raise ConfigurationError(
            f"{' and '.join(given)} cannot be set where systemd passes the socket (LISTEN_FDS): change ListenStream= "
            "in the socket unit, or do without it."
        )
    places = [listener.getsockname()[:2] for listener in sockets]
    for host, port in places:
        if not (settings.auth or settings.insecure or loopback(host)):
            raise ConfigurationError(
                f"The socket that systemd passes listens on {host} port {port}: without authentication it may be "
                "127.0.0.1 or ::1; SIGNALS_AUTH says how one authenticates, and --insecure serves anybody who can "
                "reach another address."
            )
    host, port = places[0]
    return replace(settings, host=host, port=port)


class Supervisor:
    """Who has started this process, if it wants to hear of it."""

    def __init__(self, heard: Told, logger: Any) -> None:
        """Make it; nothing is said yet.

        Args:
            heard: What it has told.
            logger: A structlog logger.
        """
        self._told = heard
        self._logger = logger
        self._unsaid: deque[bytes] = deque()
        self._unheard = False
        address = heard.address
        self._address = "\0" + address[1:] if address.startswith("@") else address  # an abstract one

    def tell(self, *words: str) -> None:
        """Say something, if anybody wants to hear it.

        That it cannot be said is logged once, and ends nothing: it is said with what is said next, or with the next
        sign of life, since systemd ends who gives none, even if it could not be heard for a moment only.
        """
        if self._address:
            self._unsaid.append("\n".join(words).encode())
            if len(self._unsaid) == 1 or self._unheard:
                self._say()

    def _say(self) -> None:
        """Say what is to be said in its order; while systemd has much to read, a little later."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.setblocking(False)
                while self._unsaid:
                    line.sendto(self._unsaid[0], self._address)
                    self._unsaid.popleft()
                    self._unheard = False
        except BlockingIOError:
            asyncio.get_running_loop().call_later(_AGAIN, self._say)
        except OSError as error:
            if not self._unheard:
                self._logger.warning("systemd cannot be told", reason=str(error))
            self._unheard = True

    def ready(self) -> None:
        """Say that the hub serves."""
        self.tell("READY=1", "STATUS=Serving.")

    def stopping(self, seconds: float) -> None:
        """Say that it ends, and how many seconds that may take."""
        extended = f"EXTEND_TIMEOUT_USEC={round(seconds * _MICROSECONDS)}"
        self.tell("STOPPING=1", "STATUS=Sending streams away.", extended)

    def reloading(self) -> None:
        """Say that workers are replaced; `ready` says that they have been."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Replacing workers.")

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Give signs of life for as long as the context lasts and the event loop goes round."""
        task = asyncio.create_task(self._signs()) if self._told.watchdog else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _signs(self) -> None:
        while True:
            if not self._unsaid:
                self.tell("WATCHDOG=1")
            elif self._unheard:
                self._say()
            await asyncio.sleep(self._told.watchdog / 2)


NOBODY: Final = Told()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is true that rings no bell; looking costs nothing, and ends with the start."""
    while not condition():  # noqa: ASYNC110 - readiness comes and goes with several things
        await asyncio.sleep(_LOOK_EVERY)


def _whole(environ: Mapping[str, str], name: str, most: int) -> int:
    text = environ.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) <= most):
        raise ConfigurationError(f"{name} is {text!r}: it may be a whole number from 0 to {most}, as systemd sets it.")
    return int(text)

"""Two hubs on one log, the network before each, and the proxies of deploy/proxies before both."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import structlog

from sse_signals.server import running
from sse_signals.settings import load
from tests.deploy.proxies import programs
from tests.deploy.proxies.caller import DEADLINE, Caller, status_of
from tests.deploy.proxies.gate import Gate
from tests.doctor.fronts import certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from sse_signals.server import Running
    from tests.deploy.proxies.programs import Program

ORIGIN: Final = "https://app.example.com"
HEARTBEAT: Final = 0.5  # seconds
_numbers = count(1)


@dataclass
class Front:
    """A proxy that runs.

    Attributes:
        program: Which one.
        folder: Where its files are, its certificate and what it has logged.
        port: Where it listens.
        process: Its process.
    """

    program: Program
    folder: Path
    port: int
    process: asyncio.subprocess.Process

    @property
    def name(self) -> str:
        """Its name."""
        return self.program.name

    @property
    def url(self) -> str:
        """Where the hubs are behind it."""
        return f"https://localhost:{self.port}/signals"

    def logged(self) -> str:
        """Return all that it has logged."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    async def new_certificate(self) -> None:
        """Give it another certificate, and have it read it."""
        await asyncio.to_thread(certify, self.folder)
        match self.program.reload:
            case None:
                pass
            case int(number):
                self.process.send_signal(number)
            case words:
                await _done(programs.command(self.program, words, self.folder), self.folder)

    def shown(self) -> str:
        """Return the certificate that it shows to who connects now."""
        return ssl.get_server_certificate(("127.0.0.1", self.port), timeout=DEADLINE)


@dataclass
class World:
    """Hubs, networks and proxies.

    Attributes:
        hubs: The hubs; the second believes no proxy.
        gates: The network before each.
        fronts: The proxies.
        number: What makes topics of one test different from those of another.
    """

    hubs: list[Running]
    gates: list[Gate]
    fronts: list[Front]
    number: count[int] = field(default_factory=count)

    def node(self, number: int) -> str:
        """Return the name of a hub's node."""
        return self.hubs[number].service.site.nodes.own

    def remote(self, stream: str) -> str:
        """Return where a stream comes from, as its hub sees it."""
        sweeps = [hub.service.site.sweep for hub in self.hubs]
        (found,) = [one.remote for sweep in sweeps if sweep is not None for one in sweep.streams if one.name == stream]
        return found


@asynccontextmanager
async def world(folder: Path, broker: str, some: Sequence[Program], **options: Any) -> AsyncIterator[World]:
    """Run everything.

    Args:
        folder: An empty folder.
        broker: The URL of a broker.
        some: The proxies.
        options: Settings of both hubs.
    """
    await asyncio.to_thread(folder.mkdir, 0o755, exist_ok=True)
    options = {"heartbeat": HEARTBEAT, "cors_origins": ORIGIN, "broker_name": f"proxies-{next(_numbers)}", **options}
    logger = structlog.get_logger("sse_signals")
    async with AsyncExitStack() as stack:
        gates = [await stack.enter_async_context(Gate()) for _ in range(2)]
        hubs = []
        for gate, trusted in zip(gates, ("127.0.0.1", ""), strict=True):
            settings = load({}, {"port": 0, "broker": broker, "trusted_proxies": trusted, **options})
            hubs.append(await stack.enter_async_context(running(settings, logger)))
            gate.hub = int(hubs[-1].url.split(":")[2].partition("/")[0])
        starting = [front(folder / program.name, program, [gate.port for gate in gates]) for program in some]
        yield World(hubs, gates, [await stack.enter_async_context(one) for one in starting])


@asynccontextmanager
async def front(folder: Path, program: Program, hubs: Sequence[int]) -> AsyncIterator[Front]:
    """Run a proxy.

    Args:
        folder: Where its files are to be.
        program: Which one.
        hubs: The ports of the two hubs.
    """
    await asyncio.to_thread(_prepare, folder)
    with _held() as port:
        await asyncio.to_thread(programs.placed, program, folder, port, hubs)
        with await asyncio.to_thread((folder / "output.log").open, "wb") as output:
            process = await asyncio.create_subprocess_exec(
                *programs.command(program, program.run, folder),
                env=environment(folder), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        made = Front(program, folder, port, process)
        try:
            await listens(made)
            yield made
        finally:
            await _end(process)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a proxy: nothing of a user's own settings."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder), "TMPDIR": str(folder)}


def certify(folder: Path) -> None:
    """Put a new certificate where the files name it, each file at once."""
    inside = folder / "new"
    inside.mkdir(exist_ok=True)
    made = certificate(inside)
    chain, key = made.certificate.read_text(), made.key.read_text()
    for name, text in (("fullchain.pem", chain), ("privkey.pem", key), ("signals.pem", chain + key)):
        (inside / name).write_text(text)
    for name in ("privkey.pem", "fullchain.pem", "signals.pem"):
        (inside / name).replace(folder / name)


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something is true that nothing announces."""
    try:
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"this did not come about: {what}") from None


async def each(there: World, check: Callable[[Front, str, str], Awaitable[object]]) -> None:
    """Check every proxy with every version of HTTP that it speaks, all at once.

    Args:
        there: What runs.
        check: Is given a proxy, a version and a topic of its own.
    """
    number = next(there.number)
    async with asyncio.TaskGroup() as group:
        for front in there.fronts:
            for version in front.program.versions:
                topic = f"t{number}/{front.name}/{version[-1]}"
                group.create_task(_told(check, front, version, topic))


async def _told(check: Callable[[Front, str, str], Awaitable[object]], front: Front, version: str, topic: str) -> None:
    try:
        await check(front, version, topic)
    except Exception as error:
        error.add_note(f"{front.name}, {version}")
        raise


async def listens(front: Front) -> None:
    """Wait until a proxy answers with a hub behind it."""
    async with asyncio.timeout(DEADLINE):
        while True:
            assert front.process.returncode is None, front.logged()
            async with Caller(front, "HTTP/1.1") as caller:
                if status_of(await caller.ask("GET", "/signals/health/ready")) == 200:
                    return
            await asyncio.sleep(0.05)


def _prepare(folder: Path) -> None:
    folder.mkdir()
    certify(folder)


async def _done(words: Sequence[str], folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *words, env=environment(folder), stdout=asyncio.subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a proxy and its workers, at once: each of them ends its workers on SIGTERM."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
    await process.wait()


@contextmanager
def _held() -> Iterator[int]:
    """Hold a port for a program that shares it: bound, but not listening."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]

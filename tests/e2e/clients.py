"""One small adapter for each client: it listens to a URL, and puts what the client dispatches into an inbox."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import httpx
import httpx_sse
import sseclient

from tests.e2e.inbox import DEADLINE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from tests.e2e.inbox import Inbox

    Once = Callable[[str, Mapping[str, str], Inbox], Awaitable[object]]

# Names that a page has to know beforehand, since EventSource has no listener for every name.
NAMES = (
    *("changed", "removed"),
    *("signals.open", "signals.gap", "signals.heartbeat", "signals.expiring", "signals.goodbye"),
)

CURL = ("curl", "-sN", "--noproxy", "*")

_HERE = Path(__file__).parent
_PACKAGES = _HERE.parent / "node" / "package.json"


class Client(Protocol):
    """A client that can listen (`tests.e2e.inbox.Listen`), and show a token if it is given one."""

    def __call__(self, url: str, inbox: Inbox, /, *, token: str | None = None) -> AbstractAsyncContextManager[object]:
        """Put what comes from ``url`` into ``inbox``."""


def _node_is_ready() -> bool:
    node = shutil.which("node")
    if node is None or not (_PACKAGES.parent / "node_modules" / "eventsource").is_dir():
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.removeprefix("v").partition(".")[0]) >= 20


NODE_IS_READY = _node_is_ready()


@asynccontextmanager
async def resuming(once: Once, url: str, inbox: Inbox, *, token: str | None = None) -> AsyncIterator[None]:
    """Listen with a client that leaves the resume to its user: again and again, after the last id that came."""
    shown = {} if token is None else {"Authorization": f"Bearer {token}"}

    async def listen() -> None:
        while True:
            last = inbox.last_event_id
            await once(url, {**shown, "Last-Event-ID": last} if last else shown, inbox)

    listening = asyncio.create_task(listen())
    try:
        yield
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def curl_once(url: str, headers: Mapping[str, str], inbox: Inbox) -> None:
    """Run ``curl -N`` and take its output apart at blank lines."""
    options = [option for name, value in headers.items() for option in ("-H", f"{name}: {value}")]
    process = await asyncio.create_subprocess_exec(*CURL, *options, url, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        with suppress(asyncio.IncompleteReadError):
            while True:
                inbox.put(*fields(await process.stdout.readuntil(b"\n\n")))
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()


def fields(block: bytes) -> tuple[str, str, str]:
    """Return name, id and data of an event that is written with line feeds, each field once and with a space."""
    values = dict(line.split(": ", 1) for line in block.decode().strip("\n").split("\n"))
    return values.get("event", "message"), values.get("id", ""), values["data"]


async def httpx_sse_once(url: str, headers: Mapping[str, str], inbox: Inbox) -> None:
    """Read one response with httpx-sse."""
    async with httpx.AsyncClient(timeout=None, trust_env=False, verify=False) as client:
        with suppress(httpx.TransportError):
            async with httpx_sse.aconnect_sse(client, "GET", url, headers=dict(headers)) as source:
                async for event in source.aiter_sse():
                    inbox.put(event.event, event.id, event.data)


async def sseclient_once(url: str, headers: Mapping[str, str], inbox: Inbox) -> None:
    """Read one response with sseclient-py, which blocks, in a thread."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=DEADLINE)

    def read() -> None:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=dict(headers))
        for event in sseclient.SSEClient(connection.getresponse()).events():
            loop.call_soon_threadsafe(inbox.put, event.event, event.id or "", event.data)

    # A thread of its own: the loop's default executor has too few for many that wait.
    thread = ThreadPoolExecutor(1)
    await loop.run_in_executor(thread, connection.connect)
    sock = connection.sock
    reading = loop.run_in_executor(thread, read)
    try:
        with suppress(http.client.HTTPException, OSError):
            await asyncio.shield(reading)
    finally:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)  # wakes the thread if it still reads
        with suppress(http.client.HTTPException, OSError):
            await reading
        connection.close()
        thread.shutdown(wait=False)


@asynccontextmanager
async def npm_eventsource(url: str, inbox: Inbox, *, token: str | None = None) -> AsyncIterator[None]:
    """Run the npm package, which resumes by itself, in a Node.js process that prints what it gets."""
    script = _HERE / "eventsource.mjs"
    environment = os.environ | ({} if token is None else {"TOKEN": token})  # not where all processes see it
    process = await asyncio.create_subprocess_exec(
        "node", str(script), str(_PACKAGES), url, *NAMES, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    output = process.stdout

    async def read() -> None:
        async for line in output:
            inbox.put(*json.loads(line))

    reading = asyncio.create_task(read())
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


CHROMIUM = "Chromium"  # which takes a browser to listen with
CLIENTS: Mapping[str, Client] = {
    "curl": partial(resuming, curl_once),
    "httpx-sse": partial(resuming, httpx_sse_once),
    "sseclient-py": partial(resuming, sseclient_once),
    "npm eventsource": npm_eventsource,
}

"""Every client, as its recipe in `deploy/CLIENTS.md` uses it: it listens, and puts what it dispatches into an inbox."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from tests.e2e.document import recipes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from tests.e2e.inbox import Inbox

# Names that a page has to know beforehand, since EventSource has no listener for every name.
NAMES = (
    *("changed", "removed"),
    *("signals.open", "signals.gap", "signals.heartbeat", "signals.expiring", "signals.goodbye"),
)
CHROMIUM = "Chromium"  # which takes a browser to listen with
CURL = ("curl", "-sN", "--noproxy", "*")
SILENCE = 35.0  # seconds without a byte after which a client that looks for it comes back: two heartbeats and some

_HERE = Path(__file__).parent
PACKAGES = _HERE.parent / "node" / "package.json"


class Client(Protocol):
    """A client that can listen (`tests.e2e.inbox.Listen`), and show a token if it is given one."""

    def __call__(
        self, url: str, inbox: Inbox, /, *, token: str | None = None, silence: float = SILENCE
    ) -> AbstractAsyncContextManager[object]:
        """Put what comes from ``url`` into ``inbox``, and `tests.e2e.host.CLOSED` once the client has given up."""


def _node_is_ready() -> bool:
    node = shutil.which("node")
    if node is None or not (PACKAGES.parent / "node_modules" / "eventsource").is_dir():
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.removeprefix("v").partition(".")[0]) >= 20


NODE_IS_READY = _node_is_ready()


def arguments_of(url: str) -> dict[str, Any]:
    """Return hub and topics of a stream's URL, as recipes take them."""
    parts = urlsplit(url)
    hub = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/stream')}"
    return {"hub": hub, "topics": [value for name, value in parse_qsl(parts.query) if name == "topic"]}


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


@asynccontextmanager
async def curl(url: str, inbox: Inbox, *, token: str | None = None, silence: float = SILENCE) -> AsyncIterator[None]:
    """Listen with curl in a shell, in a process of its own."""
    arguments = arguments_of(url)
    given = [arguments["hub"], " ".join(arguments["topics"]), token or "", str(round(silence))]
    script = recipes()["curl"].code + '\nlisten "$@"\n'
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script, "listen", *given),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "no_proxy": "*"},
        limit=2**20,
        start_new_session=True,  # so that its children end with it
    )
    assert process.stdout is not None
    output = process.stdout

    async def read() -> None:
        async for line in output:
            inbox.put(*line.decode().removesuffix("\n").split("\t", 2))

    reading = asyncio.create_task(read())
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await reading


@asynccontextmanager
async def in_process(name: str, *command: str, **options: Any) -> AsyncIterator[Client]:
    """Run one process in which a recipe listens as often as it is asked to.

    Args:
        name: The client's.
        command: What runs recipes in its language.
        options: Arguments for ``listen`` that only this language's recipes take.
    """
    process = await asyncio.create_subprocess_exec(
        *command, cwd=_HERE.parents[1], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to_process, output = process.stdin, process.stdout
    inboxes: list[Inbox] = []

    def say(what: object) -> None:
        to_process.write(json.dumps(what).encode() + b"\n")

    async def read() -> None:
        async for line in output:
            number, *event = json.loads(line)
            inboxes[number].put(*event)

    @asynccontextmanager
    async def listen(
        url: str, inbox: Inbox, *, token: str | None = None, silence: float = SILENCE
    ) -> AsyncIterator[None]:
        inboxes.append(inbox)
        say([len(inboxes) - 1, {**arguments_of(url), "token": token, "silence": silence, **options}])
        yield  # it ends with its process

    say(recipes()[name].code)
    reading = asyncio.create_task(read())
    try:
        yield listen
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


def _python(name: str) -> Callable[[], AbstractAsyncContextManager[Client]]:
    return lambda: in_process(name, sys.executable, "-m", "tests.e2e.host")


def _node(name: str) -> Callable[[], AbstractAsyncContextManager[Client]]:
    return lambda: in_process(name, "node", str(_HERE / "host.mjs"), str(PACKAGES), names=NAMES)


@asynccontextmanager
async def _shell() -> AsyncIterator[Client]:
    yield curl


CLIENTS: Mapping[str, Client] = {"curl": curl}
HOSTS: Mapping[str, Callable[[], AbstractAsyncContextManager[Client]]] = {
    "SignalsClient": _python("SignalsClient"),
    "SyncSignalsClient": _python("SyncSignalsClient"),
    "curl": _shell,
    "httpx-sse": _python("httpx-sse"),
    "sseclient-py": _python("sseclient-py"),
    "launchdarkly-eventsource": _python("launchdarkly-eventsource"),
    "npm eventsource": _node("npm eventsource"),
}
NODE = ("npm eventsource", "reconnecting-eventsource", "@microsoft/fetch-event-source")  # packages of tests/node
BROWSER = ("client.js", "EventSource", "reconnecting-eventsource", "@microsoft/fetch-event-source")

"""A pytest plugin: nothing that a test prints, logs or collects from a process it started may hold a secret.

Secrets are known by their form (JSON Web Tokens, API keys) or by words that tests use in their place, one for each
kind. Whoever writes a test that shows a secret to the hub uses one of these, and every log of the whole run is searched
for it. A test that prints one on purpose is marked ``prints_secrets`` with the reason.
"""

from __future__ import annotations

import asyncio.base_events
import asyncio.subprocess
import re
import subprocess
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

KINDS: Final = {
    "token": re.compile(rb"canary-token|(?<!id-of-)token-\d+-of-a-test|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"),
    "API key": re.compile(rb"sse_[A-Za-z0-9_-]{43}"),
    "password": re.compile(rb"canary-password"),
    "cookie": re.compile(rb"canary-cookie"),
    "ticket": re.compile(rb"canary-ticket|[?&]ticket=[\w-]{43}"),
    "idempotency key": re.compile(rb"canary-key"),
    "secret": re.compile(rb"canary-of-a-secret|canary-of-a-token"),
}
# What these print on stdout is what the hub has answered them, or what one tells a browser: it may be secret.
CLIENTS: Final = frozenset({"curl", "node"})
MARK: Final = "prints_secrets"
_TAIL: Final = 4096  # bytes of a pipe that are looked at again with what comes next


class Watch:
    """What is found in the output of the test that runs.

    Attributes:
        found: Which kinds of secrets, and where.
    """

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], None] = {}

    def look(self, text: str | bytes | None, where: str) -> None:
        """Search a text."""
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text or b""
        for kind, form in KINDS.items():
            if form.search(data):
                self.found[kind, where] = None

    def end(self) -> list[str]:
        """Return what was found since the last call."""
        found, self.found = self.found, {}
        return [f"{kind} in {where}" for kind, where in found]


_WATCH: Final = Watch()
_UNDO: Final[list[Callable[[], None]]] = []


def scrub(text: str) -> str:
    """Return a text without its secrets, so that whoever is told of one does not spread it."""
    for kind, form in KINDS.items():
        text = re.sub(form.pattern.decode(), f"[{kind}]", text)
    return text


def pytest_configure(config: pytest.Config) -> None:
    """Listen wherever tests collect output."""
    config.addinivalue_line("markers", f"{MARK}(reason): prints secrets on purpose, which are not searched for")
    _replace(asyncio.base_events.BaseEventLoop, "subprocess_exec", _executed)
    _replace(asyncio.subprocess.SubprocessStreamProtocol, "pipe_data_received", _received)
    _replace(subprocess.Popen, "communicate", _communicate)
    _replace(pytest.CaptureFixture, "readouterr", _readouterr)


def pytest_unconfigure() -> None:
    """Leave everything as it was."""
    while _UNDO:
        _UNDO.pop()()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail the end of a test in whose output there is a secret: that counts in every process, and says which test."""
    report = yield
    if call.when == "teardown":
        for name, text in report.sections:
            _WATCH.look(text, name.lower())
        found = _WATCH.end()
        if found and item.get_closest_marker(MARK) is None:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: its output holds {' and '.join(found)}."
            report.sections = [(name, scrub(text)) for name, text in report.sections]
    return report


def _replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    _UNDO.append(lambda: setattr(owner, name, original))


def _executed(original: Any) -> Any:
    async def subprocess_exec(self: Any, factory: Any, program: Any, *arguments: Any, **options: Any) -> Any:
        def protocol() -> Any:
            made = factory()
            made.__dict__["of_client"] = PurePath(program).name in CLIENTS
            return made

        return await original(self, protocol, program, *arguments, **options)

    return subprocess_exec


def _received(original: Any) -> Any:
    def pipe_data_received(self: Any, fd: int, data: bytes) -> None:
        if fd != 1 or not self.__dict__.get("of_client"):
            tails = self.__dict__.setdefault("tails", {})
            seen = tails.get(fd, b"") + data
            _WATCH.look(seen, f"what a process wrote to its file {fd}")
            tails[fd] = seen[-_TAIL:]
        original(self, fd, data)

    return pipe_data_received


def _communicate(original: Any) -> Any:
    def communicate(self: Any, *arguments: Any, **options: Any) -> Any:
        collected = original(self, *arguments, **options)
        for text in collected:
            _WATCH.look(text, "what a process wrote")
        return collected

    return communicate


def _readouterr(original: Any) -> Any:
    def readouterr(self: Any) -> Any:
        captured = original(self)
        for name, text in captured._asdict().items():
            _WATCH.look(text, f"captured {name}")
        return captured

    return readouterr

"""What the hub as a server does about handlers that fail, broken requests and a machine that has too little."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
from typing import TYPE_CHECKING, Any
from unittest import mock

import structlog

from sse_signals import server
from sse_signals.server import running
from sse_signals.settings import load
from tests.web.process import DEADLINE, command
from tests.web.rawhttp import ask, connection, exchange, parse, request

if TYPE_CHECKING:
    import pytest


class Logger:
    """A logger that fails at the first of each of the records it is told to fail at."""

    def __init__(self, *failing: str) -> None:
        self._failing = list(failing)

    def info(self, event: str, *_: Any, **__: Any) -> None:
        if event in self._failing:
            self._failing.remove(event)
            raise RuntimeError("secret")

    warning = error = info


def settings(**options: Any) -> Any:
    """Return settings for a hub on a free port."""
    return load({}, {"port": 0, **options})


async def test_a_handler_that_fails_outside_of_all_rules() -> None:
    """A failure that not even our handlers catch is a problem document, and the connection ends."""
    async with running(settings(), structlog.get_logger()) as hub:
        hub.service.site.cors_origins = None  # type: ignore[assignment] # every origin check fails
        answer = await ask(hub.url, request("POST", "/signals/publish?topic=a", "Origin: http://a", body=b"x"))
        assert (answer.status, answer.kind) == (500, "internal-error")
        async with connection(hub.url) as (reader, writer):
            headers = ("Origin: http://a", "Expect: 100-continue", "Content-Length: 1")
            writer.write(request("POST", "/signals/publish?topic=a", *headers))
            interim = await reader.readuntil(b"\r\n\r\n")  # leave to go on is no answer yet
            assert interim.startswith(b"HTTP/1.1 100")
            assert parse(await reader.readuntil(b"}\n"))[0].kind == "internal-error"


async def test_a_handler_that_fails_within_its_answer() -> None:
    """A failure after the answer began cuts the connection: no second head stands inside a body."""
    async with running(settings(), Logger("stream closed")) as hub:
        answer = await exchange(hub.url, request("GET", "/signals/stream?poll=1"))
        assert answer.count(b"HTTP/1.1") == 1
        assert not answer.endswith(b"\r\n0\r\n\r\n")
        assert (await ask(hub.url, request("GET", "/signals/health/live"))).status == 200
        assert hub.service.streams == 0


async def test_broken_requests_are_logged_without_their_content(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged of a broken request is its kind, and nothing of what was sent."""
    caplog.set_level(logging.INFO)
    async with running(settings(), structlog.get_logger()) as hub:
        await ask(hub.url, request("GET", "/signals/stream?token=secret" + "x" * 9000))
    assert ("broken request refused", "LineTooLong") in [
        (each.message, getattr(each, "reason", "")) for each in caplog.records
    ]
    assert "secret" not in caplog.text


async def test_nothing_a_client_sends_forges_a_line_of_the_log() -> None:
    """Security 35: whatever stands in a request, each record is one line of JSON without control characters."""
    evil = "%0d%0a%1b[31m%22,%22level%22:%22critical"
    async with command() as hub:
        for data in (
            request("GET", f"/signals/stream?poll=1&topic={'%22' * 3}'"),
            request("GET", f"/signals/stream?poll=1&topic={evil}"),
            request("GET", f"/{evil}", f"User-Agent: \x1b[31m{evil}\u009b"),
            request("POST", f"/signals/publish?topic=a&x={evil}", body=b"x"),
            request("GET", "/signals/stream\x1b[31m"),
        ):
            await exchange(hub.url, data)
        logs = await hub.stop()
    assert not any(entry["level"] == "critical" for entry in logs)
    assert all(text.isprintable() for entry in logs for text in entry.values() if isinstance(text, str))


async def test_few_open_files() -> None:
    """A low limit of open files is raised as far as it goes, and told with what to do about it."""
    async with command("--max-streams", "500", shell="ulimit -Sn 100; ulimit -Hn 300;") as hub:
        assert (await ask(hub.url, request("GET", "/signals/health/ready"))).status == 200
        logs = await hub.stop()
    (warning,) = [entry for entry in logs if entry["level"] == "warning"]
    assert (warning["limit"], warning["raised_to"], warning["needed"]) == (100, 300, 564)
    assert "ulimit -n 564" in warning["hint"]


async def test_a_slow_parser() -> None:
    """A hub whose aiohttp came without its parser in C says so, and serves."""
    async with command("--max-streams", "1", shell="ulimit -n 200;", AIOHTTP_NO_EXTENSIONS="1") as hub:
        assert (await ask(hub.url, request("GET", "/signals/health/ready"))).status == 200
        logs = await hub.stop()
    (warning,) = [entry for entry in logs if entry["level"] == "warning"]
    assert "C parser" in warning["event"]


async def test_files_used_up() -> None:
    """Security 41: when no file descriptor is left the hub says so in a line, and accepts again once some are free."""
    async with command("--max-streams", "1000", shell="ulimit -n 80;") as hub:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(100):
                await stack.enter_async_context(connection(hub.url))
        assert (await ask(hub.url, request("GET", "/signals/health/ready"))).status == 200
        logs = await hub.stop()
    told = [entry for entry in logs if entry["event"] == "no connection can be accepted"]
    assert 1 <= len(told) <= 10
    assert told[0]["reason"] == "Too many open files"
    assert len(logs) < 30


async def test_other_failures_of_the_loop_are_told_in_full() -> None:
    """What goes wrong outside of any task is still told with its traceback, though not again and again."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    context = {"message": "one of ours", "exception": OSError(errno.EIO, "secret")}
    with mock.patch.object(loop, "default_exception_handler") as told:
        serving = asyncio.create_task(server.serve(settings(), structlog.get_logger(), lambda _: stopping.set()))
        async with asyncio.timeout(DEADLINE):
            await stopping.wait()
            loop.call_exception_handler(context)
            loop.call_exception_handler(context)
            signal.raise_signal(signal.SIGTERM)
            await serving
    told.assert_called_once_with(context)
    loop.set_exception_handler(None)

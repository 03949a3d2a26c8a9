"""The README is true: its commands, its code and its table are run or compared as they are written."""

from __future__ import annotations

import asyncio
import logging
import re
import shlex
import textwrap
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from sse_signals import Identity
from sse_signals.settings import Settings, option, variable

if TYPE_CHECKING:
    from sse_signals.server import Running

README = (Path(__file__).parents[1] / "README.md").read_text()
DEADLINE = 20.0


def section(heading: str) -> str:
    """Return what stands under a heading, up to the next one."""
    return re.split(r"^##+ ", README.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(language: str, *headings: str) -> list[str]:
    """Return code blocks in one language: those under some headings, or all."""
    text = "".join(map(section, headings)) if headings else README
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def as_function(code: str, names: dict[str, Any] | None = None) -> Any:
    """Return a block that awaits as a coroutine function of ``signals`` and ``print``."""
    namespace: dict[str, Any] = names or {}
    exec(f"async def example(signals, print):\n{textwrap.indent(code, '    ')}", namespace)
    return namespace["example"]


async def test_the_application_serves_what_its_plugin_publishes_under_a_plain_runner(
    http: aiohttp.ClientSession,
) -> None:
    """The whole example works in an application that others run, and so do its shorter companions."""
    application, publish, listen, listen_to_others = blocks("python", "From Python")
    example: dict[str, Any] = {"__name__": "example"}
    exec(application, example)
    runner = web.AppRunner(example["app"])
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with asyncio.timeout(DEADLINE), http.get(f"{site.name}/signals/stream?plugin=catalog") as stream:
            await stream.content.readuntil(b"\n\n")
            async with http.post(f"{site.name}/refresh") as answer:
                assert answer.status == 204
            event = await stream.content.readuntil(b"\n\n")
            assert b'"topic":"catalog:entities"' in event
            assert b'"message":{"action":"refreshed"}' in event
            await as_function(publish)(example["signals"], print)
            event = await stream.content.readuntil(b"\n\n")
            assert b'"topic":"catalog"' in event
            assert b'"message":{"test":"test"}' in event
            await check_listening(listen, example["signals"])
            await check_listening_to_others(listen_to_others, example)
    finally:
        await runner.cleanup()


async def check_listening(listen: str, signals: Any) -> None:
    """The listening example prints what is published to its topic."""
    printed: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
    listening = asyncio.create_task(as_function(listen)(signals, lambda *what: printed.put_nowait(what)))
    while printed.empty():  # it may not have subscribed yet
        await signals.publish("hello", topic="my-topic")
        await asyncio.sleep(0)
    first = printed.get_nowait()
    assert first[2:] == ("catalog:my-topic", "hello")
    listening.cancel()


async def check_listening_to_others(listen: str, example: dict[str, Any]) -> None:
    """Another plugin hears the whole of this one, and what is targeted at whom it listens for."""
    printed: list[object] = []
    namespace = {**example, "logging": logging, "Identity": Identity}
    listening = asyncio.create_task(as_function(listen, namespace)(None, printed.append))
    while not printed:  # it may not have subscribed yet
        await example["signals"].publish("hello", target_ownership_entity_refs=["Group:group"])
    assert getattr(printed[0], "address", None) == "catalog"
    await listening


async def test_the_two_curl_lines_listen_and_publish(hub: Running) -> None:
    """What the hub prints to try is what the README says, and it works."""
    here = hub.url.removesuffix("/signals")
    tried = blocks("sh", "Try it", "Publish")
    lines = [line.replace("http://127.0.0.1:8080", here) for block in tried for line in block.splitlines()]
    listen, publish, publish_json = (shlex.split(line) for line in lines if line.startswith("curl"))
    async with asyncio.timeout(DEADLINE):
        listener = await asyncio.create_subprocess_exec(*listen, stdout=-1, stderr=-3)
        assert listener.stdout is not None
        await listener.stdout.readuntil(b"\n\n")
        for line in (publish, publish_json):
            publisher = await asyncio.create_subprocess_exec(*line, stdout=-1, stderr=-3)
            answer, _ = await publisher.communicate()
            assert answer.startswith(b'{"id":"')
        assert b'"topic":"hello"' in await listener.stdout.readuntil(b'"message":"hello world"}\n\n')
        listener.terminate()
        await listener.wait()


def test_the_table_of_settings_is_the_settings() -> None:
    """Every setting has its row with variable, option, default and purpose, and there is no other row."""
    rows = re.findall(r"^\| `(SIGNALS_\w+)` \| `(--[a-z-]+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    expected = []
    for field in fields(Settings):
        default = field.default
        shown = (
            str(default).lower()
            if isinstance(default, bool)
            else f"{default:.15g}"
            if isinstance(default, float)
            else str(default)
        )
        default_is_none = default in (None, (), frozenset())
        expected.append((variable(field.name), option(field.name), "none" if default_is_none else f"`{shown}`"))
    assert [row[:3] for row in rows] == expected
    for row, field in zip(rows, fields(Settings), strict=True):
        assert row[3].startswith(field.metadata["purpose"])

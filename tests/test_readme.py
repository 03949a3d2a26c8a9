"""The README is true: its commands and its code in Python are run as they are written."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import textwrap
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from sse_signals import Identity
from tests.named import missing
from tests.pages import ROOT, claimed

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.conftest import StartHub

DEADLINE = 30.0
TRY = claimed("README.md", "Try it")
STREAM = claimed("README.md", "Listen", "text")
IN_PROCESS = claimed("README.md", "From Python")


def as_function(code: str, names: dict[str, Any] | None = None) -> Any:
    """Return a block that awaits as a coroutine function of ``signals`` and ``print``."""
    namespace: dict[str, Any] = names or {}
    exec(f"async def example(signals, print):\n{textwrap.indent(code, '    ')}", namespace)
    return namespace["example"]


async def test_the_application_serves_what_its_plugin_publishes_under_a_plain_runner(
    http: aiohttp.ClientSession,
) -> None:
    """The whole example works in an application that others run, and so do its shorter companions."""
    application, publish, listen, listen_to_others = (block.code for block in IN_PROCESS)
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
    _, tried = TRY
    lines = [
        line.replace("http://127.0.0.1:8080", hub.url.removesuffix("/signals")) for line in tried.code.splitlines()
    ]
    listen, publish = (shlex.split(line) for line in lines)
    async with asyncio.timeout(DEADLINE):
        listener = await asyncio.create_subprocess_exec(*listen, stdout=-1, stderr=-3)
        assert listener.stdout is not None
        await listener.stdout.readuntil(b"\n\n")
        publisher = await asyncio.create_subprocess_exec(*publish, stdout=-1, stderr=-3)
        answer, _ = await publisher.communicate()
        assert answer.startswith(b'{"id":"')
        assert b'"topic":"hello"' in await listener.stdout.readuntil(b'"message":"hello world"}\n\n')
        listener.terminate()
        await listener.wait()


async def test_a_stream_looks_as_the_readme_shows_it(http: aiohttp.ClientSession, start_hub: StartHub) -> None:
    """Its three events have the names, the fields and the members of those that a hub sends."""
    (shown,) = STREAM
    hub = await start_hub(heartbeat=0.1)
    async with asyncio.timeout(DEADLINE), http.get(f"{hub.url}/stream?topic=orders/*") as stream:
        sent = [await stream.content.readuntil(b"\n\n")]
        signal = {"topic": "orders/42", "message": {"state": "paid"}}
        async with http.post(f"{hub.url}/publish", json=signal) as answer:
            assert answer.status == 202
        while len(sent) < 3:
            event = await stream.content.readuntil(b"\n\n")
            if b"heartbeat" not in event or len(sent) == 2:
                sent.append(event)
    assert [shape(event) for event in shown.code.strip().split("\n\n")] == [
        shape(event.decode().strip()) for event in sent
    ]


def test_the_line_that_starts_a_hub_names_what_there_is() -> None:
    """The script is there, with the options that it is given."""
    assert TRY[0].code == "./deploy/run\n"
    assert missing(TRY[0].code) == []
    assert os.access(ROOT / "deploy/run", os.X_OK)


def shape(event: str) -> list[object]:
    """Return the names of an event's fields, the event's name, and the members of its data."""
    fields = dict(line.split(": ", 1) for line in event.split("\n"))
    return [*fields, fields.get("event"), *json.loads(fields["data"])]

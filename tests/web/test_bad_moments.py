"""Full, draining: an EventSource is told on a stream when to come back, everybody else by a 503."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from sse_signals import Limits
from sse_signals.model import Signal
from tests.web.doors import Door, OpenDoor, foreign, own, until
from tests.web.faulty import FaultyBroker
from tests.web.rawhttp import ask, connection, events, parse, request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHub

BOTH = pytest.mark.parametrize("open_door", [own, foreign])


def at_most(open_door: OpenDoor, streams: int) -> dict[str, object]:
    """Return the option that limits how many streams may be open."""
    return {"max_streams": streams} if open_door is own else {"limits": Limits(streams=streams)}


async def refused(door: Door, reason: str, *, publishing: int = 202) -> None:
    """Check how each kind of client is told to come back later, and how publishing and health go on."""
    for version in ("1.1", "1.0"):
        answer = await ask(door.url, request("GET", "/signals/stream?topic=a", version=version))
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store, no-transform"
        (goodbye,) = events(answer.body)
        assert goodbye["event"] == "signals.goodbye"
        assert json.loads(goodbye["data"]) == {"reason": reason}
        assert 1000 <= int(goodbye["retry"]) <= 6000
        assert "id" not in goodbye
    for target, *headers in (
        ("/signals/stream?poll=1",),
        ("/signals/stream", "Accept: application/x-ndjson"),
        ("/signals/stream?poll=1", "Accept: application/x-ndjson", "Origin: http://localhost"),
    ):
        answer = await ask(door.url, request("GET", target, *headers))
        assert (answer.status, answer.kind) == (503, reason)
        assert int(answer.headers["Retry-After"]) >= 1
    answer = await ask(door.url, request("GET", "/signals/stream?since=never"))
    assert answer.status == 400  # its own lasting fault comes first
    assert (await ask(door.url, request("POST", "/signals/publish?topic=b", body=b"x"))).status == publishing
    assert (await ask(door.url, request("GET", "/signals/health/live"))).status == 200


@BOTH
async def test_full(open_door: OpenDoor) -> None:
    """Beyond the most streams that may be open, clients are sent away until one is closed."""
    async with open_door(heartbeat=0.1, **at_most(open_door, 2)) as door, connection(door.url) as (first, writer):
        writer.write(request("GET", "/signals/stream"))
        await first.readuntil(b"signals.open")
        async with connection(door.url) as (second, other):
            other.write(request("GET", "/signals/stream"))
            await second.readuntil(b"signals.open")
            await refused(door, "full")
            assert (await ask(door.url, request("GET", "/signals/health/ready"))).status == 200
        await until(lambda: door.service.streams == 1)
        answer = await ask(door.url, request("GET", "/signals/stream?poll=1&topic=x"))
        assert b"signals.open" in answer.body


@BOTH
async def test_full_while_streams_are_being_looked_up(open_door: OpenDoor) -> None:
    """The most streams that may be open are the most even when many ask at once for what takes time to find."""
    broker = FaultyBroker()
    async with open_door(broker=broker, heartbeat=0.1, **at_most(open_door, 1)) as door:
        event_id = await broker.elsewhere("x")
        broker.answering.clear()
        ahead = request("GET", "/signals/stream", f"Last-Event-ID: {event_id.partition('-')[0]}-9")
        async with connection(door.url) as (first, one), connection(door.url) as (second, two):
            tasks = len(asyncio.all_tasks())
            one.write(ahead)
            two.write(ahead)
            await until(lambda: broker.asked and len(asyncio.all_tasks()) >= tasks + 2)
            broker.answering.set()
            heads = [await reader.readuntil(b"event: ") + await reader.readuntil(b"\n") for reader in (first, second)]
            assert sorted(b"signals.open" in head for head in heads) == [False, True]


@BOTH
async def test_draining(open_door: OpenDoor) -> None:
    """While the hub drains, open streams are ended properly, new ones sent away, and readiness is false."""
    async with open_door() as door, connection(door.url) as (reader, writer), connection(door.url) as (lines, ndjson):
        writer.write(request("GET", "/signals/stream?topic=a"))
        ndjson.write(request("GET", "/signals/stream?topic=a", "Accept: application/x-ndjson"))
        begun = await reader.readuntil(b"signals.open"), await lines.readuntil(b"signals.open")
        await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"last one"))
        await door.service.drain()
        answer, rest = parse(begun[0] + await reader.read())
        *_, event, goodbye = events(answer.body)
        assert rest == b""
        assert json.loads(event["data"])["message"] == "last one"
        assert (goodbye["event"], json.loads(goodbye["data"])) == ("signals.goodbye", {"reason": "shutdown"})
        assert 1000 <= int(goodbye["retry"]) <= 6000
        answer, rest = parse(begun[1] + await lines.read())
        line = json.loads(answer.body.splitlines()[-1])
        assert (line["event"], line["message"]) == ("signals.goodbye", {"reason": "shutdown"})
        assert 1000 <= line["retry"] <= 6000
        assert door.service.streams == 0
        await refused(door, "shutdown", publishing=503)  # its log ends with it
        assert (await ask(door.url, request("GET", "/signals/health/ready"))).kind == "shutdown"


@BOTH
async def test_draining_while_streams_are_being_looked_up(open_door: OpenDoor) -> None:
    """A stream that is still being looked up when the hub drains is sent away, and not opened and then cut off."""
    broker = FaultyBroker()
    async with open_door(broker=broker) as door:
        event_id = await broker.elsewhere("x")
        broker.answering.clear()
        async with connection(door.url) as (reader, writer):
            ahead = f"Last-Event-ID: {event_id.partition('-')[0]}-9"
            writer.write(request("GET", "/signals/stream", ahead, version="1.0"))
            await until(lambda: broker.asked)
            await door.service.drain()
            broker.answering.set()
            answer, _ = parse(await reader.read())
            assert [event["event"] for event in events(answer.body)][-1] == "signals.goodbye"


async def test_what_was_acknowledged_arrives_before_the_end() -> None:
    """A log that ends with the hub takes nothing that nobody can get: what it took is delivered first."""
    async with own() as door, connection(door.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream?topic=a"))
        begun = await reader.readuntil(b"signals.open")
        publish = door.service.site.service.publish
        signals = [Signal(data=b"%d" % number, address="a") for number in range(3)]
        await asyncio.gather(*(publish([signal]) for signal in signals), door.service.drain())
        answer, _ = parse(begun + await reader.read())
        assert [json.loads(event["data"])["message"] for event in events(answer.body)[1:-1]] == [0, 1, 2]
        refusal = await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"late"))
        assert (refusal.status, refusal.kind) == (503, "shutdown")
        assert int(refusal.headers["Retry-After"]) >= 1


async def test_a_log_that_lasts_takes_signals_until_the_end(start_hub: StartHub, tmp_path: Path) -> None:
    """Where the log outlives the hub, a publish is taken while streams are sent away: they resume and get it."""
    hub = await start_hub(broker=f"sqlite:///{tmp_path}/log.db")
    await hub.service.drain()
    await refused(Door(hub.url, hub.service, lambda: 0), "shutdown")


async def test_a_reader_that_never_reads_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose client takes nothing is aborted when its time is up, and the others have ended properly."""
    monkeypatch.setattr("sse_signals.web.departure.DRAIN_PATIENCE", 0.2)
    async with own() as door, connection(door.url, limit=1024) as (stuck, one), connection(door.url) as (reader, two):
        one.write(request("GET", "/signals/stream"))
        two.write(request("GET", "/signals/stream"))
        await stuck.readuntil(b"signals.open")
        await reader.readuntil(b"signals.open")
        everything = asyncio.create_task(reader.read())
        body = b"x" * 60_000
        while not any(stream.times_behind for stream in door.service.site.service.node.hub.streams):
            assert (await ask(door.url, request("POST", "/signals/publish?topic=a", body=body))).status == 202
        await door.service.drain()
        assert (await everything).endswith(b"\r\n0\r\n\r\n")
        await until(lambda: not any(door.counts().values()))

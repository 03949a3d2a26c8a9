"""A log that fails: streams stay, publishers are told the truth, and nothing is lost or doubled when it is back."""

from __future__ import annotations

import asyncio

import pytest

from sse_signals import service as service_module
from tests.web.doors import OpenDoor, foreign, own, until
from tests.web.faulty import FaultyBroker
from tests.web.rawhttp import Answer, ask, connection, events, messages, parse, request

BOTH = pytest.mark.parametrize("open_door", [own, foreign])
READY = request("GET", "/signals/health/ready")
LIVE = request("GET", "/signals/health/live")
POLL = request("GET", "/signals/stream?poll=1")


async def publish(url: str, text: str, *headers: str) -> Answer:
    """Publish a text."""
    return await ask(url, request("POST", "/signals/publish?topic=t", *headers, body=text.encode()))


async def ready(url: str) -> bool:
    """Say whether the hub is ready, after checking how it says no."""
    answer = await ask(url, READY)
    if answer.status == 200:
        assert answer.json == {"status": "ready"}
        return True
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.problem
    assert (await ask(url, LIVE)).json == {"status": "live"}
    return False


@BOTH
async def test_an_unknown_outcome(open_door: OpenDoor) -> None:
    """A publish whose answer was lost is 503 and says so; its repeat with the same key publishes nothing more."""
    broker = FaultyBroker()
    async with open_door(broker=broker) as door:
        broker.lose_answers = True
        answer = await publish(door.url, "once", "Idempotency-Key: k")
        assert (answer.status, answer.problem["outcome"]) == (503, "unknown")
        assert int(answer.headers["Retry-After"]) >= 1
        broker.lose_answers = False
        answer = await publish(door.url, "once", "Idempotency-Key: k")
        assert (answer.status, answer.headers["Idempotent-Replayed"]) == (202, "true")
        assert messages((await ask(door.url, POLL)).body) == ["once"]


@BOTH
async def test_losing_the_log(open_door: OpenDoor) -> None:
    """While the log is cut off streams stay open and readiness is false; then they get all, once and in order."""
    broker = FaultyBroker()
    async with open_door(broker=broker) as door, connection(door.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream", version="1.0"))
        await reader.readuntil(b"signals.open")
        await reader.readuntil(b"\n\n")
        assert (await publish(door.url, "before")).status == 202
        seen = await reader.readuntil(b"\n\n")
        assert await ready(door.url)
        broker.cut()
        await until(lambda: not door.service.site.ready)
        assert not await ready(door.url)
        answer = await publish(door.url, "lost")
        assert (answer.status, answer.kind) == (503, "broker-unavailable")
        assert "outcome" not in answer.problem
        assert "Nothing was done" in answer.problem["hint"]
        assert messages((await ask(door.url, POLL)).body) == ["before"]
        assert door.service.streams == 1
        broker.mend()
        assert (await publish(door.url, "meanwhile")).status == 202
        await until(lambda: door.service.site.ready)
        assert await ready(door.url)
        assert (await publish(door.url, "after")).status == 202
        while b"after" not in seen:
            seen += await reader.readuntil(b"\n\n")
        assert messages(seen) == ["before", "meanwhile", "after"]


@BOTH
async def test_starting_without_the_log(open_door: OpenDoor) -> None:
    """A hub that cannot reach its log listens, says that it is not ready, and tells each client when to come back."""
    broker = FaultyBroker(connected=False)
    async with open_door(broker=broker) as door:
        assert not await ready(door.url)
        stream = await ask(door.url, request("GET", "/signals/stream?topic=a"))
        assert stream.status == 200
        (goodbye,) = events(stream.body)
        assert (goodbye["event"], goodbye["data"]) == ("signals.goodbye", '{"reason":"starting"}')
        assert 1000 <= int(goodbye["retry"]) <= 6000
        for data in (POLL, request("GET", "/signals/stream", "Accept: application/x-ndjson")):
            answer = await ask(door.url, data)
            assert (answer.status, answer.kind) == (503, "starting")
            assert int(answer.headers["Retry-After"]) >= 1
        assert (await publish(door.url, "x")).status == 503
        broker.mend()
        await until(lambda: door.service.site.ready)
        assert await ready(door.url)
        assert (await publish(door.url, "x")).status == 202
        assert messages((await ask(door.url, POLL)).body) == ["x"]


@BOTH
async def test_a_publisher_that_does_not_wait(open_door: OpenDoor) -> None:
    """A publisher that leaves while the log takes its time has published all the same, once, and leaves nothing."""
    broker = FaultyBroker()
    async with open_door(broker=broker, heartbeat=0.1) as door:
        tasks = len(asyncio.all_tasks())
        async with connection(door.url) as (reader, writer):
            writer.write(request("GET", "/signals/stream", version="1.0"))
            await reader.readuntil(b"signals.open")
            broker.answering.clear()
            async with connection(door.url) as (_, publisher):
                publisher.write(request("POST", "/signals/publish?topic=t", body=b"left"))
                await until(lambda: broker.asked == 1)
            broker.answering.set()
            await reader.readuntil(b'"message":"left"}')
            assert (await publish(door.url, "next")).status == 202
            assert b"left" not in await reader.readuntil(b'"message":"next"}')
        await until(lambda: len(asyncio.all_tasks()) == tasks)


@BOTH
async def test_an_id_of_a_faster_node(open_door: OpenDoor) -> None:
    """An id ahead of this node is asked about; known to the log, the stream joins there and gets what comes after."""
    broker = FaultyBroker()
    async with open_door(broker=broker) as door:
        broker.cut()
        await until(lambda: not door.service.site.ready)
        broker.mend()
        broker.answering.clear()  # the node asks for the head before it follows again, and waits
        await until(lambda: broker.asked)
        ahead, last = [await broker.elsewhere(text) for text in ("a", "b")]
        async with connection(door.url) as (reader, writer):
            writer.write(request("GET", "/signals/stream", f"Last-Event-ID: {ahead}", version="1.0"))
            await until(lambda: broker.asked >= 2)
            broker.answering.set()
            answer, _ = parse(await reader.readuntil(b'"message":"b"}\n\n'))
            receipt, event = events(answer.body)
            assert '"recovered":true' in receipt["data"]
            assert event["id"] == last


@BOTH
async def test_an_id_that_nobody_can_tell_about(open_door: OpenDoor) -> None:
    """While the log is cut off an id ahead of this node is a gap, and no error that ends a browser's stream."""
    broker = FaultyBroker()
    async with open_door(broker=broker) as door:
        event_id = (await publish(door.url, "x")).json["id"]
        epoch = event_id.partition("-")[0]
        broker.cut()
        answer = await ask(door.url, request("GET", "/signals/stream?poll=1", f"Last-Event-ID: {epoch}-7"))
        assert answer.status == 200
        assert events(answer.body)[1]["event"] == "signals.gap"
        assert "unknown-id" in events(answer.body)[1]["data"]


@BOTH
async def test_a_log_that_does_not_answer(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish is answered in time with a 503 that says what is known; its repeat with the same key publishes once."""
    broker = FaultyBroker()
    async with open_door(broker=broker) as door:
        broker.answering.clear()
        with monkeypatch.context() as impatient:
            impatient.setattr(service_module, "PATIENCE", 0.05)
            answer = await publish(door.url, "once", "Idempotency-Key: k")
        assert (answer.status, answer.kind, answer.problem["outcome"]) == (503, "broker-unavailable", "unknown")
        assert 1 <= int(answer.headers["Retry-After"]) <= 2
        broker.answering.set()
        assert (await publish(door.url, "once", "Idempotency-Key: k")).status == 202
        await until(lambda: not broker.appends)
        assert messages((await ask(door.url, POLL)).body) == ["once"]


@BOTH
async def test_a_stream_while_the_log_is_away(open_door: OpenDoor) -> None:
    """It is kept awake; whoever comes back meanwhile is let in too, and both get all that they have missed."""
    broker = FaultyBroker()
    async with open_door(broker=broker, heartbeat=0.1) as door, connection(door.url) as (reader, writer):
        before = (await publish(door.url, "before")).json["id"]
        writer.write(request("GET", "/signals/stream?since=all", version="1.0"))
        await reader.readuntil(b'"message":"before"}\n\n')
        broker.cut()
        await until(lambda: not door.service.site.ready)
        for _ in range(2):
            await reader.readuntil(b"signals.heartbeat")
            await reader.readuntil(b"\n\n")
        refused = await publish(door.url, "lost")
        assert (refused.status, int(refused.headers["Retry-After"]) <= 2) == (503, True)
        async with connection(door.url) as (other, asking):
            asking.write(request("GET", "/signals/stream", f"Last-Event-ID: {before}", version="1.0"))
            await other.readuntil(b'"recovered":true')
            await other.readuntil(b"\n\n")
            broker.mend()
            ids = [await broker.elsewhere(text) for text in ("one", "two")]
            for each in (reader, other):
                seen = await each.readuntil(b'"message":"two"}\n\n')
                assert messages(seen) == ["one", "two"]
                assert [f"id: {event_id}\n".encode() in seen for event_id in ids] == [True, True]
                assert b"signals.gap" not in seen

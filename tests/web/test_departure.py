"""How a hub ends with a delay and a window: what goes on meanwhile, who leaves when, and that nothing is lost."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from unittest import mock

import structlog
from aiohttp import web
from structlog.testing import capture_logs

from sse_signals import EventBroker, SignalsClient, SignalsService, SyncSignalsClient
from sse_signals.web.gate import PER_TURN, Gate
from tests.web.doors import foreign, until
from tests.web.listening import Reading
from tests.web.rawhttp import ask, connection, events, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from sse_signals.server import Running
    from tests.conftest import StartHub

LONG = {"drain_delay": 600.0, "drain_window": 3600.0, "heartbeat": 0.1}
READY, LIVE = request("GET", "/signals/health/ready"), request("GET", "/signals/health/live")
STREAM, POLL = request("GET", "/signals/stream?topic=a"), request("GET", "/signals/stream?topic=a&poll=1")
LINES = request("GET", "/signals/stream?topic=a", "Accept: application/x-ndjson")


@asynccontextmanager
async def reading(url: str, count: int) -> AsyncIterator[list[Reading]]:
    """Open streams."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            reader, writer = await stack.enter_async_context(connection(url))
            writer.write(STREAM)
            found.append(Reading(reader, await reader.readuntil(b'"heartbeat"')))
        yield found


async def publish(hub: Running, text: str) -> int:
    """Publish, and return the status."""
    return (await ask(hub.url, request("POST", "/signals/publish?topic=a", body=text.encode()))).status


async def test_during_the_delay_all_but_readiness_goes_on(start_hub: StartHub) -> None:
    """New streams are sent away, and nobody else notices: streams, publishes and polls; a hurry ends it at once."""
    hub = await start_hub(**LONG)
    async with reading(hub.url, 2) as streams:
        assert (await ask(hub.url, READY)).status == 200
        with capture_logs() as logs:
            first, second = (asyncio.create_task(hub.service.drain("a test")) for _ in range(2))
            await until(lambda: hub.service.site.draining)
            ready = await ask(hub.url, READY)
            assert (ready.status, ready.kind) == (503, "shutdown")
            assert (await ask(hub.url, LIVE)).status == 200
            away = await ask(hub.url, STREAM)
            (goodbye,) = events(away.body)
            assert (away.status, goodbye["event"], goodbye["data"]) == (200, "signals.goodbye", '{"reason":"shutdown"}')
            assert 1000 <= int(goodbye["retry"]) <= 6000
            assert ((await ask(hub.url, LINES)).status, await publish(hub, "1")) == (503, 202)
            poll = await ask(hub.url, POLL)
            assert poll.status == 200
            assert b'"message":"1"' in poll.body
            (node,) = (await ask(hub.url, request("GET", "/signals/streams"))).json["nodes"]
            assert (node["draining"], node["ready"]) == (True, False)
            for stream in streams:
                await stream.until(b'"message":"1"')
                stream.text += await stream.reader.readuntil(b"signals.heartbeat")
            hub.service.site.departure.hurry()
            await first
            await second
        assert [await stream.rest() for stream in streams]
    assert (await ask(hub.url, POLL)).status == 503
    assert await publish(hub, "2") == 503  # its log ends with it
    begun, done = (entry for entry in logs if entry["event"].startswith("drain "))
    assert (begun["event"], done["event"]) == ("drain began", "drain done")
    assert begun.items() >= {"why": "a test", "streams": 2, "delay": 600.0, "window": 3600.0}.items()
    assert (done["sent_away"], done["aborted"]) == (2, 0)


async def test_who_waits_at_the_gate_is_let_in_at_its_pace(start_hub: StartHub) -> None:
    """A reconnect storm at the beginning of a drain does not stop the loop, and all are told to come back."""
    hub = await start_hub()
    site = hub.service.site
    passed = 0

    async def come() -> None:
        nonlocal passed
        await site.gate.enter()
        passed += 1

    coming = [asyncio.create_task(come()) for _ in range(200)]
    await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(hub.url.split(":")[2].partition("/")[0]))
    try:
        writer.write(STREAM)
        most, before = 0, passed
        assert before < 150
        draining = asyncio.create_task(hub.service.drain())
        async with asyncio.timeout(30):
            while not draining.done():
                await asyncio.sleep(0)
                most, before = max(most, passed - before), passed
        assert most <= PER_TURN
        assert passed == 200
        assert b'{"reason":"shutdown"}' in await reader.read()
    finally:
        writer.transport.abort()
        await asyncio.gather(*coming)


async def test_who_waits_at_the_gate_is_not_waited_for_too_long(start_hub: StartHub) -> None:
    """A hub that cannot let all in before its time is over ends all the same."""
    hub = await start_hub()
    gate = mock.MagicMock(Gate)
    gate.__len__.return_value = 1
    with mock.patch.object(hub.service.site, "gate", gate), mock.patch("sse_signals.web.departure.GATE_PATIENCE", 0.01):
        async with asyncio.timeout(30):
            await hub.service.drain()
    assert gate.__len__.called


async def test_a_window_sends_away_one_after_another_and_none_misses_what_was_acknowledged(start_hub: StartHub) -> None:
    """While signals are published all the time, each stream has all that was acknowledged before its goodbye."""
    hub = await start_hub(drain_window=1.5)
    acknowledged = 0

    async def go_on_publishing() -> None:
        nonlocal acknowledged
        while await publish(hub, str(acknowledged)) == 202:
            acknowledged += 1

    async with reading(hub.url, 8) as streams:
        with capture_logs() as logs:
            publishing = asyncio.create_task(go_on_publishing())
            await until(lambda: acknowledged > 3)
            await hub.service.drain()
            await publishing  # is refused in the end
        ends = []
        for stream in streams:
            answer = await stream.rest()
            assert answer.reason == "shutdown"
            got = [int(message) for message in answer.messages]
            assert got == list(range(len(got)))
            ends.append(len(got))
        assert max(ends) == acknowledged
        assert len(set(ends)) > 3, "they leave one after another"
    assert [entry["sent_away"] for entry in logs if entry["event"] == "drain done"] == [8]


async def test_without_a_window_the_log_is_asked_once_and_not_for_each_stream(start_hub: StartHub) -> None:
    """All leave at once, so that what each of them lacks is found out for all: thousands of questions took seconds."""
    hub = await start_hub()
    service = hub.service.site.service
    async with reading(hub.url, 20) as streams:
        assert await publish(hub, "last") == 202
        with mock.patch.object(service, "catch_up", wraps=service.catch_up) as asked:
            await hub.service.drain()
        assert asked.call_count == 1
        for answer in await asyncio.gather(*(stream.rest() for stream in streams)):
            assert (answer.messages, answer.reason) == (["last"], "shutdown")


async def test_who_is_behind_gets_what_only_this_process_has(start_hub: StartHub) -> None:
    """A slow reader's stream is left to the last, and has all that was acknowledged before its goodbye."""
    hub = await start_hub(drain_window=0.1)
    message = "x" * 50_000
    async with reading(hub.url, 3) as streams:
        for _ in range(100):
            assert await publish(hub, message) == 202
        node = hub.service.site.service.node
        assert any(not stream.live for stream in node.hub.streams), "it should be behind"
        drained = asyncio.create_task(hub.service.drain())
        await until(lambda: hub.service.site.departure.closing)
        for answer in await asyncio.gather(*(stream.rest() for stream in streams)):
            assert answer.reason == "shutdown"
            assert len(answer.messages) == 100
        await drained


async def test_streams_that_leave_by_themselves_are_not_waited_for(start_hub: StartHub) -> None:
    """A window ends with the last stream, and a hub without streams has none."""
    hub = await start_hub(drain_window=3600.0)
    async with reading(hub.url, 2):
        draining = asyncio.create_task(hub.service.drain())
        await until(lambda: hub.service.site.draining)
    async with asyncio.timeout(30):
        await draining
    assert hub.service.streams == 0
    empty = await start_hub(drain_window=3600.0)
    async with asyncio.timeout(30):
        await empty.service.drain()


async def test_a_delay_goes_on_without_streams(start_hub: StartHub) -> None:
    """It is for load balancers, which still send publishes and polls."""
    hub = await start_hub(**LONG)
    async with reading(hub.url, 1):
        hub.service.site.departure.begin(hub.service.site, "a test")
    await until(lambda: hub.service.streams == 0)
    assert [(await ask(hub.url, POLL)).status for _ in range(3)] == [200] * 3
    hub.service.site.departure.hurry()


async def test_a_stream_that_is_gone_when_its_turn_comes(start_hub: StartHub) -> None:
    """What is delivered before it is sent away may end it: it is not counted."""
    hub = await start_hub(drain_window=0.1)
    async with reading(hub.url, 2):
        service = hub.service.site.service
        catch_up = service.catch_up

        async def gone() -> None:
            for stream in hub.service.site.service.node.hub.streams:
                stream.end("client-gone")
            await catch_up()

        service.catch_up = gone
        with capture_logs() as logs:
            await hub.service.drain()
    assert [entry["sent_away"] for entry in logs if entry["event"] == "drain done"] == [0]


async def test_an_application_of_somebody_s_ends_without_a_delay() -> None:
    """Its port is closed by then: nobody has to notice; its streams still have their window, each a proper end."""
    async with AsyncExitStack() as stack:
        app = foreign(drain_delay=600.0, drain_window=0.1, logger=structlog.get_logger("sse_signals"))
        with capture_logs() as logs:
            async with app as door:
                streams = await stack.enter_async_context(reading(door.url, 3))
        for stream in streams:
            assert (await stream.rest()).reason == "shutdown"
    assert next(entry for entry in logs if entry["event"] == "drain began")["delay"] == 0.0


async def test_a_hub_that_was_never_started_can_be_drained() -> None:
    """There is nothing to do, and nobody gets in afterwards."""
    service = SignalsService.create(web.Application(), event_broker=EventBroker.from_url("memory://"))
    await service.drain()
    assert service.site.shut == "shutdown"


async def test_a_short_age_loses_nothing_for_real_clients(
    start_hub: StartHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's clients of both kinds come back again and again, and get each signal once and in order."""
    monkeypatch.setattr("sse_signals.hub.sweep.AGED", (0.0, 0.1))
    hub = await start_hub(broker=f"sqlite:///{tmp_path}/log.db", heartbeat=0.1, max_stream_age=0.5)
    ledger = hub.service.site.ledger

    def aged(count: int) -> bool:
        return bool(ledger.closed["max-age"] >= count)

    def read() -> list[Any]:
        with SyncSignalsClient.for_plugin("a", url=hub.url) as client, client.subscribe("t") as signals:
            return list(takewhile(lambda message: message != "end", (signal.message for signal in signals)))

    async with SignalsClient.for_plugin("a", url=hub.url) as client, client.subscribe("t") as received:
        reading_too = asyncio.create_task(asyncio.to_thread(read))
        await until(lambda: hub.service.streams == 2)
        for number in range(4):
            await client.publish(number, topic="t")
            await until(partial(aged, number + 1))
        await client.publish("end", topic="t")
        async with asyncio.timeout(20):
            assert [(await anext(received)).message for _ in range(5)] == [*range(4), "end"]
            assert await reading_too == list(range(4))

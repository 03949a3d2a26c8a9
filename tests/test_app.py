from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from aiohttp import web

from sse_signals import ConfigurationError, EventBroker, Identity, InvalidInput, Limits, SignalsClient, SignalsService
from sse_signals.model import Signal
from sse_signals.wire.decoder import Decoder, Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

DEADLINE = 30  # seconds


@asynccontextmanager
async def serving(app: web.Application, **runner_options: Any) -> AsyncIterator[str]:
    """Run an application as its owner would, with aiohttp's default runner; yield its URL."""
    runner = web.AppRunner(app, **runner_options)
    try:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Reader:
    """What a client understands of a stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._decoder = Decoder()
        self._messages: list[Message] = []

    async def next(self) -> Message | None:
        """Return the next message; None at the proper end of the stream."""
        async with asyncio.timeout(DEADLINE):
            while not self._messages:
                data = await self._response.content.readany()
                if not data:
                    return None
                self._messages += self._decoder.feed(data)
        return self._messages.pop(0)


@pytest.fixture
def event_broker() -> EventBroker:
    """A log in this process."""
    return EventBroker.from_url("memory://")


async def test_the_documented_calls_work_together(event_broker: EventBroker, http: aiohttp.ClientSession) -> None:
    """A plugin publishes, a browser's stream and a plugin's subscription receive, in an app that others run."""
    app = web.Application()
    signals = SignalsClient.for_plugin("catalog", event_broker=event_broker)
    SignalsService.create(app, event_broker=event_broker)
    async with (
        serving(app) as url,
        signals.subscribe("my-topic") as events,
        http.get(f"{url}/signals/stream?plugin=catalog") as response,
    ):
        reader = Reader(response)
        opened = await reader.next()
        assert opened is not None
        assert opened.event == "signals.open"
        event_id = await signals.publish({"test": "test"}, topic="my-topic")
        message = await reader.next()
        assert message is not None
        assert message.last_event_id == event_id
        async with asyncio.timeout(DEADLINE):
            event = await anext(events)
        assert (event.id, event.message) == (event_id, {"test": "test"})
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_is_posted_reaches_a_subscriber(event_broker: EventBroker, http: aiohttp.ClientSession) -> None:
    """HTTP and Python are two doors to one log."""
    app = web.Application()
    SignalsService.create(app, event_broker=event_broker, prefix="/other/prefix")
    signals = SignalsClient.for_plugin("catalog", event_broker=event_broker)
    owner = Identity("user:default/x", frozenset({"group:default/a"}))
    async with serving(app) as url, signals.subscribe("a", identity=owner) as events:
        body = {"message": [1], "plugin": "catalog", "topic": "a", "targetOwnershipEntityRefs": ["Group:A"]}
        async with http.post(f"{url}/other/prefix/publish", json=body) as answer:
            assert answer.status == 202
            event_id = (await answer.json())["id"]
        async with asyncio.timeout(DEADLINE):
            event = await anext(events)
        assert (event.id, event.message) == (event_id, [1])


async def test_nothing_is_left_of_an_app_that_ended(event_broker: EventBroker, http: aiohttp.ClientSession) -> None:
    """Open streams get a goodbye and a proper end; then no stream, group or task is left."""
    app = web.Application()
    service = SignalsService.create(app, event_broker=event_broker)
    responses = []
    async with serving(app) as url:
        for number in range(5):
            response = await http.get(f"{url}/signals/stream?topic=t{number}")
            await Reader(response).next()
            responses.append(response)
        assert service.streams == 5
        hub = event_broker.service.node.hub
        assert hub.groups == 5
    for response in responses:
        goodbye = await Reader(response).next()
        assert goodbye is not None
        assert goodbye.event == "signals.goodbye"
    assert (service.streams, len(hub.streams), hub.groups) == (0, 0, 0)
    await http.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_one_log_behind_two_apps(event_broker: EventBroker, http: aiohttp.ClientSession) -> None:
    """What is published at one is heard at the other, and the log goes on as long as one of them lives."""
    one, two = web.Application(), web.Application()
    for app in (one, two):
        SignalsService.create(app, event_broker=event_broker)
    signals = SignalsClient.for_plugin("catalog", event_broker=event_broker)
    async with serving(one) as url:
        async with serving(two) as other, http.post(f"{other}/signals/publish", json={"message": 1}) as answer:
            event_id = (await answer.json())["id"]
        async with http.get(f"{url}/signals/stream?since=all") as response:
            reader = Reader(response)
            await reader.next()
            message = await reader.next()
            assert message is not None
            assert message.last_event_id == event_id
            last = await signals.publish(2)
            message = await reader.next()
            assert message is not None
            assert message.last_event_id == last
    assert not event_broker.service.ready


async def test_the_owner_s_own_routes_are_left_alone(event_broker: EventBroker, http: aiohttp.ClientSession) -> None:
    """Only what is below the prefix is the hub's."""

    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    SignalsService.create(app, event_broker=event_broker, limits=Limits(streams=1))
    async with serving(app) as url:
        async with http.get(url) as answer:
            assert await answer.text() == "hello"
        async with http.get(f"{url}/signalsx") as answer:
            assert (answer.status, answer.content_type) == (404, "text/plain")
        async with http.get(f"{url}/signals/nothing") as answer:
            assert (answer.status, answer.content_type) == (404, "application/problem+json")


async def test_a_standard_logger_is_taken(
    event_broker: EventBroker, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """An app that logs with the standard library has its streams told of there."""
    app = web.Application()
    SignalsService.create(app, event_broker=event_broker, logger=logging.getLogger("tests.app"))
    caplog.set_level(logging.INFO, "tests.app")
    async with serving(app) as url, http.get(f"{url}/signals/stream?poll=1") as answer:
        assert (answer.status, b"signals.heartbeat" in await answer.read()) == (200, True)
    said = [record.getMessage() for record in caplog.records if record.name == "tests.app"]
    assert [line.partition(" stream=")[0] for line in said] == ["stream opened", "stream closed"]
    assert "reason='complete'" in said[1]


async def test_a_start_that_fails_elsewhere_does_no_harm(event_broker: EventBroker) -> None:
    """If another part of the app cannot start, the log is as it was, before the hub started or after it."""

    async def fail(_app: web.Application) -> None:
        raise ZeroDivisionError

    for first in (True, False):
        app = web.Application()
        if first:
            app.on_startup.append(fail)
        SignalsService.create(app, event_broker=event_broker)
        app.on_startup.append(fail)
        with pytest.raises(ZeroDivisionError):
            async with serving(app):
                pass
        assert asyncio.all_tasks() == {asyncio.current_task()}
    signals = SignalsClient.for_plugin("catalog", event_broker=event_broker)
    async with signals.subscribe() as events:
        await signals.publish(1)
        async with asyncio.timeout(DEADLINE):
            assert (await anext(events)).message == 1


async def test_draining_an_app_without_streams_is_nothing(event_broker: EventBroker) -> None:
    """It may be called at any time, also before the start."""
    service = SignalsService.create(web.Application(), event_broker=event_broker)
    assert service.streams == 0
    await service.drain()


@pytest.mark.parametrize(
    "url", ["", "memory:", "memory", "memory://x", "MEMORY://", "kafka://a", "htp://[", "memory:// "]
)
def test_an_unknown_broker_is_refused(url: str) -> None:
    """The error repeats what was given and says what may be."""
    with pytest.raises(ConfigurationError) as caught:
        EventBroker.from_url(url)
    assert repr(url) in str(caught.value)
    assert "memory://" in str(caught.value)


def test_a_broker_s_password_is_not_repeated() -> None:
    """Neither from a good URL nor from a broken one."""
    for url in ("kafka://user:secret@host/0", "redis:user:secret@host", "redis://user:secret@[", "secret@"):
        with pytest.raises(ConfigurationError) as caught:
            EventBroker.from_url(url)
        assert "secret" not in str(caught.value)


async def test_every_url_is_a_log_of_its_own() -> None:
    """Two calls give two logs."""
    one, two = (EventBroker.from_url("memory://", logger=structlog.get_logger()) for _ in range(2))
    first, second = [await SignalsClient.for_plugin("a", event_broker=broker).publish(1) for broker in (one, two)]
    assert first.partition("-")[0] != second.partition("-")[0]
    await one.close()
    await two.close()


async def test_users_come_and_go_in_any_order(event_broker: EventBroker) -> None:
    """Whoever starts and stops, also cancelled in the middle of it: the log is followed while there is a user."""
    signals = SignalsClient.for_plugin("a", event_broker=event_broker)
    for turns in range(6):
        await event_broker.start()
        starting = [asyncio.ensure_future(event_broker.start()) for _ in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        starting[1].cancel()
        started = await asyncio.gather(*starting, return_exceptions=True)
        for result in started:
            if result is None:
                await event_broker.stop()
        assert event_broker.service.ready
        await event_broker.stop()
        assert not event_broker.service.ready
        assert asyncio.all_tasks() == {asyncio.current_task()}
    task = asyncio.ensure_future(event_broker.start())
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    async with signals.subscribe() as events:
        await signals.publish("well")
        async with asyncio.timeout(DEADLINE):
            assert (await anext(events)).message == "well"
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_record_holds_from_1_to_1000_signals(event_broker: EventBroker, count: int) -> None:
    """Its ids have no room for more, and nothing is no record."""
    with pytest.raises(InvalidInput, match="signals"):
        await event_broker.publish([Signal(b"1")] * count)

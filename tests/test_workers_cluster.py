"""Workers are nodes of one cluster: what one is told or knows, all do. With a real Redis or NATS, over real HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.brokers.servers import NatsServer, RedisServer
from tests.crew import Crew, crew, seen, streams
from tests.scraping import values
from tests.web.rawhttp import Answer, ask, connection, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

COMMAND = "from sse_signals.cli import main; main()"
SECRET = "0123456789abcdef0123456789abcdef"
JSON = "Content-Type: application/json"
METRICS = request("GET", "/signals/metrics")
ALL = 20  # requests, each over a connection of its own: one in a million times all of them go to the same worker


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[str]:
    """A Redis of its own; its URL."""
    server = RedisServer(tmp_path)
    await asyncio.to_thread(server.start)
    yield server.url
    await asyncio.to_thread(server.stop)


@pytest.fixture
async def hub(redis: str) -> AsyncIterator[Crew]:
    """A hub of two workers on which nobody has to authenticate."""
    async with crew("--broker", redis, command=COMMAND) as found:
        await found.hear("listening")
        yield found


@pytest.fixture
async def guarded(redis: str) -> AsyncIterator[Crew]:
    """A hub of two workers that asks for tokens, and for whose tickets no secret is set."""
    async with crew("--broker", redis, "--auth", "jwt", "--jwt-secret", SECRET, command=COMMAND) as found:
        await found.hear("listening")
        yield found


def bearer(subject: str, **grants: Any) -> str:
    """Return the header with a token."""
    now = int(time.time())
    claims = {"sub": subject, "iat": now, "exp": now + 600, "jti": subject, "signals": grants}
    return f"Authorization: Bearer {jwt.encode(claims, SECRET)}"


async def post(hub: Crew, path: str, body: bytes, *headers: str) -> Answer:
    """Post something over a new connection."""
    return await ask(hub.url, request("POST", f"/signals/{path}", *headers, body=body))


async def publish(hub: Crew, *texts: str) -> list[str]:
    """Publish one after another, each over a new connection; return the ids."""
    answers = [await post(hub, "publish?topic=a", text.encode()) for text in texts]
    assert [answer.status for answer in answers] == [202] * len(texts)
    return [answer.json["id"] for answer in answers]


async def test_what_is_published_on_any_worker_reaches_the_streams_of_all(hub: Crew) -> None:
    """Each stream gets all of it, with the same ids in the same order."""
    async with streams(hub) as opened:
        ids = await publish(hub, *map(str, range(ALL)))
        for stream in opened.values():
            await stream.until(b'"message":"%d"' % (ALL - 1))
            assert [line[4:].decode() for line in stream.text.split(b"\n") if line[4:].decode() in ids] == ids


async def test_all_workers_share_one_nats(tmp_path: Path) -> None:
    """Streams of all get what is published on any, in one order; a stream is resumed on any without a gap."""
    server = NatsServer(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        async with crew("--broker", server.url, command=COMMAND) as hub:
            await hub.hear("listening")
            await test_what_is_published_on_any_worker_reaches_the_streams_of_all(hub)
            await test_a_stream_is_resumed_on_any_worker(hub)
            assert await hub.stop() == 0
            assert hub.noise == []
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_stream_is_resumed_on_any_worker(hub: Crew) -> None:
    """Wherever it was open before, it goes on from there without a gap."""
    first, *missed = await publish(hub, *map(str, range(5)))
    async with streams(hub, f"Last-Event-ID: {first}") as resumed:
        for stream in resumed.values():
            await stream.until(b'"message":"4"')
            assert b'"recovered":true' in stream.text
            assert b"signals.gap" not in stream.text
            for event_id in missed:
                assert stream.text.count(f"id: {event_id}\n".encode()) == 1
            assert f"id: {first}\n".encode() not in stream.text.partition(b"recovered")[2]


async def test_a_revocation_holds_on_all_workers(guarded: Crew) -> None:
    """One worker is told; the streams of all end, and none lets the token in again."""
    ann = bearer("ann")
    async with streams(guarded, ann) as opened:
        admin = bearer("root", admin=True)
        assert (await post(guarded, "revocations", b'{"subject":"ann"}', JSON, admin)).status == 202
        for stream in opened.values():
            assert (await stream.rest()).reason == "revoked"
    poll = request("GET", "/signals/stream?poll=1", ann)
    assert {(await ask(guarded.url, poll)).kind for _ in range(ALL)} == {"revoked"}


async def test_the_cookie_of_a_ticket_is_good_on_all_workers(guarded: Crew) -> None:
    """They have one secret, although nobody has set one."""
    ticket = (await post(guarded, "tickets", b"", bearer("ann"))).json["url"]
    async with connection(guarded.url) as (reader, writer):
        writer.write(request("GET", ticket))
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    cookie = head.partition("Set-Cookie: ")[2].partition(";")[0]
    again = request("GET", f"{ticket}&poll=1", f"Cookie: {cookie}", "Sec-Fetch-Site: same-origin")
    answers = [await ask(guarded.url, again) for _ in range(ALL)]
    assert {answer.status for answer in answers} == {200}
    workers = {entry["worker"] for entry in guarded.log if entry["event"] == "stream opened"}
    assert workers == {1, 2}


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_broker_that_cannot_be_used_stops_the_start(tmp_path: Path, workers: str) -> None:
    """One sentence, however many workers would have said it."""
    server = RedisServer(tmp_path, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    await asyncio.to_thread(server.start)
    try:
        async with crew("--broker", server.url, "--workers", workers, command=COMMAND) as hub:
            assert await hub.end() == 2
    finally:
        await asyncio.to_thread(server.stop)
    (sentence,) = hub.noise
    assert sentence.startswith("sse-signals: ")
    assert "maxmemory-policy" in sentence
    assert [entry for entry in hub.log if entry["level"] != "info"] == []


def both_answer(scraped: Answer) -> bool:
    """Say whether no worker was left out of the metrics."""
    return values(scraped)["sse_signals_workers_answering", ""] == 2


async def test_sighup_while_the_log_is_away(tmp_path: Path) -> None:
    """Who cannot follow it leaves again, who is at work stays and can be asked, and later all are replaced."""
    server = RedisServer(tmp_path)
    await asyncio.to_thread(server.start)
    impatient = f"from sse_signals import staff\nstaff.START = 1.0\n{COMMAND}"
    try:
        async with crew("--broker", server.url, command=impatient) as hub:
            await hub.hear("listening")
            before = hub.pids()
            await asyncio.to_thread(server.kill)
            hub.process.send_signal(signal.SIGHUP)
            (told,) = await hub.hear("worker not replaced")
            assert told.items() >= {"worker": 1, "reason": "It has not followed its log after 1 s."}.items()
            await hub.hear("stopped", worker=1)
            for pid in before.values():
                os.kill(pid, 0)
            assert hub.pids()[2] == before[2]
            await seen(lambda: ask(hub.url, METRICS), both_answer)  # the last thing that the other did
            await asyncio.to_thread(server.start)
            hub.process.send_signal(signal.SIGHUP)
            await hub.hear("all workers replaced")
            assert not set(before.values()) & set(hub.pids().values())
            assert not hub.told("worker ended")
            assert await hub.stop() == 0
    finally:
        await asyncio.to_thread(server.kill)

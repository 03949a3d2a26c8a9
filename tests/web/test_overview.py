"""``GET …/streams``: who is connected to one node, and why others no longer are; and who may see that."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import structlog

from sse_signals import EventBroker, HistoryLimits, Limits
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.web.site import Site
from tests.authenticated import ADMIN, house, signal
from tests.web.doors import Door, own, until
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sse_signals.life.lookout import Seen
    from sse_signals.server import Running
    from tests.conftest import StartHub
    from tests.web.rawhttp import Answer

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LINES = "Accept: application/x-ndjson"


async def look(door: Door, query: str = "", *headers: str, method: str = "GET") -> Answer:
    """Ask who is connected."""
    return await ask(door.url, request(method, f"/signals/streams{query}", *headers))


@asynccontextmanager
async def stream(url: str, query: str = "", *headers: str) -> AsyncIterator[str]:
    """Keep a stream open, and give its name."""
    async with connection(url) as (reader, writer):
        writer.write(request("GET", f"/signals/stream{query}", *headers))
        receipt = await reader.readuntil(b'"heartbeat"')
        yield receipt.partition(b'"stream":"')[2].partition(b'"')[0].decode()


async def test_who_is_connected_and_who_was() -> None:
    """One open stream and one that is gone, each with what is known of it, and the counts of the node."""
    async with own() as door:
        url, node = door.url, door.service.site.nodes.own
        async with stream(url, "?topic=orders/*&topic=a") as name:
            assert (await ask(url, request("POST", "/signals/publish?topic=a", body=b"hello"))).status == 202
            assert (await ask(url, request("GET", "/signals/stream?poll=1", LINES))).status == 200
            answer = await look(door)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Vary"] == "Origin, Authorization, Cookie"
        said = answer.json
        assert said.keys() == {"time", "node", "nodes", "streams", "closed"}
        assert said["node"] == node
        assert name.startswith(f"{node}-")
        [counts], [opened], [closed] = said["nodes"], said["streams"], said["closed"]
        for time in (said["time"], counts["time"], counts["started"], opened["opened"], closed["closed"]):
            assert TIME.fullmatch(time)
        assert counts["streams"] == {"open": 1, "behind": 0, "opened": 2, "closed": {"complete": 1}, "refused": {}}
        assert counts["traffic"] == {"signals": 1, "delivered": 2, "bytes": opened["bytes"] + closed["bytes"]}
        assert counts["history"]["held"] == 1
        assert (counts["ready"], counts["draining"]) == (True, False)
        assert {
            name: opened[name] for name in ("stream", "node", "subject", "remote", "topics", "format", "state")
        } == {
            "stream": name,
            "node": node,
            "subject": None,
            "remote": "127.0.0.1",
            "topics": ["a", "orders/*"],
            "format": "sse",
            "state": "live",
        }
        assert (closed["format"], closed["topics"], closed["reason"]) == ("ndjson", ["*"], "complete")
        assert 0 <= opened["age"] < 60


async def test_a_stream_whose_client_leaves_is_told_with_its_reason() -> None:
    """Also one whose request ends before there is a place for it."""
    async with own() as door:
        async with stream(door.url):
            pass
        await until(lambda: not door.service.streams)
        [closed] = (await look(door)).json["closed"]
        assert closed["reason"] == "client-gone"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?limit=01", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=1e2", "limit"),
        ("?limit=", "limit"),
        ("?limit=%D9%A1", "limit"),
        ("?limit=1&limit=2", "limit"),
        ("?node=0123abcd", "node"),
        ("?node=", "node"),
        ("?node=%ff", "node"),
        ("?lmit=5", "lmit"),
        ("?topic=a", "topic"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(query: str, parameter: str) -> None:
    """400, with the parameter at fault and what it may be."""
    async with own() as door:
        answer = await look(door, query)
        assert (answer.status, answer.kind) == (400, "bad-parameter")
        assert [entry["parameter"] for entry in answer.problem["errors"]] == [parameter]


async def test_as_many_as_asked_for() -> None:
    """The limit holds for open streams and for closed ones; counts are of all."""
    async with own() as door:
        for _ in range(3):
            await ask(door.url, request("GET", "/signals/stream?poll=1"))
        async with stream(door.url), stream(door.url), stream(door.url):
            for limit in (1, 2, 3, 1000):
                said = (await look(door, f"?limit={limit}&node=this")).json
                assert len(said["streams"]) == len(said["closed"]) == min(limit, 3)
                assert said["nodes"][0]["streams"]["open"] == 3


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE"])
async def test_it_can_only_be_read(method: str) -> None:
    """Other methods are told so; the renewal of a stream has its own path below."""
    async with own() as door:
        answer = await look(door, method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, OPTIONS")
        assert (await ask(door.url, request("POST", "/signals/streams/x/renew"))).status == 404
        unknown = await ask(door.url, request("GET", "/signals/stream-s"))
        assert "/signals/streams," in unknown.problem["hint"]


async def test_before_the_hub_runs_there_is_nothing_to_see() -> None:
    """It says when to come back."""
    async with own() as door:
        door.service.site.lookout = None
        answer = await look(door)
        assert (answer.status, answer.kind) == (503, "starting")


async def test_streams_that_are_sent_away_are_counted_by_reason() -> None:
    """However they are told: on a stream, by a 503 or by a 429."""
    async with own(max_streams_per_address=1) as door:
        async with stream(door.url):
            for accept in ("Accept: text/event-stream", LINES):
                await ask(door.url, request("GET", "/signals/stream", accept))
            assert (await ask(door.url, request("GET", "/signals/stream?poll=1"))).status == 429
            door.service.site.limits = Limits(streams=1)
            for accept in ("Accept: text/event-stream", LINES):
                await ask(door.url, request("GET", "/signals/stream", accept))
            said = (await look(door)).json
        assert said["nodes"][0]["streams"]["refused"] == {"address-streams": 3, "full": 2}
        assert said["nodes"][0]["streams"]["opened"] == 1
        door.service.site.departure.close()
        await ask(door.url, request("GET", "/signals/stream"))
        [counts] = (await look(door)).json["nodes"]
        assert counts["streams"]["refused"]["shutdown"] == 1
        assert (counts["ready"], counts["draining"]) == (False, True)


async def test_a_stream_that_falls_behind_is_the_first() -> None:
    """With what it has still to pass, and what its connection has not taken."""
    async with own() as door:
        async with connection(door.url) as (reader, writer), stream(door.url, "?topic=none"):
            writer.write(request("GET", "/signals/stream?topic=a"))
            await reader.readuntil(b"signals.open")
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            big = b"x" * 60_000
            for _ in range(100):
                await ask(door.url, request("POST", "/signals/publish?topic=a", body=big))
            await until(lambda: any(not each.live for each in door.service.site.service.node.hub.streams))
            said = (await look(door)).json
        assert [each["state"] for each in said["streams"]] == ["behind", "live"]
        assert said["streams"][0]["lag"]["records"] > 0
        assert said["streams"][0]["lag"]["seconds"] >= 0
        assert said["streams"][0]["buffered"] > 0
        assert said["streams"][1]["lag"] == {"records": 0, "seconds": 0.0}
        assert said["nodes"][0]["streams"]["behind"] == 1


@pytest.mark.parametrize("scheme", ["memory", "sqlite"])
async def test_a_log_of_one_node_is_never_written_to_for_this(scheme: str, tmp_path: Path) -> None:
    """Whoever looks, and however often: the next signal has the next number."""
    url = "memory://" if scheme == "memory" else f"sqlite:///{tmp_path}/log.db"
    log = EventBroker.from_url(url)
    assert not log.shared
    async with house(event_broker=log) as hub:
        admin = hub.tokens.issue("key:ops", grants=ADMIN)
        before = (await hub.publish(admin, signal(1))).json["id"]
        for _ in range(3):
            assert (await hub.ask("GET", "streams", token=admin)).status == 200
        after = (await hub.publish(admin, signal(2))).json["id"]
        assert int(after.rpartition("-")[2]) == int(before.rpartition("-")[2]) + 1
        assert (await hub.ask("GET", "streams", token=admin)).json["nodes"][0]["traffic"]["signals"] == 2
    await log.close()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "nats://127.0.0.1:1"])
async def test_other_logs_may_have_other_nodes(url: str) -> None:
    """Those that several processes share, by their URL."""
    assert EventBroker.from_url(url, history=HistoryLimits(), logger=structlog.get_logger()).shared


async def test_a_hub_without_authentication_has_a_name_too(start_hub: StartHub) -> None:
    """Of eight hexadecimal digits, with which its streams' names begin, and which is no other's."""
    hubs: list[Running] = [await start_hub() for _ in range(2)]
    assert len({hub.service.site.nodes.own for hub in hubs}) == 2
    for hub in hubs:
        async with stream(hub.url) as name:
            assert re.fullmatch(f"{hub.service.site.nodes.own}-[0-9a-f]{{16}}", name)


def test_only_what_is_not_shared_by_processes_counts_as_alone() -> None:
    """An event broker made of parts is its maker's own, unless they say that others share it."""
    log = MemoryBroker()
    made: dict[str, Any] = {"history": HistoryLimits(), "logger": structlog.get_logger(), "clock": lambda: 0}
    assert not EventBroker(log, **made).shared
    assert EventBroker(log, **made, shared=True).shared


async def test_who_waits_for_the_same_overview_shares_it() -> None:
    """However many look, it is made once for all who wait; whoever asks for more gets another."""
    async with own() as door:
        lookout = door.service.site.lookout
        assert lookout is not None
        see, limits, go_on = lookout.look, list[int](), asyncio.Event()

        async def slowly(limit: int, *, alone: bool = False) -> Seen:
            limits.append(limit)
            await go_on.wait()
            return await see(limit, alone=alone)

        with mock.patch.object(lookout, "look", slowly), mock.patch.object(Site, "check_admin") as asked:
            looks = [asyncio.create_task(look(door, "?limit=7"))]
            await until(lambda: limits == [7])
            looks += [asyncio.create_task(look(door, "?limit=7")) for _ in range(9)]
            looks += [asyncio.create_task(look(door, "?limit=8"))]
            await until(lambda: asked.call_count == len(looks) and 8 in limits)
            go_on.set()
            first, *others = await asyncio.gather(*looks)
        assert sorted(limits) == [7, 7, 8]
        assert {answer.status for answer in (first, *others)} == {200}
        assert len({answer.body for answer in others[:9]}) == 1

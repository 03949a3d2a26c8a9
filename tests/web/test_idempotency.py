"""Repeats of a publish request: one signal, whatever the network does."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from sse_signals import HistoryLimits
from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.clock import wall_clock_ms
from tests.web.doors import own
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    import aiohttp

    from sse_signals.server import Running
    from tests.web.doors import Door


async def log(http: aiohttp.ClientSession, hub: Running | Door) -> list[object]:
    """Return all messages in the log."""
    async with http.get(f"{hub.url}/stream?poll=1", headers={"Accept": "application/x-ndjson"}) as answer:
        lines = [json.loads(line) for line in (await answer.read()).splitlines()]
    return [line["message"] for line in lines if not line.get("event", "").startswith("signals.")]


async def publish(
    http: aiohttp.ClientSession, hub: Running | Door, body: object, *, key: str | None = None, query: str = ""
) -> tuple[int, object, bool]:
    """Publish, and return the status, the id or the kind of the problem, and whether it is said to be a repeat."""
    headers = {} if key is None else {"Idempotency-Key": key}
    async with http.post(f"{hub.url}/publish{query}", json=body, headers=headers) as answer:
        document = json.loads(await answer.read())
        value = document.get("id", document.get("ids", document.get("type", "").rpartition(":")[2]))
        return answer.status, value, answer.headers.get("Idempotent-Replayed") == "true"


@pytest.mark.parametrize("how", ["header", "field", "both", "batch", "raw"])
async def test_a_repeat(hub: Running, http: aiohttp.ClientSession, how: str) -> None:
    """The same request with the same key returns the first ids, says so, and publishes nothing."""
    body: object = {"message": 1, "topic": "t"}
    key: str | None = "k1"
    query = ""
    if how in {"field", "both"}:
        body = {"message": 1, "topic": "t", "idempotencyKey": "k1"}
        key = None if how == "field" else key
    elif how == "batch":
        body = [{"message": 1}, {"message": 2}]
    elif how == "raw":
        query = "?topic=t"
    first = await publish(http, hub, body, key=key, query=query)
    assert first[0] == 202
    assert not first[2]
    again = await publish(http, hub, body, key=key, query=query)
    assert again == (202, first[1], True)
    assert len(await log(http, hub)) == (2 if how == "batch" else 1)


async def test_a_field_and_a_header_are_the_same_key(hub: Running, http: aiohttp.ClientSession) -> None:
    """It does not matter where a key stands."""
    first = await publish(http, hub, {"message": 1, "idempotencyKey": "k"})
    assert await publish(http, hub, {"message": 1}, key="k") == (202, first[1], True)


async def test_another_body_is_a_conflict(hub: Running, http: aiohttp.ClientSession) -> None:
    """A key that comes with other content is 409; the first stands, and its repeat is still known."""
    first = await publish(http, hub, {"message": 1, "topic": "t"}, key="k")
    for other in (
        {"message": 2, "topic": "t"},
        {"message": 1, "topic": "u"},
        {"message": 1, "topic": "t", "event": "e"},
        {"message": 1, "topic": "t", "targetOwnershipEntityRefs": []},
        [{"message": 1, "topic": "t"}, {"message": 1, "topic": "t"}],
    ):
        assert await publish(http, hub, other, key="k") == (409, "idempotency-conflict", False)
    assert await publish(http, hub, {"topic": "t", "message": 1}, key="k") == (202, first[1], True)
    assert await log(http, hub) == [1]


async def test_repeats_at_the_same_time(hub: Running, http: aiohttp.ClientSession) -> None:
    """Of many equal requests at once exactly one publishes, and all are answered with its id."""
    answers = await asyncio.gather(*(publish(http, hub, {"message": 1}, key="k") for _ in range(30)))
    assert {(status, event_id) for status, event_id, _ in answers} == {(202, answers[0][1])}
    assert [repeated for _, _, repeated in answers].count(False) == 1
    assert await log(http, hub) == [1]


@pytest.mark.parametrize(
    "headers",
    [
        ["Idempotency-Key: "],
        ["Idempotency-Key: a", "Idempotency-Key: a"],
        ["Idempotency-Key: " + "k" * 256],
        ["Idempotency-Key: \udcff"],
        ["Idempotency-Key: a\u200bb"],
    ],
)
async def test_keys_that_are_none(hub: Running, headers: list[str]) -> None:
    """A key is one visible text of at most 255 bytes; anything else is refused by the name of the header."""
    answer = await ask(hub.url, request("POST", "/signals/publish?topic=a", *headers, body=b"x"))
    assert answer.status == 400
    assert answer.problem["errors"][0]["parameter"] == "Idempotency-Key"


async def test_two_keys(hub: Running, http: aiohttp.ClientSession) -> None:
    """A key in the body that is not the key in the header is a mistake."""
    body = {"message": 1, "idempotencyKey": "a"}
    assert await publish(http, hub, body, key="b") == (400, "bad-parameter", False)
    assert await log(http, hub) == []


async def test_the_table_is_bounded(http: aiohttp.ClientSession) -> None:
    """A key that cannot be remembered is 503 with a time to come back; without a key publishing goes on."""
    broker = MemoryBroker(HistoryLimits(), BrokerOptions(idempotency_keys=2), clock=wall_clock_ms)
    async with own(broker=broker) as hub:
        for key in ("a", "b"):
            assert (await publish(http, hub, {"message": key}, key=key))[0] == 202
        async with http.post(f"{hub.url}/publish", json={"message": "c"}, headers={"Idempotency-Key": "c"}) as answer:
            assert answer.status == 503
            assert 1 <= int(answer.headers["Retry-After"]) <= 300
            document = json.loads(await answer.read())
            assert document["type"].endswith("idempotency-table-full")
            assert document["hint"]
        assert (await publish(http, hub, {"message": "a"}, key="a"))[2]
        assert (await publish(http, hub, {"message": "d"}))[0] == 202
        assert await log(http, hub) == ["a", "b", "d"]

"""Refused signals: every error names the item and the field, and nothing is published."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import aiohttp

    from sse_signals.server import Running

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
USER = {"type": "user", "entityRef": "user:default/x"}


async def refused(http: aiohttp.ClientSession, hub: Running, body: str, headers: dict[str, str]) -> dict[str, Any]:
    """Publish what must be refused with 400; return the problem after checking that the log is still empty."""
    async with http.post(f"{hub.url}/publish", data=body.encode(), headers=headers) as answer:
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"
        problem: dict[str, Any] = json.loads(await answer.read())
    assert problem["hint"]
    async with http.get(f"{hub.url}/stream?poll=1") as answer:
        assert b'"message"' not in await answer.read()
    return problem


@pytest.mark.parametrize(
    ("signal", "fields"),
    [
        ({}, ["message"]),
        ({"message": 1, "topic": ""}, ["topic"]),
        ({"message": 1, "topic": 5}, ["topic"]),
        ({"message": 1, "topic": "a*"}, ["topic"]),
        ({"message": 1, "topic": "a\nb"}, ["topic"]),
        ({"message": 1, "topic": "a\u200bb"}, ["topic"]),
        ({"message": 1, "topic": "x" * 256}, ["topic"]),
        ({"message": 1, "plugin": "a:b"}, ["plugin"]),
        ({"message": 1, "plugin": "p" * 200, "topic": "t" * 200}, ["topic"]),
        ({"message": 1, "event": "error"}, ["event"]),
        ({"message": 1, "event": "signals.open"}, ["event"]),
        ({"message": 1, "event": "a\rb"}, ["event"]),
        ({"message": 1, "idempotencyKey": ""}, ["idempotencyKey"]),
        ({"message": 1, "idempotencyKey": "k" * 256}, ["idempotencyKey"]),
        ({"message": 1, "targetOwnershipEntityRefs": "user:x"}, ["targetOwnershipEntityRefs"]),
        (
            {"message": 1, "targetOwnershipEntityRefs": ["user:x", 5, "nobody", None]},
            ["targetOwnershipEntityRefs[1]", "targetOwnershipEntityRefs[2]", "targetOwnershipEntityRefs[3]"],
        ),
        ({"message": 1, "target_ownership_entity_refs": ["nobody"]}, ["targetOwnershipEntityRefs[0]"]),
        (
            {"message": 1, "targetOwnershipEntityRefs": [], "target_ownership_entity_refs": []},
            ["target_ownership_entity_refs"],
        ),
        ({"message": 1, "mesage": 2, "topic": "*"}, ["topic", "mesage"]),
        ({"message": 1, "channel": "c"}, ["recipients"]),
        ({"message": 1, "recipients": USER}, ["channel"]),
        ({"message": 1, "channel": "c", "recipients": 5}, ["recipients"]),
        ({"message": 1, "channel": "c", "recipients": None}, ["recipients"]),
        ({"message": 1, "targetOwnershipEntityRefs": None}, ["targetOwnershipEntityRefs"]),
        ({"message": 1, "topic": None, "plugin": None, "event": None}, ["topic", "plugin", "event"]),
        ({"message": 1, "targetOwnershipEntityRefs": ["group:a"] * 10_001}, ["targetOwnershipEntityRefs"]),
        (
            {"message": 1, "targetOwnershipEntityRefs": ["nobody"] * 25},
            [f"targetOwnershipEntityRefs[{n}]" for n in range(20)],
        ),
        ({f"a{n}": 1 for n in range(33)}, [""]),
        ({"message": 1, "channel": "c", "recipients": {}}, ["recipients.type"]),
        ({"message": 1, "channel": "c", "recipients": {"type": "all"}}, ["recipients.type"]),
        ({"message": 1, "channel": "c", "recipients": {"type": "user"}}, ["recipients.entityRef"]),
        ({"message": 1, "channel": "c", "recipients": {"type": "user", "entityRef": 5}}, ["recipients.entityRef"]),
        ({"message": 1, "channel": "c", "recipients": {**USER, "entityRef": ["x"]}}, ["recipients.entityRef[0]"]),
        ({"message": 1, "channel": "c", "recipients": {**USER, "type": "broadcast"}}, ["recipients.entityRef"]),
        ({"message": 1, "channel": "c", "recipients": {**USER, "entityref": 1}}, ["recipients.entityref"]),
        ({"message": 1, "channel": "*", "recipients": USER}, ["channel"]),
        ({"message": 1, "channel": "c", "topic": "t", "recipients": USER}, ["topic"]),
        ({"message": [[[]]] * 3, "x" * 200: 1}, ["x" * 64]),
        ("text", [""]),
        (5, [""]),
        (None, [""]),
    ],
)
async def test_a_field_at_fault_is_named(
    hub: Running, http: aiohttp.ClientSession, signal: Any, fields: list[str]
) -> None:
    """Whatever is wrong with a signal is refused with the path of each field at fault, alone or in a batch."""
    problem = await refused(http, hub, json.dumps(signal), JSON)
    assert sorted(error["field"] for error in problem["errors"]) == sorted(fields)
    assert all(error["detail"] for error in problem["errors"])

    for body, headers in (
        (json.dumps([{"message": 1}, signal]), JSON),
        (f'{{"message": 1}}\n{json.dumps(signal)}', NDJSON),
    ):
        problem = await refused(http, hub, body, headers)
        assert sorted(error["field"] for error in problem["errors"]) == sorted(fields)
        assert {error["index"] for error in problem["errors"]} == {1}


@pytest.mark.parametrize("field", ["topic", "targetOwnershipEntityRefs"])
async def test_marks_without_end(hub: Running, http: aiohttp.ClientSession, field: str) -> None:
    """A name of very many combining marks is refused before they are brought into order, which would take minutes."""
    text = "a" + "\u0316\u0300" * 150_000
    signal = {"message": 1, field: text if field == "topic" else [text]}
    async with asyncio.timeout(30):
        problem = await refused(http, hub, json.dumps(signal, ensure_ascii=False), JSON)
    assert "255 bytes" in problem["errors"][0]["detail"]


async def test_a_mistyped_field_is_guessed(hub: Running, http: aiohttp.ClientSession) -> None:
    """An unknown field that looks like a known one is answered with that one."""
    problem = await refused(http, hub, '{"message": 1, "idempotency_key": "k"}', JSON)
    assert "idempotencyKey" in problem["errors"][0]["detail"]


async def test_a_batch_holds_no_keys(hub: Running, http: aiohttp.ClientSession) -> None:
    """An idempotency key inside an array is refused: the request is published as a whole."""
    body = json.dumps([{"message": 1}, {"message": 2, "idempotencyKey": "k"}])
    problem = await refused(http, hub, body, JSON)
    assert [(error["index"], error["field"]) for error in problem["errors"]] == [(1, "idempotencyKey")]
    assert "Idempotency-Key" in problem["errors"][0]["detail"]


async def test_all_bad_items_are_named(hub: Running, http: aiohttp.ClientSession) -> None:
    """One answer names every bad item, so that all can be mended at once."""
    problem = await refused(http, hub, json.dumps([{}, {"message": 1}, {"message": 1, "x": 1}]), JSON)
    assert [(error["index"], error["field"]) for error in problem["errors"]] == [(0, "message"), (2, "x")]
    assert problem["detail"].startswith("Signal 0, field message:")


@pytest.mark.parametrize("count", [0, 1001])
@pytest.mark.parametrize("lines", [False, True])
async def test_the_size_of_a_batch(hub: Running, http: aiohttp.ClientSession, *, count: int, lines: bool) -> None:
    """A batch holds from 1 to 1,000 signals."""
    signals = ['{"message":1}'] * count
    body = "\n".join(signals) if lines else f"[{','.join(signals)}]"
    problem = await refused(http, hub, body, NDJSON if lines else JSON)
    assert str(count) in problem["detail"]
    assert "1000" in problem["hint"]


async def test_lines_are_counted_before_they_are_parsed(hub: Running, http: aiohttp.ClientSession) -> None:
    """Too many lines are refused as such, whatever stands in them: parsing them all would hold up the streams."""
    problem = await refused(http, hub, "{\n" * 1001, NDJSON)
    assert problem["type"].endswith(":bad-batch")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({str(number): 1 for number in range(60_000)}),
        json.dumps({"message": 1, "targetOwnershipEntityRefs": [""] * 200_000}),
        json.dumps([{str(number): 1 for number in range(50)}] * 1000),
        json.dumps({"x" * 900_000: 1}),
    ],
    ids=["fields", "targets", "items", "long name"],
)
async def test_an_answer_is_bounded(hub: Running, http: aiohttp.ClientSession, body: str) -> None:
    """However many faults a body has room for, the answer names a few: it is neither long nor long in coming."""
    problem = await refused(http, hub, body, JSON)
    assert 0 < len(problem["errors"]) <= 20
    assert len(json.dumps(problem)) < 10_000


@pytest.mark.parametrize("batch", [False, True])
async def test_a_message_over_the_limit(hub: Running, http: aiohttp.ClientSession, *, batch: bool) -> None:
    """A message that is too long is 413, named by index and field, among whatever else is wrong."""
    long = {"message": "x" * 65_535}
    async with http.post(f"{hub.url}/publish", json=[{"message": 1}, {}, long] if batch else long) as answer:
        assert answer.status == 413
        problem = json.loads(await answer.read())
    assert problem["errors"][-1]["field"] == "message"
    assert [error.get("index") for error in problem["errors"]] == ([1, 2] if batch else [None])
    async with http.get(f"{hub.url}/stream?poll=1") as answer:
        assert b'"message"' not in await answer.read()


async def test_too_deep_inside_a_batch(hub: Running, http: aiohttp.ClientSession) -> None:
    """A message may be nested 32 levels deep, wherever it stands; one level more is refused."""
    for depth, status in ((32, 202), (33, 400)):
        message = "[" * depth + "]" * depth
        for body in (f'{{"message":{message}}}', f'[{{"message":{message}}}]'):
            async with http.post(f"{hub.url}/publish", data=body, headers=JSON) as answer:
                assert answer.status == status, (depth, body)
        async with http.post(f"{hub.url}/publish?topic=a", data=message, headers=JSON) as answer:
            assert answer.status == status

"""Publishing over HTTP: every form a body may have, and what listeners then get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import aiohttp

    from sse_signals.server import Running

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def published(http: aiohttp.ClientSession, hub: Running) -> list[dict[str, Any]]:
    """Return every event of the log as JSON lines tell of it, without ids and times."""
    async with http.get(f"{hub.url}/stream?poll=1", headers={"Accept": "application/x-ndjson"}) as answer:
        lines = [json.loads(line) for line in (await answer.read()).splitlines()]
    return [
        {name: value for name, value in line.items() if name not in {"id", "time"}}
        for line in lines
        if not line.get("event", "").startswith("signals.")
    ]


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON; charset=UTF-8"])
@pytest.mark.parametrize(
    ("signal", "event"),
    [
        ({"message": {"test": "test"}}, {"message": {"test": "test"}}),
        ({"message": None}, {"message": None}),
        ({"message": 1, "topic": "t"}, {"topic": "t", "message": 1}),
        ({"message": 1, "plugin": "catalog"}, {"topic": "catalog", "message": 1}),
        ({"message": 1, "plugin": "catalog", "topic": "t"}, {"topic": "catalog:t", "message": 1}),
        ({"message": 1, "topic": "t", "event": "named"}, {"topic": "t", "event": "named", "message": 1}),
        ({"message": 1, "topic": "t", "event": "message"}, {"topic": "t", "message": 1}),
        ({"message": "e\u0301", "topic": "e\u0301"}, {"topic": "\u00e9", "message": "e\u0301"}),
    ],
)
async def test_one_signal(
    hub: Running, http: aiohttp.ClientSession, signal: Any, event: dict[str, Any], content_type: str
) -> None:
    """A signal as a JSON object is one event at the address it names, and the answer tells its id."""
    body = json.dumps(signal)
    async with http.post(f"{hub.url}/publish", data=body, headers={"Content-Type": content_type}) as answer:
        assert answer.status == 202
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"
        receipt = await answer.json()
    assert list(receipt) == ["id"]
    assert receipt["id"].endswith("-1")
    assert await published(http, hub) == [event]


@pytest.mark.parametrize(
    "signal",
    [
        {"message": 1, "targetOwnershipEntityRefs": []},
        {"message": 1, "targetOwnershipEntityRefs": ["group:default/team-a", "user:x"]},
        {"message": 1, "target_ownership_entity_refs": ["group:default/team-a"]},
        {"message": 1, "channel": "c", "recipients": {"type": "user", "entityRef": "user:default/x"}},
        {"message": 1, "channel": "c", "recipients": {"type": "user", "entityRef": ["user:default/x"]}},
        {"message": 1, "channel": "c", "recipients": {"type": "user", "entityRef": []}},
    ],
)
async def test_targeted(hub: Running, http: aiohttp.ClientSession, signal: Any) -> None:
    """A signal with targets, in every spelling, is taken and reaches nobody who is anonymous."""
    async with http.post(f"{hub.url}/publish", json=signal) as answer:
        assert answer.status == 202
    async with http.post(f"{hub.url}/publish", json={"message": "for all"}) as answer:
        assert answer.status == 202
    assert await published(http, hub) == [{"message": "for all"}]


async def test_backstage_payload(hub: Running, http: aiohttp.ClientSession) -> None:
    """Today's payload of Backstage is taken verbatim; its channel is the address."""
    payload = {"recipients": {"type": "broadcast"}, "channel": "catalog:refresh", "message": {"a": [1]}}
    async with http.post(f"{hub.url}/publish", json=payload) as answer:
        assert answer.status == 202
    assert await published(http, hub) == [{"topic": "catalog:refresh", "message": {"a": [1]}}]


@pytest.mark.parametrize("count", [1, 3, 1000])
@pytest.mark.parametrize("lines", [False, True])
async def test_batches(hub: Running, http: aiohttp.ClientSession, *, count: int, lines: bool) -> None:
    """An array, or JSON lines, of up to 1,000 signals is one record: ids and events in the order given."""
    signals = [{"message": number, "topic": f"t{number % 7}"} for number in range(count)]
    text = "\r\n\n  \n".join(map(json.dumps, signals)) + "\n" if lines else json.dumps(signals)
    async with http.post(f"{hub.url}/publish", data=text, headers=NDJSON if lines else JSON) as answer:
        assert answer.status == 202
        ids = (await answer.json())["ids"]
    assert [event_id.rpartition("-")[2] for event_id in ids] == ["1", *(f"1.{n}" for n in range(1, count))]
    assert [event["message"] for event in await published(http, hub)] == list(range(count))


@pytest.mark.parametrize("content_type", ["application/ndjson", "application/jsonl"])
async def test_other_names_of_json_lines(hub: Running, http: aiohttp.ClientSession, content_type: str) -> None:
    """The other names in use for JSON lines mean the same."""
    body = b'{"message":1}\n{"message":2}'
    async with http.post(f"{hub.url}/publish", data=body, headers={"Content-Type": content_type}) as answer:
        assert answer.status == 202
    assert await published(http, hub) == [{"message": 1}, {"message": 2}]


@pytest.mark.parametrize(
    ("query", "content_type", "body", "event"),
    [
        ("topic=a", FORM, b"hello", {"topic": "a", "message": "hello"}),
        ("topic=a", FORM, b"a=1&b=%20", {"topic": "a", "message": "a=1&b=%20"}),
        ("topic=a", {"Content-Type": "text/plain"}, b'{"x": 1}', {"topic": "a", "message": '{"x": 1}'}),
        ("topic=a", {"Content-Type": "application/octet-stream"}, "é\r\n".encode(), {"topic": "a", "message": "é\r\n"}),
        ("topic=a", JSON, b' {"x": [1, 2]} ', {"topic": "a", "message": {"x": [1, 2]}}),
        ("topic=a", JSON, b'{"message":1}', {"topic": "a", "message": {"message": 1}}),
        ("topic=a", JSON, b"null", {"topic": "a", "message": None}),
        ("plugin=catalog", FORM, b"x", {"topic": "catalog", "message": "x"}),
        ("plugin=catalog&topic=t", FORM, b"x", {"topic": "catalog:t", "message": "x"}),
        ("event=named", FORM, b"x", {"event": "named", "message": "x"}),
        ("topic=a%20b%2Fc", FORM, b"x", {"topic": "a b/c", "message": "x"}),
    ],
)
async def test_body_as_message(
    hub: Running, http: aiohttp.ClientSession, query: str, content_type: dict[str, str], body: bytes, event: Any
) -> None:
    """With a query the body itself is the message: text, or the JSON that its content type says it is."""
    async with http.post(f"{hub.url}/publish?{query}", data=body, headers=content_type) as answer:
        assert answer.status == 202
        assert list(await answer.json()) == ["id"]
    assert await published(http, hub) == [event]


async def test_body_as_message_to_targets(hub: Running, http: aiohttp.ClientSession) -> None:
    """`target` may be repeated and keeps everybody else out."""
    url = f"{hub.url}/publish?topic=a&target=user:x&target=group:default/g"
    async with http.post(url, data=b"x", headers=FORM) as answer:
        assert answer.status == 202
    assert await published(http, hub) == []


@pytest.mark.parametrize(
    "text",
    ["0", "-0.5", "9007199254740993", "18446744073709551615", "-9223372036854775808", '"\\u2028\\u0000\\ud83d\\ude00"'],
)
async def test_values_arrive_exactly(hub: Running, http: aiohttp.ClientSession, text: str) -> None:
    """What is taken arrives as it was, integers beyond 2^53 included."""
    async with http.post(f"{hub.url}/publish?topic=a", data=text.encode(), headers=JSON) as answer:
        assert answer.status == 202
    assert await published(http, hub) == [{"topic": "a", "message": json.loads(text)}]


async def test_the_last_of_equal_keys_counts(hub: Running, http: aiohttp.ClientSession) -> None:
    """Duplicate keys have one meaning for everybody, since the message is written anew."""
    async with http.post(f"{hub.url}/publish?topic=a", data=b'{"k":1,"k":2}', headers=JSON) as answer:
        assert answer.status == 202
    async with http.get(f"{hub.url}/stream?poll=1") as answer:
        assert b'"message":{"k":2}}' in await answer.read()


@pytest.mark.parametrize("size", [64 * 1024 - 2, 64 * 1024 - 1])
async def test_the_limit_of_a_message(hub: Running, http: aiohttp.ClientSession, size: int) -> None:
    """A message may have 64 KiB as JSON text, and not a byte more."""
    async with http.post(f"{hub.url}/publish?topic=a", data=b"x" * size) as answer:
        assert answer.status == (202 if size + 2 <= 64 * 1024 else 413)
        if answer.status == 413:
            document = await answer.json()
            assert "65536" in document["detail"]
            assert document["hint"]

"""The AsyncAPI document follows its standard, and says what really comes on a stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema_rs import Draft7Validator

from sse_signals.metrics.labels import CLOSED, OTHER, REFUSED
from sse_signals.web.documents.events import GOODBYES, KINDS
from tests.authenticated import PUBLISHER, House, WallClock, house, signal
from tests.web.documents.files import ASYNCAPI, validator

if TYPE_CHECKING:
    from collections.abc import Iterator

    import aiohttp

STANDARD = Path(__file__).parents[2] / "node/node_modules/@asyncapi/specs/schemas/3.0.0.json"
KINDS_BY_NAME = {kind.name: kind for kind in KINDS}
NAMES = {kind.event or "message": kind.name for kind in KINDS}
BROKEN_ID = "00000000-1"  # of a log that there never was


@pytest.mark.skipif(not STANDARD.exists(), reason="the packages of tests/node are not installed")
def test_it_is_asyncapi() -> None:
    """It follows the standard's own schema."""
    standard = Draft7Validator(json.loads(STANDARD.read_text()), validate_formats=True)
    assert [error.message for error in standard.iter_errors(ASYNCAPI)] == []


def test_all_that_it_refers_to_is_there() -> None:
    """Each reference leads to something, and each message is received by one operation."""
    text = json.dumps(ASYNCAPI)
    for part in text.split('"$ref": "#/')[1:]:
        place: Any = ASYNCAPI
        for step in part.partition('"')[0].split("/"):
            place = place[step]
    received = [each["$ref"] for operation in ASYNCAPI["operations"].values() for each in operation["messages"]]
    assert sorted(received) == sorted(
        f"#/channels/stream/messages/{name}" for name in ASYNCAPI["components"]["messages"]
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_example_is_one(kind: Any) -> None:
    """The example of each message is as its schemas say."""
    messages = ASYNCAPI["components"]["messages"]
    [example] = messages[kind.name]["examples"]
    assert validator(f"{kind.name}Data").is_valid(example["payload"])
    event = {**example["headers"], "data": json.dumps(example["payload"])}
    assert [name for name in NAMES.values() if validator(f"{name}Event").is_valid(event)] == [kind.name]
    [line] = messages[f"{kind.name}Line"]["examples"]
    assert [name for name in NAMES.values() if validator(f"{name}Line").is_valid(line["payload"])] == [kind.name]


def fields_of(block: str) -> dict[str, Any]:
    """Return the fields of one event, as the schemas of events have them."""
    fields: dict[str, Any] = dict(line.split(": ", 1) for line in block.split("\n"))
    return fields | ({"retry": int(fields["retry"])} if "retry" in fields else {})


def events_in(body: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the events of a stream, each with its name."""
    for block in body.strip("\n").split("\n\n"):
        fields = fields_of(block)
        yield fields.get("event", "message"), fields


def lines_in(body: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the lines of a stream, each with its name."""
    for line in body.splitlines():
        value = json.loads(line)
        yield value.get("event", "message"), value


async def whole_life(http: aiohttp.ClientSession, home: House, clock: WallClock, accept: str) -> str:
    """Return all that comes on a stream that resumes from nowhere, lives, and ends with its token."""
    token = home.tokens.issue("user:default/jane", grants=PUBLISHER, seconds=120.0)
    headers = {"Authorization": f"Bearer {token}", "Accept": accept, "Last-Event-ID": BROKEN_ID}
    async with http.get(f"{home.url}/stream", headers=headers) as answer:
        assert answer.status == 200
        text = ""
        for wait_for, then in (
            ("signals.gap", [signal("a"), {**signal([1, None]), "event": "named"}]),
            ("named", [{"message": {"a broadcast": True}}]),
            ("a broadcast", []),
            ("signals.heartbeat", []),
        ):
            while wait_for not in text:
                text += (await answer.content.readany()).decode()
            if then:
                assert (await home.publish(token, *then)).status == 202
        clock.advance(90.0)
        while "signals.expiring" not in text:
            text += (await answer.content.readany()).decode()
        clock.advance(60.0)
        return text + (await answer.content.read()).decode()


@pytest.mark.parametrize(
    ("accept", "read", "suffix"),
    [("text/event-stream", events_in, "Event"), ("application/x-ndjson", lines_in, "Line")],
)
async def test_what_comes_is_what_it_says(http: aiohttp.ClientSession, accept: str, read: Any, suffix: str) -> None:
    """On a stream that gets every kind of event each is as its own schema says, and as no other's."""
    clock = WallClock()
    async with house(clock=clock, heartbeat=1.0) as home:
        found = list(read(await whole_life(http, home, clock, accept)))
    assert {name if name in NAMES else "message" for name, _ in found} == set(NAMES)
    for name, value in found:
        fitting = [kind for kind in NAMES.values() if validator(f"{kind}{suffix}").is_valid(value)]
        assert fitting == [NAMES.get(name, "Signal")], value
        if suffix == "Event":
            data = json.loads(value["data"])
            assert list(validator(f"{fitting[0]}Data").iter_errors(data)) == []
            assert data.keys() <= dict(KINDS_BY_NAME[fitting[0]].payload["properties"]).keys()


def test_goodbyes_are_all_there_are() -> None:
    """The reasons of a goodbye are all for which streams are sent away or ended, but for ends that nobody is told."""
    untold = {"client-gone", "complete", "failed", "send-timeout", OTHER}
    assert set(GOODBYES) == {*CLOSED, *REFUSED} - untold

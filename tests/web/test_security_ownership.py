"""Who gets what, and who may publish what, over HTTP; numbers are lines of the security checklist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sse_signals import Grants, PublishGrant, Rules
from sse_signals.topics import Filters
from tests.authenticated import PUBLISHER, SEEN, A, B, House, house, signal
from tests.web.rawhttp import events, messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def hub() -> AsyncIterator[House]:
    """A hub on which everybody has to authenticate."""
    async with house() as opened:
        yield opened


async def test_14_targets_reach_their_owners_only(hub: House) -> None:
    """14: a targeted signal reaches the owners of a target, live and in every kind of replay, and nobody else."""
    backend = hub.tokens.issue("backend", grants=PUBLISHER)
    ann, bob = hub.tokens.issue("ann", A), hub.tokens.issue("bob", B)
    async with hub.stream(ann, "?topic=t") as (anns, _), hub.stream(bob, "?topic=*") as (bobs, _):
        sent = [signal(1, targets=[A]), signal(2, targets=[B]), signal(3), signal(4, targets=[]), signal("end")]
        assert (await hub.publish(backend, *sent)).status == 202
        live = [events(await reader.readuntil(SEEN + b"}\n\n")) for reader in (anns, bobs)]
    seen = [[json.loads(event["data"])["message"] for event in found] for found in live]
    assert seen == [[1, 3, "end"], [2, 3, "end"]]
    for query in ("", "&topic=t", "&topic=t&topic=u*", "&since=all", "&since=-5", "&since=10m"):
        for token, expected in zip((ann, bob), seen, strict=True):
            assert messages((await hub.poll(token, query)).body) == expected
            lines = (await hub.poll(token, query, "Accept: application/x-ndjson")).body.splitlines()
            assert [
                each["message"] for each in map(json.loads, lines) if "signals." not in each.get("event", "")
            ] == expected


async def test_16_publishing_needs_a_grant(hub: House) -> None:
    """16: nobody publishes without a grant; the refusal names the topic, and nothing of a batch is published."""
    own = Grants(publish=(PublishGrant(Filters.parse(["orders/*"])),))
    ann, backend = hub.tokens.issue("ann"), hub.tokens.issue("backend", grants=own)
    assert (await hub.publish(ann, signal(1, "orders/1"))).kind == "not-granted"
    refused = await hub.publish(backend, signal(1, "orders/1"), signal(2, "catalog:orders/1"))
    assert refused.status == 403
    assert "'catalog:orders/1'" in refused.problem["detail"]
    assert refused.problem["errors"][0]["index"] == 1
    assert "value" not in refused.problem["errors"][0]
    for more in (
        {"message": 1},
        {"message": 1, "plugin": "orders"},
        {"channel": "x", "message": 1, "recipients": {"type": "broadcast"}},
    ):
        assert (await hub.publish(backend, more)).status == 403
    assert (await hub.ask("POST", "publish?topic=b", token=backend, body=b"x")).status == 403
    assert messages((await hub.poll(ann)).body) == []
    assert (await hub.publish(backend, signal(1, "orders/1"))).status == 202
    assert messages((await hub.poll(ann)).body) == [1]


async def test_16_the_resulting_address_counts(hub: House) -> None:
    """16: a topic that spells a plugin's address is publishing as that plugin."""
    catalog = Filters.parse(["catalog", "catalog:*"])
    plugin = hub.tokens.issue("plugin:catalog", grants=Grants(publish=(PublishGrant(catalog),), within=catalog))
    topic = Grants(publish=(PublishGrant(Filters.parse(["x"])),))
    other = hub.tokens.issue("other", grants=topic)
    for value, status in (
        ({"topic": "catalog:x"}, (202, 403)),
        ({"plugin": "catalog", "topic": "x"}, (202, 403)),
        ({"plugin": "catalog"}, (202, 403)),
        ({"topic": "x"}, (403, 202)),
        ({"plugin": "search", "topic": "x"}, (403, 403)),
        ({}, (403, 403)),
    ):
        answers = [await hub.publish(token, {"message": 1, **value}) for token in (plugin, other)]
        assert tuple(answer.status for answer in answers) == status, value


async def test_16_whom_a_publisher_may_target(hub: House) -> None:
    """16: a grant for some recipients covers neither others nor everyone."""
    grants = Grants(publish=(PublishGrant(Filters.parse(["t"]), frozenset({"group:default/*"})),))
    backend = hub.tokens.issue("backend", grants=grants)
    for targets, status in (
        ([A], 202),
        ([A, B], 202),
        (["user:ann"], 403),
        ([A, "user:ann"], 403),
        (None, 403),
        ([], 202),
    ):
        assert (await hub.publish(backend, signal(1, targets=targets))).status == status, targets


async def test_private_topics_and_what_is_granted() -> None:
    """More than is granted is 403 and names the filter; a prefix that is wider means all that may be read."""
    rules = Rules(private=Filters.parse(["audit/*"]))
    async with house(authentication={"rules": rules}) as hub:
        backend = hub.tokens.issue("backend", grants=PUBLISHER)
        ann, named = (
            hub.tokens.issue("ann"),
            hub.tokens.issue("eve", grants=Grants(subscribe=Filters.parse(["audit/x", "b"]))),
        )
        for token, query, refused in (
            (ann, "topic=b&topic=audit/x", "audit/x"),
            (ann, "topic=audit/*", "audit/*"),
            (named, "topic=c", "c"),
            (named, "topic=audit/y", "audit/y"),
            (named, "plugin=b", "b:*"),
        ):
            answer = await hub.ask("GET", f"stream?{query}", token=token)
            assert (answer.status, answer.kind) == (403, "not-granted")
            assert repr(refused) in answer.problem["detail"]
            assert answer.problem["errors"] == [
                {"field": "topic", "detail": answer.problem["detail"], "value": refused}
            ]
        async with hub.stream(ann) as (anns, receipt), hub.stream(named, "?topic=a*&topic=b") as (nameds, other):
            assert (receipt["topics"], other["topics"]) == (["*"], ["audit/x", "b"])
            sent = [signal(n, topic) for n, topic in enumerate(["a", "audit/x", "audit/y", "b", "c"])]
            assert (await hub.publish(backend, *sent, {"message": "end"})).status == 202
            live = [await reader.readuntil(SEEN + b"}\n\n") for reader in (anns, nameds)]
        assert [messages(data) for data in live] == [[0, 3, 4, "end"], [1, 3, "end"]]
        assert messages((await hub.poll(ann)).body) == [0, 3, 4, "end"]
        assert messages((await hub.poll(named, "&topic=*")).body) == [1, 3, "end"]


async def test_anonymous_streams() -> None:
    """Only where the setting allows it is there a stream without credentials, and nothing targeted ever reaches it."""
    async with house(anonymous=True) as hub:
        backend = hub.tokens.issue("backend", grants=PUBLISHER)
        async with hub.stream(None) as (reader, receipt):
            assert receipt["subject"] is None
            await hub.publish(backend, signal(1, targets=[A]), signal(2), signal("end"))
            assert messages(await reader.readuntil(SEEN + b"}\n\n")) == [2, "end"]
        assert messages((await hub.poll(None)).body) == [2, "end"]
        assert (await hub.publish(None, signal(1))).status == 403
        assert (await hub.poll("token-forged")).status == 401

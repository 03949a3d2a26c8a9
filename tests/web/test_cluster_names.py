"""Names that mean something to Redis or NATS, through HTTP on two nodes: there they mean nothing, and nothing leaks."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import nats
import nats.js.errors
import pytest
from redis import Redis

from tests.authenticated import PUBLISHER, signal
from tests.web.doors import DEADLINE
from tests.web.listening import JSON, listening, publish, revoke, ticket
from tests.web.rawhttp import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.web.cluster import Two

TOPICS = (
    *("a", "a.b", "a.b.c", "a.>", ">", "a b", "a ", "a?", "[ab]", "a[b]", "{a}", "{a}b", "a{b}", "a:b", "a::b", "$SYS"),
    *("$JS.API.STREAM.DELETE.x", "%2a", "a\\", "a'", 'a"', "é", "..", ".", "a/", "a/b", "0", "\u4e2d.>", "-"),
)
FILTERS = (*TOPICS, "a*", "a.*", ">*", "{a}*", "a?*", "[ab]*", "$*", "a:*", "a *", ".*", "%2*")
PLUGINS = ("a", "a.b", ">", "a b", "a?", "[ab]", "{a}", "a.>", "$JS")
SUBJECTS = ("ann", "ann.b", "ann.>", "ann*", "*", ">", "ann b", "ann ", "an?", "[a]nn", "{ann}", "plugin:*", "%2a", "é")
KEYS = ("k", "k.b", "k*", "*", ">", "k.>", "k b", "k?", "[k]", "{k}", "%2a")
# A subject and a key that look like another pair once they are put together, with any of these between them.
ALIKE = (("ann", "k.b"), ("annk", ".b"), *((f"ann{by}b", "k") for by in ". :/"), *(("ann", f"b{by}k") for by in ". :/"))
REFS = ("user:default/a", "user:default/a.b", "user:a.b/default", "user:default/a-b", "user:default/a_b")


def fits(address: str, wanted: str) -> bool:
    """Say whether a filter means an address: the whole text, or the beginning before a last ``*``."""
    return address.startswith(wanted[:-1]) if wanted.endswith("*") else address == wanted


async def polled(two: Two, token: str, *queries: str) -> list[list[object]]:
    """Ask both nodes for what they hold, once for each query, and return what each got, which has to be the same."""
    answers = await asyncio.gather(*(node.poll(token, query) for query in queries for node in two.nodes))
    assert {answer.status for answer in answers} == {200}
    got = [messages(answer.body) for answer in answers]
    assert got[::2] == got[1::2]
    return got[::2]


def redis_keys(url: str) -> Sequence[str]:
    """Return all keys of a Redis server."""
    redis: Any = Redis.from_url(url)
    with redis:
        return [key.decode() for key in redis.keys("*")]


async def nats_names(url: str, log: str) -> Sequence[str]:
    """Return the names of a log's streams and all their subjects, and see that no header holds what somebody wrote."""
    client = await nats.connect(url, allow_reconnect=False)
    try:
        jetstream, found = client.jetstream(), []
        for info in await jetstream.streams_info():
            name = info.config.name or ""
            if re.fullmatch(rf"{log}(~.*)?", name):
                state = (await jetstream.stream_info(name, subjects_filter=">")).state
                found += [name, *(state.subjects or {})]
                with suppress(nats.js.errors.NotFoundError):
                    message = await jetstream.get_msg(name, state.last_seq)
                    values = set((message.headers or {}).values()) - {f"{name}.epoch"}  # the hub's own word
                    assert all(re.fullmatch("[A-Za-z0-9_=-]+", text) for text in values)
        return found
    finally:
        await client.close()


async def see_that_names_are_escaped(two: Two) -> None:
    """Look at the server itself: all that is there is made of the log's name, our own words, and digests or base64."""
    if two.url.startswith("redis"):
        keys = await asyncio.to_thread(redis_keys, two.url)
        names: Sequence[str] = [key for key in keys if f"{{{two.name}}}" in key]
        form = rf"sse_signals:\{{{two.name}\}}:(log|meta|keys|key-ends|state|state-names|state-ends)"
        assert not [key for key in keys if not key.startswith("sse_signals:{")]
    else:
        names = await nats_names(two.url, two.name)
        form = rf"{two.name}(~state)?(\.[A-Za-z0-9_=-]{{1,30}})*"
    assert len(names) >= 3
    assert [name for name in names if not re.fullmatch(form, name)] == []


async def test_18_topics_and_plugins(two: Two) -> None:
    """18: each filter gets exactly the topics that it names, live on one node and kept on the other."""
    said = [signal(number, topic) for number, topic in enumerate(TOPICS)]
    said += [
        {"plugin": plugin, "topic": topic, "message": [plugin, topic]} for plugin in PLUGINS for topic in (">", "a.b")
    ]
    said += [{"plugin": plugin, "message": plugin} for plugin in PLUGINS]
    addresses = [":".join(filter(None, (each.get("plugin"), each.get("topic")))) for each in said]
    token = two.here.tokens.issue("ann")
    live = [wanted for wanted in FILTERS if wanted[0] in ">{[$" or wanted.endswith("*")]
    async with AsyncExitStack() as stack:
        readings = []
        for wanted in live:
            stream = listening(two.there, token, f"?topic={quote(wanted, safe='')}")
            readings.append((await stack.enter_async_context(stream))[1])
        await publish(two.here, *said)
        await publish(two.here, {"message": "end"})
        for wanted, reading in zip(live, readings, strict=True):
            await reading.until(b'"message":"end"}')
            data = [json.loads(line[6:]) for line in reading.text.split(b"\n") if line.startswith(b'data: {"topic":')]
            due = [(a, each["message"]) for a, each in zip(addresses, said, strict=True) if fits(a, wanted)]
            assert [(each["topic"], each["message"]) for each in data] == due
    for wanted, got in zip(
        FILTERS, await polled(two, token, *(f"&topic={quote(wanted, safe='')}" for wanted in FILTERS)), strict=True
    ):
        due = [each["message"] for address, each in zip(addresses, said, strict=True) if fits(address, wanted)]
        assert got == [*due, "end"], wanted
    for plugin, got in zip(
        PLUGINS, await polled(two, token, *(f"&plugin={quote(plugin, safe='')}" for plugin in PLUGINS)), strict=True
    ):
        due = [
            each["message"]
            for address, each in zip(addresses, said, strict=True)
            if address == plugin or address.startswith(f"{plugin}:")
        ]
        assert got == [*due, "end"], plugin
    await see_that_names_are_escaped(two)


@pytest.mark.parametrize("field", ["topic", "plugin"])
async def test_18_a_star_in_an_address_is_refused(two: Two, field: str) -> None:
    """18: it would look like a filter; nothing reaches the log."""
    token = two.here.tokens.issue("ann", grants=PUBLISHER)
    for text in ("*", "a.*", "a*b", "*.>"):
        answer = await two.here.publish(token, {field: text, "message": 1})
        assert (answer.status, answer.problem["errors"][0]["field"]) == (400, field)
    assert await polled(two, token, "") == [[]]


async def test_18_targets(two: Two) -> None:
    """18: a targeted signal reaches who owns that very ref, however it looks."""
    tokens = [two.here.tokens.issue(ref, ref) for ref in REFS]
    await publish(two.here, *(signal(number, "t", [ref]) for number, ref in enumerate(REFS)))
    for number, token in enumerate(tokens):
        assert await polled(two, token, "&topic=t") == [[number]]
    await see_that_names_are_escaped(two)


async def test_43_publishers_and_their_keys(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """43: each publisher's key is its own and no other's, on both nodes: repeated there, it gives the id from here."""
    monkeypatch.setattr("sse_signals.service.PATIENCE", 30.0)  # so many at once take some time on a busy machine
    named = sorted({*((subject, key) for subject in SUBJECTS for key in KEYS), *ALIKE})
    tokens = {subject: two.here.tokens.issue(subject, grants=PUBLISHER) for subject, _ in named}
    pairs = [(tokens[subject], key) for subject, key in named]
    ids: list[list[str]] = []
    for node in two.nodes:
        answers = await asyncio.gather(
            *(
                node.ask("POST", "publish?topic=t", JSON, f"Idempotency-Key: {key}", token=token, body=b"1")
                for token, key in pairs
            )
        )
        assert {answer.status for answer in answers} == {202}
        ids.append([answer.json["id"] for answer in answers])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(pairs)
    assert await polled(two, tokens["ann"], "&topic=t") == [[1] * len(pairs)]
    await see_that_names_are_escaped(two)


@pytest.mark.parametrize("kind", ["subject", "token"])
async def test_18_who_is_revoked(two: Two, kind: str) -> None:
    """18: a revocation of a name concerns that name alone, on both nodes, and so does a ticket's session."""
    tokens = {name: two.here.tokens.issue(name, token_id=name) for name in SUBJECTS}
    for token in tokens.values():
        await ticket(two.here, token)
    for gone in ("*", "ann.>", "an?", "ann ", "{ann}"):
        await revoke(two.here, **{kind: gone})
        async with asyncio.timeout(DEADLINE):
            while (await two.there.poll(tokens[gone])).status != 401:
                pass
        del tokens[gone]
        for token in tokens.values():
            for node in two.nodes:
                assert (await node.poll(token)).status == 200
    await see_that_names_are_escaped(two)

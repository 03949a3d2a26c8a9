"""``publish?explain=1``: what may be asked, by whom, and that a refusal publishes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from sse_signals.errors import InvalidInput
from sse_signals.model import Signal
from sse_signals.web.explain import MOST_SIGNALS, ExplainQuery, explain_query
from sse_signals.web.problems import Problem
from tests.authenticated import ADMIN, PUBLISHER, House, house
from tests.web.doors import own
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = "group:default/g"
SIGNAL = {"topic": "a", "message": 1}


def query(**parameters: str) -> ExplainQuery | None:
    """Return what a request with these parameters asks for."""
    return explain_query(make_mocked_request("POST", str(URL("/signals/publish").with_query(parameters))))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, None),
        ({"explain": "0"}, None),
        ({"explain": "1"}, ExplainQuery()),
        ({"explain": "1", "stream": "s", "subject": "user:default/ann"}, ExplainQuery("s", "user:default/ann")),
        ({"explain": "1", "subject": "e\u0301"}, ExplainQuery(subject="\u00e9")),
    ],
)
def test_what_is_asked(parameters: dict[str, str], expected: ExplainQuery | None) -> None:
    """One parameter asks for numbers, two more for somebody in particular."""
    assert query(**parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"explain": "true"}, "explain"),
        ({"explain": ""}, "explain"),
        ({"stream": "s"}, "stream"),
        ({"explain": "0", "subject": "x"}, "subject"),
    ],
)
def test_what_contradicts_itself_is_refused(parameters: dict[str, str], named: str) -> None:
    """A wish that would be passed over in silence is a mistake, and the parameter is named."""
    with pytest.raises(Problem) as caught:
        query(**parameters)
    assert (caught.value.status, caught.value.errors[0]["parameter"]) == (400, named)


@pytest.mark.parametrize("name", ["stream", "subject"])
def test_names_are_visible_text(name: str) -> None:
    """An empty name, or one that shows nothing, is refused."""
    for text in ("", "a\u200bb", "x" * 256):
        with pytest.raises(InvalidInput) as caught:
            query(explain="1", **{name: text})
        assert caught.value.field == name


def test_only_so_many_signals_are_explained() -> None:
    """Ten are, eleven are not, before any is published."""
    signals: Sequence[Signal] = [Signal(b"1")] * (MOST_SIGNALS + 1)
    ExplainQuery().check(signals[:-1])
    with pytest.raises(Problem, match="11 signals"):
        ExplainQuery().check(signals)


async def told(hub: House, token: str | None, asked: str, *signals: dict[str, Any]) -> Any:
    """Publish, and return what is explained."""
    answer = await hub.publish(token, *signals, query=f"?explain=1{asked}")
    assert answer.status == 202, answer
    assert answer.json.keys() == {"id" if len(signals) == 1 else "ids", "explain"}
    return answer.json["explain"]


async def test_an_administrator_is_told() -> None:
    """Numbers for each signal, the name of the node, and why somebody does or does not get it; and it is published."""
    async with house() as hub:
        admin, ann = hub.tokens.issue("key:ops", grants=ADMIN), hub.tokens.issue("user:default/ann", GROUP)
        bob = hub.tokens.issue("user:default/bob")
        async with hub.stream(ann, "?topic=a") as (reader, receipt), hub.stream(bob, "?topic=a"):
            targeted = {**SIGNAL, "targetOwnershipEntityRefs": [GROUP]}
            asked = f"&stream={receipt['stream']}&subject=user:default/bob"
            explained = await told(hub, admin, asked, targeted)
            assert await reader.readuntil(b'"message":1}')
        assert hub.service.site.security is not None
        assert explained["node"] == hub.service.site.security.nodes.own
        assert [(each["streams"], each["entitled"], each["filtered"]) for each in explained["signals"]] == [(2, 1, 1)]
        assert explained["stream"]["signals"][0]["verdict"] == "receives"
        assert explained["subject"]["signals"][0]["verdict"] == "not-owner"
        explained = await told(hub, admin, "", SIGNAL, SIGNAL)
        assert len(explained["signals"]) == 2


async def test_16_who_is_no_administrator_is_told_nothing() -> None:
    """16: explaining needs the grant admin besides that to publish, and without it nothing is published either."""
    async with house() as hub:
        publisher, reader = hub.tokens.issue("key:ci", grants=PUBLISHER), hub.tokens.issue("user:default/ann")
        answer = await hub.publish(publisher, SIGNAL, query="?explain=1&subject=user:default/ann")
        assert (answer.status, answer.kind) == (403, "not-granted")
        answer = await hub.publish(publisher, SIGNAL, query="?explain=0")
        assert answer.json.keys() == {"id"}
        assert (await hub.poll(reader)).body.count(b'"message":1') == 1


async def test_too_many_are_not_published() -> None:
    """A batch that is too long to be explained is refused as a whole."""
    async with house() as hub:
        admin = hub.tokens.issue("key:ops", grants=ADMIN)
        answer = await hub.publish(admin, *[SIGNAL] * 11, query="?explain=1")
        assert (answer.status, answer.problem["errors"][0]["parameter"]) == (400, "explain")
        assert b'"message":1' not in (await hub.poll(admin)).body


async def test_without_authentication_everybody_is_told() -> None:
    """Where nobody has to authenticate anybody may ask; the node has a name there, too."""
    async with own() as door:
        head = ("POST", "/signals/publish?explain=1&stream=x&topic=a", "Content-Type: application/json")
        answer = await ask(door.url, request(*head, body=b"1"))
        assert answer.status == 202
        explained = answer.json["explain"]
        assert (explained["node"], explained["signals"][0]["streams"]) == (door.service.site.nodes.own, 0)
        assert explained["stream"]["signals"][0]["verdict"] == "no-such-stream"

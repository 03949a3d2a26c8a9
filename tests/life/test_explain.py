"""Explain, against what happens when the explained signals are published."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sse_signals.cursor.start import Live
from sse_signals.errors import NotGranted
from sse_signals.grants import Grants, readable
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.identity import Identity
from sse_signals.life import explain as explain_module
from sse_signals.life.explain import DETAILS, MOST_STREAMS, Verdict, explain
from sse_signals.model import EventId, Signal
from sse_signals.topics import Filters
from sse_signals.wire.frames import event as encoded
from tests.fakes import EPOCH, Client, Network

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

ANN, BOB = "user:default/ann", "user:default/bob"
GROUP = "group:default/g"
NUMBERS = ("streams", "matched", "entitled", "filtered", "behind", "live")


def listen(
    network: Network,
    *topics: str,
    name: str = "s",
    subject: str | None = ANN,
    owns: Sequence[str] = (),
    grants: Grants = Grants(unmarked=True),  # noqa: B008 - it is frozen
) -> Client:
    """Open a stream of somebody, and let it become live."""
    client = network.client()
    stream = client.stream
    stream.name, stream.identity = name, Identity(subject, frozenset(owns), grants)
    stream.asked = Filters.parse(topics)
    stream.filters = readable(stream.asked, grants)
    client.open(Live())
    network.scheduler.step()
    return client


def stall(client: Client) -> None:
    """Have a stream be behind."""
    client.transport.capacity = 0
    client.network.node.hub.fall_behind(client.stream)
    client.stream.write(b":" * (HIGH_WATER - 1) + b"\n")


async def said(network: Network, *signals: Signal, **asked: str) -> dict[str, Any]:
    """Return what is said of signals; it is JSON."""
    found = await explain(network.node.hub.streams, signals, node="0123abcd", **asked)
    assert json.loads(json.dumps(found)) == found
    return found


def numbers(*values: int) -> dict[str, int]:
    """Return numbers by their names."""
    return dict(zip(NUMBERS, values, strict=True))


def verdicts(told: dict[str, Any]) -> list[str]:
    """Return the verdicts of what is told of a stream or a subject, each with its sentence."""
    assert all(each["detail"] == DETAILS[Verdict(each["verdict"])] for each in told["signals"])
    return [each["verdict"] for each in told["signals"]]


PLAIN = Signal(b"1", "a")
OWN = Signal(b"1", "a", frozenset({GROUP}))


async def test_numbers() -> None:
    """Who asked and may read is matched; of those, who owns a target is entitled, live or behind."""
    network = Network()
    listen(network, "a")
    stall(listen(network, "a", owns=[GROUP]))
    listen(network, "a", owns=[GROUP])
    listen(network, "b", owns=[GROUP])
    listen(network, owns=[GROUP], grants=Grants(unmarked=True, private=Filters.parse(["a"])))
    gone = listen(network, "a")
    network.node.hub.dismiss(gone.stream, "revoked")
    found = await said(network, PLAIN, OWN, Signal(b"1"), Signal(b"1", "a", frozenset()))
    assert found == {
        "node": "0123abcd",
        "signals": [
            numbers(5, 3, 3, 0, 1, 2),
            numbers(5, 3, 2, 1, 1, 1),
            numbers(5, 5, 5, 0, 1, 4),
            numbers(5, 3, 0, 3, 0, 0),
        ],
    }
    assert await explain([], [PLAIN], node=None) == {"node": None, "signals": [numbers(0, 0, 0, 0, 0, 0)]}


async def test_why_a_stream_does_not_get_a_signal() -> None:
    """Each of the reasons has its verdict, and every verdict its sentence."""
    network = Network()
    secret = Grants(unmarked=True, private=Filters.parse(["a"]))
    listen(network, "a", name="receives", owns=[GROUP])
    stall(listen(network, "a", name="receives-later", owns=[GROUP]))
    listen(network, "a", name="not-owner")
    listen(network, "*", name="topic-not-readable", owns=[GROUP], grants=secret)
    listen(network, "b", name="topic-not-asked", owns=[GROUP], grants=secret)
    network.node.hub.dismiss(listen(network, "a", name="ended").stream, "expired")
    polling = network.client("a")
    polling.stream.name = "ends-before"
    network.node.open(polling.stream, Live(), poll=True)
    for name in [stream.name for stream in network.node.hub.streams]:
        told = (await said(network, OWN, stream=name))["stream"]
        assert (told["name"], verdicts(told)) == (name, [name])
    assert verdicts((await said(network, OWN, stream="nobody's"))["stream"]) == ["no-such-stream"]
    assert set(DETAILS) == set(Verdict)
    assert len(set(DETAILS.values())) == len(DETAILS)


async def test_why_a_subject_does_not_get_a_signal() -> None:
    """Each of its streams is told of, and the best that can be said of any of them; nobody else's is."""
    network = Network()
    listen(network, "b", name="1", owns=[GROUP])
    listen(network, "a", name="2")
    stall(listen(network, "a", name="3", owns=[GROUP]))
    listen(network, "a", name="4", subject=BOB, owns=[GROUP])
    told = (await said(network, OWN, PLAIN, subject=ANN))["subject"]
    assert told["name"] == ANN
    assert verdicts(told) == ["receives-later", "receives"]
    assert {each["name"]: verdicts(each) for each in told["streams"]} == {
        "1": ["topic-not-asked", "topic-not-asked"],
        "2": ["not-owner", "receives"],
        "3": ["receives-later", "receives-later"],
    }
    assert "more" not in told
    nobody = (await said(network, OWN, subject="user:default/eve"))["subject"]
    assert (verdicts(nobody), nobody["streams"]) == (["no-stream-open"], [])


async def test_14_explain_tells_numbers_only() -> None:
    """14: without a question about somebody there is no name of a stream, subject, topic or owned ref in it."""
    network = Network()
    listen(network, "a", "canary-topic", name="canary-stream", subject="user:default/canary", owns=["group:x/canary"])
    found = await said(network, PLAIN, OWN)
    assert [set(map(type, each.values())) for each in found["signals"]] == [{int}, {int}]
    assert "canary" not in json.dumps(found)
    found = await said(network, PLAIN, OWN, stream="canary-stream", subject=BOB)
    assert json.dumps(found).count("canary") == 1
    found = await said(network, PLAIN, OWN, subject="user:default/canary")
    assert json.dumps(found).count("canary") == 2


async def test_an_anonymous_stream_is_no_subject_s() -> None:
    """Nobody in particular has no name to ask for."""
    network = Network()
    listen(network, "a", subject=None)
    assert verdicts((await said(network, PLAIN, subject="None"))["subject"]) == ["no-stream-open"]


async def test_many_streams_of_one_subject_are_not_all_listed() -> None:
    """What is left out is counted, and counts for the verdict."""
    network = Network()
    for number in range(MOST_STREAMS + 3):
        listen(network, "b" if number < MOST_STREAMS else "a", name=str(number))
    told = (await said(network, PLAIN, subject=ANN))["subject"]
    assert (len(told["streams"]), told["more"], verdicts(told)) == (MOST_STREAMS, 3, ["receives"])


async def test_the_loop_goes_round_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams are looked at in slices; one that comes or goes in between harms nothing."""
    monkeypatch.setattr(explain_module, "_SLICE", 2)
    network = Network()
    clients = [listen(network, "a", name=str(number)) for number in range(9)]
    explaining = asyncio.create_task(said(network, PLAIN, stream="8"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not explaining.done()
    network.node.hub.close(clients[8].stream)
    listen(network, "a", name="9")
    found = await explaining
    assert found["signals"][0]["streams"] == 8
    assert verdicts(found["stream"]) == ["ended"]


TOPICS = ("a", "b/c", None)
GRANTS = (
    Grants(unmarked=True),
    Grants(unmarked=True, private=Filters.parse(["b/*"])),
    Grants(subscribe=Filters.parse(["a"])),
)
ASKED = ((), ("a",), ("b/*",), ("a", "b/*"))
OWNED = ((), (GROUP,), (ANN,), (GROUP, ANN))
streams = st.lists(st.tuples(st.sampled_from(ASKED), st.sampled_from(OWNED), st.sampled_from(GRANTS), st.booleans()))
targets = st.none() | st.sets(st.sampled_from([GROUP, ANN])).map(frozenset)


@settings(max_examples=150, deadline=None)
@given(streams, st.lists(st.builds(Signal, st.just(b"1"), st.sampled_from(TOPICS), targets), min_size=1, max_size=4))
async def test_14_what_is_explained_is_what_happens(opened: list[Any], signals: list[Signal]) -> None:
    """14: who is said to receive a signal receives it, now or later, and nobody else does; the numbers agree."""
    network = Network()
    clients: list[Client] = []
    for asked, owns, grants, behind in opened:
        try:
            clients.append(listen(network, *asked, name=str(len(clients)), owns=owns, grants=grants))
        except NotGranted:
            continue
        if behind:
            stall(clients[-1])
    found = await said(network, *signals)
    told = [(await said(network, *signals, stream=client.stream.name))["stream"] for client in clients]
    live = [client.stream.live for client in clients]
    ids = []
    for signal in signals:
        made = network.make()
        ids.append(made.id)
        network.node.take([encoded(EventId(EPOCH, made.position), network.now_ms, signal)])
    for client in clients:
        client.take()
    network.run()
    for index, event_id in enumerate(ids):
        got = [event_id in client.ids for client in clients]
        assert [verdicts(each)[index].startswith("receives") for each in told] == got
        numbers_ = found["signals"][index]
        assert numbers_["streams"] == len(clients)
        assert numbers_["entitled"] == sum(got)
        assert numbers_["live"] == sum(one and now for one, now in zip(got, live, strict=True))
        assert numbers_["behind"] + numbers_["live"] == numbers_["entitled"]
        assert numbers_["entitled"] + numbers_["filtered"] == numbers_["matched"]

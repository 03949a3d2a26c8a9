"""Traces that signals carry: how they are read, and how every log keeps them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals import EventBroker, SignalsClient
from sse_signals.brokers import records
from sse_signals.model import IdempotencyKey, Signal
from sse_signals.tracing import traceparent_of, tracestate_of
from tests.traces import HEADER, PARENT, PUBLISH, SENT, TRACE
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    from sse_signals.server import Running


# How W3C Trace Context is read


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (SENT, SENT),
        (f"00-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}-00"),
        (f"cc-{TRACE}-{PARENT}-01", SENT),
        (f"cc-{TRACE}-{PARENT}-01-what-comes-later", SENT),
        (f"{SENT}-more", None),
        (f"ff-{TRACE}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (SENT.upper(), None),
        (f"00-{TRACE[:-1]}-{PARENT}-01", None),
        (f"00-{TRACE}-{PARENT}-1", None),
        (f"{SENT}\n", None),
        (f"cc-{TRACE}-{PARENT}-01.x", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_traceparent_is_read_as_the_recommendation_says(sent: object, found: str | None) -> None:
    """What is none is ignored; of a later version what is known of it counts."""
    assert traceparent_of(sent) == found


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("a=1", "a=1"),
        (" a=1 ,, t1@b=x y\t", "a=1,t1@b=x y"),
        ("", None),
        (",", None),
        ("a", None),
        ("a=1,b", None),
        ("A=1", None),
        ("a=1,a=2", None),
        ("a=\u00e9", None),
        ("a=" + "x" * 257, None),
        (",".join(f"a{number}=1" for number in range(33)), None),
        ("," * 8000 + "a=1", None),
    ],
)
def test_a_tracestate_that_is_none_is_ignored(sent: str, found: str | None) -> None:
    """Only what the specification allows comes to the SDK, which would write anything else to the log."""
    assert tracestate_of(sent) == found


@given(text=st.text())
def test_whatever_is_taken_for_a_traceparent_has_its_form(text: str) -> None:
    """Nothing but hexadecimal digits and dashes gets any further."""
    found = traceparent_of(text)
    assert found is None or len(found) == len(SENT)


# What is kept of a trace


async def test_a_trace_is_kept_for_who_listens_in_the_process_and_for_nobody_else(hub: Running) -> None:
    """With tracing off, too: a consumer goes on with it, and no stream is told of it."""
    site = hub.service.site
    async with connection(hub.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream?topic=a", version="1.0"))
        await reader.readuntil(b"signals.open")
        await ask(hub.url, request("POST", PUBLISH, HEADER, body=b"first"))
        await ask(hub.url, request("POST", PUBLISH, HEADER, HEADER, body=b"second"))  # two are none
        await ask(hub.url, request("POST", PUBLISH, "traceparent: 00-x", body=b"third"))
        seen = await reader.readuntil(b"third")
    assert TRACE.encode() not in seen
    history = site.service.node.history
    assert [event.traceparent for event in history.read(history.start, history.end)] == [SENT, None, None]


@pytest.mark.parametrize("scheme", ["memory", "sqlite", "redis", "nats"])
async def test_every_log_keeps_it(scheme: str, request: pytest.FixtureRequest, tmp_path: Any) -> None:
    """Whatever the broker: a subscriber finds it on the event, and an event without it has none."""
    url: str = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/log"}.get(
        scheme, ""
    ) or await asyncio.to_thread(lambda: request.getfixturevalue(f"{scheme}_server").url)
    log = EventBroker.from_url(url)
    client = SignalsClient.for_plugin("traces", event_broker=log)
    try:
        async with asyncio.timeout(20), client.subscribe("t") as events:
            await log.publish([Signal(b"1", "traces:t", traceparent=SENT), Signal(b"2", "traces:t")])
            await log.publish([Signal(b"3", "traces:t", traceparent=SENT)])
            await log.publish([Signal(b"4", "traces:t")])
            found = [await anext(events) for _ in range(4)]
    finally:
        await log.close()
    assert [getattr(event, "traceparent", "?") for event in found] == [SENT, None, SENT, None]


def test_a_record_has_it_in_its_head() -> None:
    """One for all signals where they share it, a list where they do not, and nothing where there is none."""
    other = SENT.replace(PARENT, "1" * 16)
    one, two = Signal(b"1", "a", traceparent=SENT), Signal(b"2", "a", traceparent=other)
    none = Signal(b"3", "a")
    heads = [records.encode(signals).split(b"\n")[0] for signals in ([one, one], [one, two, none], [none])]
    assert f'"traceparent":"{SENT}"'.encode() in heads[0]
    assert f'"traceparent":["{SENT}","{other}",null]'.encode() in heads[1]
    assert b"traceparent" not in heads[2]
    events = records.decode(records.encode([one, two, none]), "e" * 8, 7, 1000) or ()
    assert [event.traceparent for event in events] == [SENT, other, None]


@pytest.mark.parametrize(
    "member", ['"x"', "7", "null", "[]", '["x"]', '{"a":1}', f'["{SENT}","{SENT}"]', '"\\u001b[31m"']
)
def test_a_trace_that_is_none_costs_no_signal(member: str) -> None:
    """What another version may have written there is passed over; the record is read."""
    data = f'{{"v":1,"kind":"signals","signals":[["a",null,null]],"traceparent":{member}}}\n1'.encode()
    (event,) = records.decode(data, "e" * 8, 7, 1000) or ()
    assert event.traceparent is None


def test_records_of_both_ages_are_read_by_both() -> None:
    """An old record has no trace; a new one has the version and the members that an old node reads, unchanged."""
    old = b'{"v":1,"kind":"signals","signals":[["a:b",["user:default/x"],"created"]]}\n{"x":1}'
    (event,) = records.decode(old, "e" * 8, 7, 1000) or ()
    assert (event.address, event.traceparent) == ("a:b", None)
    signal = Signal(b'{"x":1}', "a:b", frozenset({"user:default/x"}), "created")
    assert records.encode([signal]) == old
    import orjson

    head, line = records.encode([Signal(signal.data, "a:b", signal.targets, "created", traceparent=SENT)]).split(b"\n")
    said = orjson.loads(head)
    assert said.pop("traceparent") == SENT
    assert orjson.dumps(said) + b"\n" + line == old  # all that a node looks at which does not know the member


def test_the_same_request_with_another_trace_is_the_same_request() -> None:
    """A retry is a new span of its sender's: the idempotency key must not take it for other content."""
    signals = [Signal(b"1", "a", traceparent=trace) for trace in (SENT, SENT.replace(PARENT, "1" * 16))]
    one, other = (IdempotencyKey.of("p", "k", [signal]) for signal in signals)
    assert one == other


async def test_a_repeat_under_another_trace_is_answered_with_the_first_ids(hub: Running) -> None:
    """Over HTTP as well: no 409."""
    key = "Idempotency-Key: k"
    first = await ask(hub.url, request("POST", PUBLISH, key, HEADER, body=b"x"))
    again = await ask(hub.url, request("POST", PUBLISH, key, HEADER.replace(PARENT, "1" * 16), body=b"x"))
    assert (first.status, again.status, again.json) == (202, 202, first.json)

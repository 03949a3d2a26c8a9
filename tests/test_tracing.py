"""Traces: whose they are, which spans a publish has, where they go, and that they hold no secret."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs

import sse_signals
from sse_signals import EventBroker, SignalsClient
from sse_signals.brokers import records
from sse_signals.configured import tracing_of
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.life.deliveries import MOST, PATIENCE, Deliveries
from sse_signals.model import EventId, IdempotencyKey, Receipt, Signal, position
from sse_signals.otel import OtelTracing
from sse_signals.settings import load
from sse_signals.tracing import traceparent_of, tracestate_of
from tests.authenticated import PUBLISHER, A, House, house
from tests.web.doors import until
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.server import Running
    from tests.conftest import StartHub

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{PARENT}-01"
HEADER = f"traceparent: {SENT}"
JSON = "Content-Type: application/json"
PUBLISH = "/signals/publish?topic=a"


class Spans:
    """A tracer provider that keeps what is finished."""

    def __init__(self) -> None:
        self.memory = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self.tracing = OtelTracing(self.provider)

    def named(self, name: str) -> Any:
        """Return the spans of a name."""
        return [span for span in self.memory.get_finished_spans() if span.name == name]

    async def ended(self, name: str) -> None:
        """Wait until there is one."""
        await until(lambda: self.named(name))


@asynccontextmanager
async def traced(**options: Any) -> AsyncIterator[tuple[House, Spans, str]]:
    """Run a hub whose publishes are traced, and give a token that may publish."""
    spans = await asyncio.to_thread(Spans)  # as at the start of a hub: it takes locks and reads files
    async with house(tracing=spans.tracing, **options) as hub:
        yield hub, spans, hub.tokens.issue("ann", A, grants=PUBLISHER)


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


# The spans of a publish


async def test_a_publish_is_a_span_of_its_caller_s_trace() -> None:
    """Three spans: the request, the log, and the way to the first stream; the signals carry the first of them."""
    async with traced() as (hub, spans, token):
        async with hub.stream(token, "?topic=a") as (reader, _):
            answer = await hub.ask("POST", "publish?topic=a", HEADER, "tracestate: v=1", token=token, body=b"hello")
            await reader.readuntil(b"hello")
            await spans.ended("first delivery")
        history = hub.service.site.service.node.history
        (event,) = history.read(history.start, history.end)
    (publish,), (commit,), (delivery,) = map(spans.named, ("publish", "commit", "first delivery"))
    assert publish.kind is SpanKind.SERVER
    assert f"{publish.context.trace_id:032x}" == TRACE
    assert (f"{publish.parent.span_id:016x}", publish.parent.is_remote) == (PARENT, True)
    assert publish.context.trace_state["v"] == "1"
    assert {commit.parent.span_id, delivery.parent.span_id} == {publish.context.span_id}
    assert event.traceparent == f"00-{TRACE}-{publish.context.span_id:016x}-01"
    assert dict(publish.attributes) == {
        "http.request.method": "POST",
        "http.route": "/signals/publish",
        "url.path": "/signals/publish",
        "http.response.status_code": 202,
        "messaging.system": "sse_signals",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "a",
        "messaging.message.body.size": 5,
        "messaging.message.id": answer.json["id"],
    }
    assert dict(commit.attributes) == {"sse_signals.repeated": False}
    assert dict(delivery.attributes) == {"sse_signals.delivery": "streams"}
    assert commit.end_time <= delivery.start_time <= delivery.end_time


async def test_what_reaches_nobody_says_so_at_once() -> None:
    """Nobody listens, or nobody who may: the span ends as the log has answered."""
    async with traced() as (hub, spans, token):
        await hub.ask("POST", "publish?topic=a", token=token, body=b"x")
        async with hub.stream(token, "?topic=b"):
            await hub.ask("POST", "publish?topic=a", token=token, body=b"x")
            await hub.ask("POST", "publish?topic=b&target=user:default/other", token=token, body=b"x")
        assert not len(hub.service.site.deliveries)
    assert [span.attributes["sse_signals.delivery"] for span in spans.named("first delivery")] == ["nobody"] * 3
    assert len({span.context.trace_id for span in spans.named("publish")}) == 3  # each begins a trace of its own


async def test_a_targeted_signal_is_delivered_to_who_owns_a_target() -> None:
    """The way through a stream's own events counts as well."""
    async with traced() as (hub, spans, token), hub.stream(token) as (reader, _):
        await hub.ask("POST", f"publish?topic=b&target={A}", token=token, body=b"mine")
        await reader.readuntil(b"mine")
        await spans.ended("first delivery")
        assert spans.named("first delivery")[0].attributes["sse_signals.delivery"] == "streams"


async def test_a_batch_says_how_many_and_a_repeat_that_it_is_one() -> None:
    """A destination is named only if it is the only one; a repeat is delivered to nobody, since it was before."""
    batch = b'[{"topic":"a","message":1},{"topic":"b","message":2}]'
    async with traced() as (hub, spans, token):
        for _ in range(2):
            headers = (JSON, "Idempotency-Key: k")
            assert (await hub.ask("POST", "publish", *headers, token=token, body=batch)).status == 202
    assert [span.attributes["messaging.batch.message_count"] for span in spans.named("publish")] == [2, 2]
    assert not any("messaging.destination.name" in span.attributes for span in spans.named("publish"))
    assert [span.attributes["sse_signals.repeated"] for span in spans.named("commit")] == [False, True]
    assert len(spans.named("first delivery")) == 1


async def test_refusals_and_failures_end_their_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is the client's fault and no error of the hub's; a log that is away is one of both its spans."""
    async with traced() as (hub, spans, token):
        site = hub.service.site
        await hub.ask("POST", "publish", JSON, token=token, body=b"{")
        failures: list[Exception] = [BrokerUnavailable("away"), ZeroDivisionError()]

        async def fail(*_: Any, **__: Any) -> Any:
            raise failures.pop(0)

        monkeypatch.setattr(site.service, "publish", fail)
        with capture_logs():  # a traceback in a terminal reads files
            for _ in range(2):
                await hub.ask("POST", "publish?topic=a", token=token, body=b"x")
    told = [(s.attributes["error.type"], s.status.status_code) for s in spans.named("publish")]
    assert told == [
        ("bad-parameter", StatusCode.UNSET),
        ("broker-unavailable", StatusCode.ERROR),
        ("internal-error", StatusCode.ERROR),
    ]
    assert [s.attributes["error.type"] for s in spans.named("commit")] == ["broker-unavailable", "internal-error"]
    assert spans.named("first delivery") == []


async def test_a_client_that_leaves_ends_the_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stays open because nobody waits for the answer."""
    async with traced() as (hub, spans, token):
        begun = asyncio.Event()

        async def wait(*_: Any, **__: Any) -> Any:
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(hub.service.site.service, "publish", wait)
        async with connection(hub.url) as (_, writer):
            writer.write(request("POST", PUBLISH, f"Authorization: Bearer {token}", body=b"x"))
            await begun.wait()
        await spans.ended("publish")
    assert spans.named("publish")[0].attributes["error.type"] == "client-gone"
    assert spans.named("commit")[0].attributes["error.type"] == "client-gone"


async def test_a_caller_that_does_not_sample_costs_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampling flag is obeyed, and the signal carries it on."""
    async with traced() as (hub, spans, token):
        answer = await hub.ask("POST", "publish?topic=a", HEADER[:-1] + "0", token=token, body=b"x")
        history = hub.service.site.service.node.history
        (event,) = history.read(history.start, history.end)
        monkeypatch.setattr(hub.service.site.service, "publish", mock.AsyncMock(side_effect=BrokerUnavailable("x")))
        failed = await hub.ask("POST", "publish?topic=a", HEADER[:-1] + "0", token=token, body=b"x")
    assert (answer.status, failed.status) == (202, 503)
    assert spans.memory.get_finished_spans() == ()
    assert event.traceparent is not None
    assert event.traceparent.startswith(f"00-{TRACE}-")
    assert event.traceparent.endswith("-00")


async def test_no_secret_is_in_a_span() -> None:
    """Neither message nor key nor credential nor query, however it ends."""
    secrets = ("Cookie: a=canary-cookie", "Idempotency-Key: canary-key", "X-Other: canary-header")
    async with traced() as (hub, spans, token):
        for path, body in (
            ("publish?topic=a", b"canary-body"),
            ("publish?topic=a&event=canary-event", b"canary-body"),
            ("publish?token=canary-query", b"canary-body"),
            ("publish?topic=a&x=canary-query", b""),
        ):
            await hub.ask("POST", path, HEADER, *secrets, token=token, body=body)
        await hub.ask("POST", "publish?topic=a", *secrets, token="token-canary", body=b"canary-body")
    shown = "".join(span.to_json() for span in spans.memory.get_finished_spans())
    assert len(spans.named("publish")) == 5
    assert "canary" not in shown
    assert token not in shown


# How deliveries are watched


class Told:
    """A trace that remembers what it was told."""

    traceparent = SENT

    def __init__(self) -> None:
        self.to: list[str] = []

    def delivered(self, to: str) -> None:
        self.to.append(to)


class Hub:
    """As much of a hub as deliveries look at."""

    def __init__(self) -> None:
        self.tallies: Any = self
        self.reach: Any = self
        self.written = 0
        self.on_flush: list[Any] = []

    def any(self, signal: Signal) -> bool:
        return signal.address == "heard"

    def flush(self, written: int) -> None:
        self.written = written
        for told in self.on_flush:
            told(written)


def receipt(record: int, count: int = 1) -> Receipt:
    """Return the log's answer."""
    return Receipt([EventId("e" * 8, position(record, index)) for index in range(count)])


def test_a_delivery_is_told_by_the_flush_that_has_written_it() -> None:
    """Not by one before; of a batch the first signal counts that anybody may have."""
    hub: Any = Hub()
    deliveries, first, batch, early = Deliveries(), Told(), Told(), Told()
    deliveries.start(hub)
    trace: Any = first
    deliveries.committed(trace, [Signal(b"1", "heard")], receipt(5))
    trace = batch
    deliveries.committed(trace, [Signal(b"1", "no"), Signal(b"1", "heard")], receipt(6, 2))
    hub.flush(position(4))
    assert len(deliveries) == 2
    hub.flush(position(6))
    assert (first.to, batch.to) == (["streams"], [])
    hub.flush(position(6, 1))
    assert batch.to == ["streams"]
    trace = early
    deliveries.committed(trace, [Signal(b"1", "heard")], receipt(6))  # it was written before the log's answer came
    assert early.to == ["streams"]
    hub.flush(position(7))
    deliveries.stop()
    deliveries.stop()
    assert hub.on_flush == []


def test_deliveries_that_nothing_flushes_do_not_pile_up() -> None:
    """Only so many are watched, none for long, and none after the end; each is told exactly once."""
    now = 0.0
    hub: Any = Hub()
    deliveries = Deliveries(lambda: now)
    traces: Any = [Told() for _ in range(MOST + 3)]
    deliveries.committed(traces[0], [Signal(b"1", "heard")], receipt(1))  # nobody watches yet
    assert traces[0].to == ["unseen"]
    deliveries.start(hub)
    for trace in traces[1:]:
        deliveries.committed(trace, [Signal(b"1", "heard")], receipt(9))
    assert len(deliveries) == MOST
    assert [trace.to for trace in traces[1:4]] == [["unseen"], ["unseen"], []]
    deliveries.stop()
    assert {tuple(trace.to) for trace in traces} == {("unseen",)}
    late: Any = Told()
    deliveries.start(hub)
    deliveries.committed(late, [Signal(b"1", "heard")], receipt(9))
    now = PATIENCE + 1
    hub.flush(position(9))
    assert late.to == ["unseen"]


# Where traces go


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, list[Any]]]:
    """Run a receiver of OTLP over HTTP, and give its URL and what it was sent."""
    received: list[Any] = []

    async def take(asked: web.Request) -> web.Response:
        message = ExportTraceServiceRequest()
        message.ParseFromString(await asked.read())
        received.append((dict(asked.headers), message))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", received
    finally:
        await runner.cleanup()


async def test_traces_are_sent_by_otlp_before_the_hub_has_ended(
    start_hub: StartHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To where the standard variables say, under the name that they give; what is left goes out with the drain."""
    async with collector() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "my-hub")
        hub: Running = await start_hub(tracing=True)
        assert received == []  # the start asks nobody
        await ask(hub.url, request("POST", PUBLISH, HEADER, body=b"x"))
        tracing = hub.service.site.tracing
        assert tracing is not None
        await tracing.close()
        await tracing.close()
        (headers, message), *_ = received
    assert headers["x-tenant"] == "a"
    (group,) = message.resource_spans
    assert ("service.name", "my-hub") in {(a.key, a.value.string_value) for a in group.resource.attributes}
    names = [span.name for scope in group.scope_spans for span in scope.spans]
    assert sorted(names) == ["commit", "first delivery", "publish"]


async def test_a_collector_that_does_not_answer_holds_up_nobody(
    start_hub: StartHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop goes on, publishes are answered, and the end does not wait for more than its patience."""
    monkeypatch.setattr("sse_signals.otel.PATIENCE", 0.2)

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with_nobody = asyncio.Event()
        try:
            await with_nobody.wait()
        finally:
            writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    hub: Running = await start_hub(tracing=True)
    assert (await ask(hub.url, request("POST", PUBLISH, body=b"x"))).status == 202
    tracing = hub.service.site.tracing
    assert tracing is not None
    async with asyncio.timeout(5):
        await tracing.close()
    server.close()


def test_without_its_packages_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, as for brokers; any other module that is missing is a fault of ours."""
    settings = load({}, {"tracing": True})
    assert tracing_of(load({}, {})) is None

    def missing(name: str) -> Any:
        def find(_room: str) -> Any:
            raise ModuleNotFoundError(name=name)

        return find

    monkeypatch.setattr("sse_signals.configured.import_module", missing("opentelemetry.sdk"))
    with pytest.raises(ConfigurationError, match=r"pip install '\.\[otel\]' in the checkout"):
        tracing_of(settings)
    monkeypatch.setattr("sse_signals.configured.import_module", missing("sse_signals.other"))
    with pytest.raises(ModuleNotFoundError):
        tracing_of(settings)


def test_a_variable_that_is_wrong_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What OpenTelemetry does not take of its own variables ends the start, and not in a traceback."""
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1")
    with pytest.raises(ConfigurationError, match="OTEL_"):
        tracing_of(load({}, {"tracing": True}))


def test_without_tracing_nothing_of_it_is_imported() -> None:
    """Off costs nothing, not even an import: no room names the one that knows OpenTelemetry, except by its text."""
    named = {
        path.name
        for path in Path(sse_signals.__file__).parent.rglob("*.py")
        if re.search(r"^\s*(from|import) (opentelemetry|sse_signals\.otel)", path.read_text(), re.MULTILINE)
    }
    assert named == {"otel.py"}

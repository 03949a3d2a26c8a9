"""The spans of a publish: whose they are, which there are, how they end, and that they hold no secret."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs

from sse_signals.errors import BrokerUnavailable
from sse_signals.otel import OtelTracing
from tests.authenticated import PUBLISHER, A, House, house
from tests.traces import HEADER, PARENT, PUBLISH, TRACE
from tests.web.doors import until
from tests.web.rawhttp import connection, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

JSON = "Content-Type: application/json"


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

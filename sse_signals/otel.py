"""Traces by OpenTelemetry: the only room that knows its SDK, which the extra ``otel`` installs.

Spans and attributes are those of its semantic conventions for HTTP servers and messaging
(https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/). No span holds a message, key or credential.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sse_signals.tracing import TRACEPARENT, TRACESTATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Span, Tracer

    from sse_signals.model import Receipt, Signal
    from sse_signals.tracing import Delivery

PATIENCE: Final = 3.0  # seconds that the end waits for what is still to be sent
_SYSTEM: Final = "sse_signals"
_ERROR: Final = "error.type"
_W3C: Final = TraceContextTextMapPropagator()


class OtelTracing:
    """Makes spans of publishes, for a tracer provider.

    Args:
        provider: Where they go; its owner shuts it down. None makes one that sends them by OTLP over HTTP to where the
            standard ``OTEL_*`` variables say, as the service ``sse-signals`` unless they name it.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._own = _provider() if provider is None else None
        self._tracer = (provider or self._own or TracerProvider()).get_tracer(_SYSTEM)

    def publish(self, route: str, traceparent: str | None, tracestate: str | None) -> PublishTrace:
        """See `sse_signals.tracing.Tracing.publish`."""
        return PublishTrace(self._tracer, route, traceparent, tracestate)

    async def close(self) -> None:
        """Send what is left, without holding up the loop, or anybody for long if no collector answers."""
        own, self._own = self._own, None
        if own is None:
            return
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            own.shutdown()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(done.set)

        # A daemon, which unlike the loop's own threads no end of the process waits for.
        threading.Thread(target=shut_down, name="sse_signals sends traces", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await done.wait()


class PublishTrace:
    """The spans of one publish; see `sse_signals.tracing.Trace`."""

    __slots__ = ("_children", "_commit", "_delivery", "_span", "_tracer", "traceparent")

    def __init__(self, tracer: Tracer, route: str, traceparent: str | None, tracestate: str | None) -> None:
        carrier = {} if traceparent is None else {TRACEPARENT: traceparent, TRACESTATE: tracestate or ""}
        self._tracer = tracer
        self._span = tracer.start_span(
            "publish",
            _W3C.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": "POST",
                "http.route": route,
                "url.path": route,
                "messaging.system": _SYSTEM,
                "messaging.operation.name": "publish",
                "messaging.operation.type": "send",
            },
        )
        self._children = set_span_in_context(self._span)
        self._commit: Span | None = None
        self._delivery: Span | None = None
        context = self._span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def handed_over(self, signals: Sequence[Signal], size: int) -> None:
        """Describe what is published, and begin the span ``commit``."""
        if not self._span.is_recording():
            return
        self._span.set_attribute("messaging.message.body.size", size)
        if len(signals) > 1:
            self._span.set_attribute("messaging.batch.message_count", len(signals))
        (address, *others) = {signal.address for signal in signals}
        if address is not None and not others:
            self._span.set_attribute("messaging.destination.name", address)
        self._commit = self._tracer.start_span("commit", self._children)

    def committed(self, receipt: Receipt) -> None:
        """End the span ``commit``, and begin ``first delivery`` unless it was all there already."""
        if self._commit is None:
            return
        self._commit.set_attribute("sse_signals.repeated", receipt.repeated)
        self._commit.end()
        if len(receipt.ids) == 1:
            self._span.set_attribute("messaging.message.id", str(receipt.ids[0]))
        if not receipt.repeated:
            self._delivery = self._tracer.start_span("first delivery", self._children)

    def failed(self, kind: str) -> None:
        """End the span ``commit`` as one that failed."""
        if self._commit is not None:
            _fail(self._commit, kind)
            self._commit.end()

    def answered(self, status: int, kind: str | None) -> None:
        """End the span ``publish``, and what else is left of it."""
        self._span.set_attribute("http.response.status_code", status)
        if kind is not None and status >= 500:
            _fail(self._span, kind)
        elif kind is not None:  # to a server it is no failure that it refuses something
            self._span.set_attribute(_ERROR, kind)
        if self._commit is not None and self._commit.is_recording():
            self.failed(kind or "unknown")
        self._span.end()

    def delivered(self, to: Delivery) -> None:
        """End the span ``first delivery``."""
        if self._delivery is not None:
            self._delivery.set_attribute("sse_signals.delivery", to)
            self._delivery.end()


def _fail(span: Span, kind: str) -> None:
    span.set_attribute(_ERROR, kind)
    span.set_status(StatusCode.ERROR)


def _provider() -> TracerProvider:
    """Return a provider of our own, not that of the whole program; it connects to nobody before it has something."""
    named = OTELResourceDetector().detect().attributes.get(SERVICE_NAME)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: named or "sse-signals"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider

"""Traces by OpenTelemetry: where they go, and what the start says where that cannot be."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import sse_signals
from sse_signals.configured import tracing_of
from sse_signals.errors import ConfigurationError
from sse_signals.settings import load
from tests.traces import HEADER, PUBLISH, SENT
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.server import Running
    from tests.conftest import StartHub


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
    async with asyncio.timeout(30):
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


@pytest.mark.parametrize(
    ("sampler", "flags"), [(None, "01"), ("parentbased_traceidratio", "01"), ("traceidratio", "00")]
)
async def test_who_decides_what_is_sampled(monkeypatch: pytest.MonkeyPatch, sampler: str | None, flags: str) -> None:
    """A caller whose trace is sampled, unless the sampler asks nobody; so the page on operating says."""
    if sampler is not None:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    tracing = await asyncio.to_thread(tracing_of, load({}, {"tracing": True}))  # it reads files
    assert tracing is not None
    assert str(tracing.publish("/signals/publish", SENT, None).traceparent)[-2:] == flags
    await tracing.close()


def test_without_tracing_nothing_of_it_is_imported() -> None:
    """Off costs nothing, not even an import: no room names the one that knows OpenTelemetry, except by its text."""
    named = {
        path.name
        for path in Path(sse_signals.__file__).parent.rglob("*.py")
        if re.search(r"^\s*(from|import) (opentelemetry|sse_signals\.otel)", path.read_text(), re.MULTILINE)
    }
    assert named == {"otel.py"}

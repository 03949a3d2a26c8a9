"""Metrics of one service: gathered once for all who ask at the same time, whatever the log does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from sse_signals.cursor.local import Subscription
from sse_signals.cursor.start import NOTHING, Live
from sse_signals.errors import BrokerUnavailable
from sse_signals.identity import ANONYMOUS
from sse_signals.life.ledger import Ledger
from sse_signals.metrics import metrics as metrics_module
from sse_signals.metrics.catalogue import SERIES
from sse_signals.metrics.metrics import Metrics
from sse_signals.metrics.moment import Source
from sse_signals.metrics.totals import sum_up
from sse_signals.model import EventId, Signal, position
from sse_signals.topics import EVERYTHING
from tests.cable import Running, running_service, until
from tests.metrics.readings import Readings, of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from prometheus_client.core import Metric

    from sse_signals.hub.stream import Stream


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A service that tries again without waiting long."""
    async with running_service(monkeypatch) as made:
        yield made


def metrics_of(running: Running, streams: Sequence[Stream] = ()) -> Metrics:
    """Return metrics of a service."""
    source = Source(
        service=running.service,
        ledger=Ledger(),
        most_streams=7,
        streams=lambda: streams,
        ready=lambda: True,
        draining=lambda: False,
        revocations=lambda: 3,
    )
    return Metrics(source)


async def scraped(metrics: Metrics) -> Readings:
    """Ask once."""
    return of(await metrics.families())


async def test_a_service_that_never_started_has_no_metrics(running: Running) -> None:
    """Who asks is told so."""
    with pytest.raises(BrokerUnavailable, match="not started"):
        await metrics_of(running).families()


async def test_every_series_that_is_always_there_is_there(running: Running) -> None:
    """Those of the catalogue that a node reads, those of the process, each once; of an empty history, no oldest."""
    await running.service.start()
    gathered = await metrics_of(running).families()
    names = [family.name for family in gathered]
    assert len(names) == len(set(names))
    read = {series.full_name.removesuffix("_total").removesuffix("_info") for series in SERIES if series.read}
    assert read - set(names) == {"sse_signals_history_oldest_timestamp_seconds"}
    assert {"process_resident_memory_bytes", "process_open_fds", "python_gc_collections"} <= set(names)


async def test_services_in_one_process_do_not_share_series(running: Running) -> None:
    """Each has a registry of its own, to which more can be added, and the one of the process stays as it was."""
    await running.service.start()
    here, there = metrics_of(running), metrics_of(running)

    class Extra(Collector):
        def collect(self) -> list[Metric]:
            return [GaugeMetricFamily("sse_signals_extra", "Something more.", value=5)]

    here.registry.register(Extra())
    assert (await scraped(here))["extra"] == 5
    assert "extra" not in await scraped(there)
    everywhere = await asyncio.to_thread(lambda: list(REGISTRY.collect()))
    assert not any(family.name.startswith("sse_signals") for family in everywhere)


async def test_who_asks_at_once_shares_an_answer(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred scrapes at the same time are two: the one that runs, and one that has not begun before any of them."""
    await running.service.start()
    looks = mock.Mock(side_effect=sum_up)
    monkeypatch.setattr(metrics_module, "sum_up", looks)
    metrics = metrics_of(running)
    running.cable.heads = 0
    await asyncio.gather(*[metrics.families() for _ in range(100)])
    assert looks.call_count == 2
    assert running.cable.heads == 1


async def test_the_log_is_asked_how_far_this_node_is_behind(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again when its answer has become old, and a node that is ahead by then is not behind by less."""
    head = await running.publish(1, 2, 3)
    await running.reached_after_start(head)
    metrics = metrics_of(running)
    assert (await scraped(metrics))["broker_lag_records"] == 0
    running.cable.answer = EventId(head.epoch, position(42))
    assert (await scraped(metrics))["broker_lag_records"] == 0
    assert running.cable.heads == 1
    monkeypatch.setattr(metrics_module, "KEPT", 0.0)
    metrics = metrics_of(running)
    assert (await scraped(metrics))["broker_lag_records"] == 41
    running.cable.answer = EventId(head.epoch, position(0))
    assert (await scraped(metrics))["broker_lag_records"] == 0
    running.cable.answer = EventId("otherepoch", position(42))
    assert "broker_lag_records" not in await scraped(metrics)


async def test_a_log_that_does_not_answer_is_not_waited_for(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The series is absent, all others are there; and a log that is known to be away is not even asked."""
    monkeypatch.setattr(metrics_module, "PATIENCE", 0.01)
    monkeypatch.setattr(metrics_module, "KEPT", 0.0)
    await running.service.start()
    metrics = metrics_of(running)
    running.cable.slow = asyncio.Event()
    readings = await scraped(metrics)
    assert readings["broker_up"] == 1
    assert "broker_lag_records" not in readings
    running.cable.slow.set()
    await until(lambda: running.service._asking is None)
    running.cable.pulled = True
    assert "broker_lag_records" not in await scraped(metrics)
    await running.publish(1)
    await until(lambda: running.service.follower.failures >= 2)
    running.cable.heads, running.cable.slow = 0, asyncio.Event()
    readings = await scraped(metrics)
    assert readings["broker_up"] == readings["broker_reconnects_total"] == 0
    assert readings["broker_failures_total"] >= 2
    running.cable.slow.set()
    running.cable.pulled = False
    await until(lambda: running.service.ready)
    running.cable.slow = None
    readings = await scraped(metrics)
    assert readings["broker_up"] == readings["broker_reconnects_total"] == 1
    assert readings["signals_total"] == 1


async def test_what_listens_in_the_process_is_no_stream(running: Running) -> None:
    """Only streams with a connection count."""
    await running.service.start()
    subscription = Subscription(running.service.node, EVERYTHING, ANONYMOUS, None)
    subscription.open(Live(), NOTHING)
    reading = asyncio.ensure_future(subscription.__anext__())
    await running.publish(1)
    await reading
    readings = await scraped(metrics_of(running))
    assert (readings["streams"], readings["streams_limit"], readings["revocations_total"]) == (0, 7, 3)
    assert readings["streams_behind"] == readings["fell_behind_total"] == readings["delivered_total"] == 0
    subscription.close()


async def test_publishes_are_counted_at_the_log(running: Running) -> None:
    """By outcome, with their signals and their time."""
    await running.service.start()
    await running.service.publish([Signal(b"1"), Signal(b"2")])
    running.cable.pulled = True
    with pytest.raises(BrokerUnavailable):
        await running.service.publish([Signal(b"3")])
    readings = await scraped(metrics_of(running))
    assert readings["publishes_total accepted"] == readings["publishes_total unavailable"] == 1
    assert readings["published_signals_total"] == 2
    assert readings["publish_seconds_count"] == 1
    assert readings["history_events"] in {0, 2}

"""The crew: workers ask each other through sockets in a private folder; here they are all in one process."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import stat
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from structlog.testing import capture_logs

from sse_signals.errors import ConfigurationError
from sse_signals.metrics.crew import Crew
from sse_signals.metrics.joined import Joined, packed
from sse_signals.own_port import Membership, crew_port
from sse_signals.server import Running, running
from sse_signals.settings import load
from sse_signals.web.metrics_port import WholeCrew
from tests.scraping import values
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from prometheus_client.core import Metric

OPENMETRICS = "Accept: application/openmetrics-text"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have workers that do not hang be waited for, however busy the machine is."""
    monkeypatch.setattr("sse_signals.metrics.crew.PATIENCE", 30.0)


def worker(
    number: int, crew: Crew, *, parent: int | None = None, **options: Any
) -> AbstractAsyncContextManager[Running]:
    """Run a worker in this process; all of them have a log of their own, since none is needed here."""
    settings = load({}, {"port": 0, **options})
    member = Membership(number, crew, os.getppid() if parent is None else parent)
    return running(settings, structlog.get_logger(), member=member)


async def scraped(hub: Running, *headers: str) -> dict[tuple[str, str], float]:
    """Scrape a hub at its own port."""
    return values(await ask(hub.url, request("GET", "/signals/metrics", *headers)))


async def test_each_worker_answers_for_all() -> None:
    """Each series of each worker is there once, with its number; who begins, ends or hangs is seen in the count."""
    async with AsyncExitStack() as stack:
        crew = await stack.enter_async_context(crew_port(load({}, {}), structlog.get_logger()))
        mode = (await asyncio.to_thread(os.stat, crew.folder)).st_mode
        assert stat.S_IMODE(mode) == 0o700
        crew = Crew(crew.folder, 2)
        first = await stack.enter_async_context(worker(1, crew))
        told = await scraped(first)
        assert (told["sse_signals_workers", ""], told["sse_signals_workers_answering", ""]) == (2, 1)
        assert {of for _, of in told} == {"", "1"}
        async with worker(2, crew, canary=0.01) as second:
            assert (await ask(first.url, request("POST", "/signals/publish?topic=a", body=b"1"))).status == 202
            for hub in (first, second):
                told = await scraped(hub)
                assert told["sse_signals_workers_answering", ""] == 2
                assert told["sse_signals_ready", "1"] == told["sse_signals_ready", "2"] == 1
                assert told["sse_signals_signals_total", "1"] == 1
                assert ("sse_signals_canary_sent_total", "2") in told
                assert ("sse_signals_canary_sent_total", "1") not in told
                assert {name for name, of in told if not of} == {"sse_signals_workers", "sse_signals_workers_answering"}
            answer = await ask(second.url, request("GET", "/signals/metrics", OPENMETRICS))
            assert answer.body.count(b"# EOF\n") == 1
            assert b'process_resident_memory_bytes{worker="2"}' in answer.body
            with (
                mock.patch.object(second.service.site.metrics, "families", asyncio.Event().wait),
                mock.patch("sse_signals.metrics.crew.PATIENCE", 2.0),
            ):
                told = await scraped(first)
                assert (told["sse_signals_workers_answering", ""], {of for _, of in told}) == (1, {"", "1"})
        assert (await scraped(first))["sse_signals_workers_answering", ""] == 1


async def test_who_takes_a_place_is_asked_instead() -> None:
    """From when the next one is there it is asked, with new counters, and the end of the one before changes nothing."""
    async with crew_port(load({}, {}), structlog.get_logger()) as crew, AsyncExitStack() as stack:
        before = await stack.enter_async_context(worker(1, crew))
        assert (await ask(before.url, request("POST", "/signals/publish?topic=a", body=b"1"))).status == 202
        assert (await scraped(before))["sse_signals_signals_total", "1"] == 1
        async with worker(1, crew) as after:
            await stack.aclose()
            assert (await scraped(after))["sse_signals_signals_total", "1"] == 0
            assert await asyncio.to_thread(os.listdir, crew.folder) == ["1.sock"]
        assert await asyncio.to_thread(os.listdir, crew.folder) == []
    assert not await asyncio.to_thread(Path(crew.folder).exists)


async def test_who_drains_is_told_of_beside_who_has_taken_its_place() -> None:
    """Its streams are open until it has sent them away, and are counted with what it has done; it is no worker more."""
    async with crew_port(load({}, {}), structlog.get_logger()) as crew, AsyncExitStack() as stack:
        before = await stack.enter_async_context(worker(1, crew))
        assert (await ask(before.url, request("POST", "/signals/publish?topic=a", body=b"1"))).status == 202
        async with worker(1, crew) as after:
            told = await scraped(after)
            assert told["sse_signals_signals_total", "1-before"] == 1
            assert told["sse_signals_signals_total", "1"] == 0
            assert told["sse_signals_workers_answering", ""] == 1
            await stack.aclose()
            assert {of for _, of in await scraped(after)} == {"", "1"}


async def test_who_was_there_is_asked_again_when_the_next_one_leaves_first() -> None:
    """As when it could not follow the log; and whoever is gone by then is not left behind."""
    async with crew_port(load({}, {}), structlog.get_logger()) as crew, worker(1, crew) as before:
        assert (await ask(before.url, request("POST", "/signals/publish?topic=a", body=b"1"))).status == 202
        async with worker(1, crew) as after:
            assert (await scraped(after))["sse_signals_signals_total", "1"] == 0
        assert (await scraped(before))["sse_signals_signals_total", "1"] == 1
        assert await asyncio.to_thread(os.listdir, crew.folder) == ["1.sock"]


async def test_scrapes_of_a_crew_at_the_same_time_share_one() -> None:
    """However many ask its port at once, workers are asked by one of them and by the next, not by each."""
    crew, asked, go = Crew("/dev/null", 1), 0, asyncio.Event()

    async def exposition(_: Crew) -> list[Metric]:
        nonlocal asked
        asked += 1
        await go.wait()
        return []

    with mock.patch.object(Crew, "exposition", exposition):
        whole = WholeCrew(crew)
        scrapes = [asyncio.create_task(whole.exposition()) for _ in range(50)]
        await asyncio.sleep(0)
        go.set()
        assert await asyncio.gather(*scrapes) == [[]] * 50
    assert asked <= 2


async def test_the_last_of_orphans_takes_the_folder_along() -> None:
    """A process that is killed cannot remove what it made; the workers that it leaves behind do."""
    async with crew_port(load({}, {}), structlog.get_logger()) as crew:
        async with worker(1, crew, parent=1), worker(2, crew, parent=1):
            pass
        assert not await asyncio.to_thread(Path(crew.folder).exists)


async def test_the_port_of_a_crew() -> None:
    """It answers for all workers, also while there is none: then it lives, and is not ready."""
    settings = load({"SIGNALS_METRICS_PORT": "0", "SIGNALS_WORKERS": "2", "SIGNALS_BROKER": "redis://localhost"}, {})
    async with AsyncExitStack() as stack:
        with capture_logs() as lines:
            crew = await stack.enter_async_context(crew_port(settings, structlog.get_logger()))
        url = str(lines[0]["url"]).removesuffix("/metrics")
        nobody = await ask(url, request("GET", "/health/ready"))
        assert (nobody.status, nobody.kind) == (503, "no-worker")
        assert (await ask(url, request("GET", "/health/live"))).status == 200
        told = values(await ask(url, request("GET", "/metrics")))
        assert told == {("sse_signals_workers", ""): 2, ("sse_signals_workers_answering", ""): 0}
        only = await stack.enter_async_context(worker(2, crew, metrics_port=0))
        assert (await ask(url, request("GET", "/signals/health/ready"))).json == {"status": "ready"}
        assert values(await ask(url, request("GET", "/metrics")))["sse_signals_ready", "2"] == 1
        assert (await ask(only.url, request("GET", "/signals/metrics"))).kind == "metrics-elsewhere"
        await only.service.drain()
        unready = await ask(url, request("GET", "/health/ready"))
        assert (unready.status, unready.kind, unready.headers["Retry-After"]) == (503, "shutdown", "2")
        await stack.enter_async_context(worker(1, crew, metrics_port=0))
        assert (await ask(url, request("GET", "/health/ready"))).json == {"status": "ready"}


async def test_one_that_hangs_does_not_keep_probes_waiting() -> None:
    """As soon as one worker says that it is ready that is the answer; if none does, one that is there says why."""
    async with crew_port(load({}, {}), structlog.get_logger()) as alone, AsyncExitStack() as stack:
        crew = Crew(alone.folder, 3)
        hanging = stack.enter_context(socket.socket(socket.AF_UNIX))
        await asyncio.to_thread(hanging.bind, crew.socket_of(1))
        hanging.listen()
        draining = await stack.enter_async_context(worker(2, crew))
        await draining.service.drain()
        with mock.patch("sse_signals.metrics.crew.PATIENCE", 2.0):
            said = await crew.ready()
        assert said is not None
        assert (said.status, said.retry_after) == (503, "2")
        await stack.enter_async_context(worker(3, crew))
        with mock.patch("sse_signals.metrics.crew.PATIENCE", 600.0):
            async with asyncio.timeout(30):
                said = await crew.ready()
        assert said is not None
        assert (said.status, said.body) == (200, b'{"status":"ready"}\n')


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """It stops the start with a sentence that says what to set."""
    long = tmp_path / ("a" * 100)
    await asyncio.to_thread(long.mkdir)
    for folder, sentence in ((tmp_path / "none", "none can be made"), (long, "is too long")):
        with (
            mock.patch.object(tempfile, "tempdir", str(folder)),
            pytest.raises(ConfigurationError, match=rf"{sentence}.*: set TMPDIR to one "),
        ):
            async with crew_port(load({}, {}), structlog.get_logger()):
                pass
    assert await asyncio.to_thread(os.listdir, long) == []


def test_what_workers_tell_each_other() -> None:
    """Numbers that JSON has not got, labels and several samples of a family arrive as they were."""
    family = GaugeMetricFamily("a", "What it is.", labels=["b"])
    for number, value in enumerate((math.nan, math.inf, -math.inf, 0.1, 2.0**60)):
        family.add_metric([f'"{number}\n'], value)
    joined = Joined()
    joined.add(packed([family]), "1")
    joined.add(packed([family, CounterMetricFamily("c", "Another.", value=3)]), "2")
    one, two = joined.families
    assert (one.name, one.documentation, one.type, two.name, two.type) == ("a", "What it is.", "gauge", "c", "counter")
    for number, sample in enumerate(one.samples):
        assert sample.labels == {"b": f'"{number % 5}\n', "worker": str(1 + number // 5)}
        assert repr(sample.value) == repr(family.samples[number % 5].value)
    assert [(sample.name, sample.labels, sample.value) for sample in two.samples] == [("c_total", {"worker": "2"}, 3)]


async def test_a_worker_whose_folder_is_gone_serves_all_the_same(tmp_path: Path) -> None:
    """Somebody may tidy up below TMPDIR: the next worker that starts says so once, and clients notice nothing."""
    with capture_logs() as logs:
        async with worker(1, Crew(str(tmp_path / "gone"), 1)) as hub:
            assert (await ask(hub.url, request("GET", "/signals/health/ready"))).status == 200
            assert (await scraped(hub))["sse_signals_workers_answering", ""] == 0
    (told,) = (entry for entry in logs if entry["event"] == "worker cannot be asked")
    assert told["reason"] == "No such file or directory"

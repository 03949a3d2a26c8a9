"""What all tests share: real hubs and brokers on free ports, a guard against calls that block the loop, and turns."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from blockbuster import BlockBuster
from coverage import Coverage
from hypothesis import settings as hypothesis_settings

from sse_signals.server import Running, running
from sse_signals.settings import load
from tests.brokers.servers import NatsServer, RedisServer

pytest_plugins = ["tests.secrets_in_output"]
StartHub = Callable[..., Any]
HERE = Path(__file__).parent

# How long an example takes says something about the machine, and nothing about the code.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")


# What these tests do most of the time is wait. The first process begins with them, and the others take from the end of
# its list what they can, so that none is left at the end for a process alone.
WAIT_MOST = ("tests/faults/", "tests/test_workers", "tests/e2e/", "tests/deploy/", "tests/brokers/")


# What these run is run by other tests as well. Looking for its lines once more would take twice the time.
RUN_ELSEWHERE = (
    "tests/bench/",
    "tests/deploy/",
    "tests/e2e/",
    "tests/faults/",
    "tests/js/",
    "tests/rules/",
    "tests/web/documents/test_schemathesis.py",
    "tests/web/test_cluster_leaks.py",
    "tests/web/test_leak_oracle.py",
    "tests/wire/test_agreement.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have those tests come first that wait most, and no lines be looked for in some."""
    for item in items:
        if item.nodeid.startswith(RUN_ELSEWHERE):
            item.add_marker("no_cover")
    items.sort(key=lambda item: next((n for n, room in enumerate(WAIT_MOST) if item.nodeid.startswith(room)), 1 << 10))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the plugin that ends slow tests: waiting is not being slow
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test that is marked ``alone`` beside no other, and the others beside each other."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    with turn(alone=item.get_closest_marker("alone") is not None), followed(yes=item.nodeid.startswith(FOLLOWED)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what a test has logged and no worker could send: lone surrogates, which some tests are about."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


# Where tests start processes of which nothing is run within pytest. Elsewhere following them for the coverage as well
# would make each of them slower, and find nothing.
FOLLOWED = (
    "tests/bench_clients/",
    "tests/client/",
    "tests/commands/",
    "tests/conformance/",
    "tests/doctor/",
    "tests/testing/",
    "tests/test_",
)


@contextlib.contextmanager
def followed(*, yes: bool) -> Iterator[None]:
    """Keep from the processes that a test starts what has them look for the lines that they run, unless they should."""
    found = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_PROCESS_") and not yes}
    for name in found:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(found)


@contextlib.contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Hold a place among the tests that run, or the only one, which all workers know by the locks of two folders."""
    door, room = (os.open(folder, os.O_RDONLY) for folder in (HERE, HERE / "bench"))
    try:
        # Who waits for the room holds the door, so that those who come later cannot go in first for ever.
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
    finally:
        # Not only closed, because processes that a test has forked would hold it on.
        fcntl.flock(room, fcntl.LOCK_UN)
        os.close(door)
        os.close(room)


@pytest.fixture(autouse=True)
def structlog_as_it_was() -> Iterator[None]:
    """Undo what a test, or what it runs, has set for all loggers of this process."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail any test in which the event loop is blocked, but by coverage: its tracer shares a lock among threads."""
    tracing = getattr(Coverage.current(), "_collector", None)
    guard = BlockBuster()
    acquire = guard.functions["threading.Lock.acquire"]
    harmless = acquire.can_block_predicate

    def may_block(lock: object, *how: object, **more: object) -> bool:
        return lock is getattr(tracing, "data_lock", guard) or harmless(lock, *how, **more)

    acquire.can_block_predicate = may_block
    guard.activate()
    try:
        yield guard
    finally:
        guard.deactivate()


@pytest.fixture
async def start_hub() -> AsyncIterator[StartHub]:
    """Start hubs with any settings, given by name; they end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options: Any) -> Running:
            settings = load({}, {"port": 0, **options})
            return await stack.enter_async_context(running(settings, structlog.get_logger("sse_signals")))

        yield start


@pytest.fixture
async def hub(start_hub: StartHub) -> Running:
    """A hub with the default settings."""
    started: Running = await start_hub()
    return started


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client without limits of its own."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        yield session


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server for many tests."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A NATS server for many tests; one that need not wait for its disk."""
    server = NatsServer(tmp_path_factory.mktemp("nats"), sync="2m").start()
    yield server
    server.stop()

"""The kit as its users have it: small test suites of their own, each run by a pytest of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

pytest_plugins = ["pytester"]

PLUGIN: Final = 'pytest_plugins = ["sse_signals.testing"]\n'
HEAD: Final = """
import threading
import httpx
import pytest
import sse_signals

def pay(hub, number):
    signal = {"topic": f"orders/{number}", "message": {"status": "paid"}}
    assert httpx.post(f"{hub.url}/publish", json=signal).status_code == 202
"""

Suite = Callable[..., pytest.RunResult]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Run a suite of one file, with all warnings as errors and unknown markers as well; it ends in time."""

    def run(tests: str, *arguments: str, conftest: str = PLUGIN, measured: bool = False) -> pytest.RunResult:
        if not measured:  # its coverage, which takes three times as long
            monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        pytester.makeconftest(conftest)
        pytester.makepyfile(HEAD + tests)
        # As in this project's own settings, what concerns pytest-asyncio.
        scope = (
            "-o",
            "asyncio_default_fixture_loop_scope=function",
            "-W",
            "ignore:unclosed event loop:ResourceWarning",
        )
        strict = ("-W", "error", *scope, "--strict-markers", "-p", "no:cacheprovider", "-p", "no:cov")
        return pytester.runpytest_subprocess(*strict, *arguments, timeout=100)

    return run


def test_synchronous_tests(suite: Suite) -> None:
    """The plugin gives the fixture and its marker; each test has a hub of its own."""
    result = suite(
        """
def test_publishing(signals_hub):
    pay(signals_hub, 1)
    assert signals_hub.expect("orders/*").message == {"status": "paid"}

def test_another(signals_hub):
    assert not signals_hub.published

@pytest.mark.signals_hub(authentication=True)
def test_with_authentication(signals_hub):
    assert httpx.get(signals_hub.url + "/stream").status_code == 401
    headers = {"Authorization": "Bearer " + signals_hub.token("jane")}
    assert httpx.get(signals_hub.url + "/stream?poll=1", headers=headers).status_code == 200
""",
        measured=True,
    )
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("plugin", ["asyncio", "anyio"])
def test_asynchronous_tests(suite: Suite, plugin: str) -> None:
    """Whichever plugin runs them."""
    result = suite(f"""
import aiohttp

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.{plugin}
async def test_listening(signals_hub):
    async with aiohttp.ClientSession() as session, session.get(signals_hub.url + "/stream?topic=a") as stream:
        await signals_hub.wait_for_streams_async(1)
        signals_hub.publish("hello", topic="a")
        while "hello" not in (await stream.content.readline()).decode():
            pass
        with signals_hub.cut():
            with pytest.raises(aiohttp.ClientPayloadError):
                await stream.content.read()
        async with session.post(signals_hub.url + "/publish", json={{"topic": "b", "message": 1}}) as answer:
            assert answer.status == 202
        await signals_hub.expect_async("b", message=1)
""")
    result.assert_outcomes(passed=1)


def test_a_failure_tells_what_came_instead(suite: Suite) -> None:
    """In the words of the kit, and without its inner workings."""
    result = suite("""
def test_it(signals_hub):
    pay(signals_hub, 2)
    signals_hub.expect("orders/1", within=0.05)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *AssertionError: nothing like it was published within 0.05 s: topic 'orders/1'",
            "E *What was published instead, nearest first:",
            'E *topic \'orders/2\': {"status":"paid"}',
        ]
    )
    for inner in ("ledger", "expecting", "expectation", "kit"):
        result.stdout.no_fnmatch_line(f"*{inner}.py*")


def test_markers_add_up(suite: Suite) -> None:
    """What the class says holds for its tests as well; the nearest wins; an option without its name is refused."""
    result = suite(
        """
@pytest.mark.signals_hub(authentication=True, prefix="/far")
class TestIt:
    @pytest.mark.signals_hub(heartbeat=1.0, prefix="/near")
    def test_both(self, signals_hub):
        assert signals_hub.url.endswith("/near")
        headers = {"Authorization": "Bearer " + signals_hub.token("jane")}
        assert '"heartbeat":1,' in httpx.get(signals_hub.url + "/stream?poll=1", headers=headers).text
        assert httpx.get(signals_hub.url + "/stream").status_code == 401

    @pytest.mark.signals_hub(True)
    def test_one_has_no_name(self, signals_hub):
        pass
""",
        measured=True,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*signals_hub(True): its options have names*"])


def test_what_is_not_awaited_fails(suite: Suite) -> None:
    """A test that forgot to await has seen nothing: it must not pass, whichever kind of test it is."""
    result = suite(
        """
@pytest.mark.asyncio
@pytest.mark.parametrize("call", [
    lambda hub: hub.expect_async("a"),
    lambda hub: hub.expect_nothing_async("a", for_=0),
    lambda hub: hub.wait_for_streams_async(1),
])
async def test_forgotten(signals_hub, call):
    call(signals_hub)

def test_synchronous(signals_hub):
    signals_hub.expect_async("a")

@pytest.mark.asyncio
async def test_as_a_task(signals_hub):
    import asyncio
    waiting = asyncio.create_task(signals_hub.expect_nothing_async("a", for_=0.01))
    asyncio.create_task(signals_hub.expect_async("a")).cancel()
    await waiting
"""
    )
    result.assert_outcomes(passed=5, errors=4)
    for name in ("expect_async", "expect_nothing_async", "wait_for_streams_async"):
        result.stdout.fnmatch_lines([f"E *AssertionError: {name} was called and not awaited*await hub.{name}(*"])


def test_an_open_stream_holds_nobody(suite: Suite) -> None:
    """Neither one that is left open, nor one that another thread reads, nor one that was stalled or cut."""
    result = suite(
        """
def read(url):
    with pytest.raises(httpx.TransportError), httpx.stream("GET", url + "/stream", timeout=30) as stream:
        list(stream.iter_lines())

@pytest.mark.parametrize("fault", ["none", "cut", "stall"])
def test_it(signals_hub, fault, request):
    reader = threading.Thread(target=read, args=(signals_hub.url,))
    reader.start()
    request.config.readers = [*getattr(request.config, "readers", []), reader]
    client = httpx.Client()
    request.addfinalizer(client.close)
    stream = client.stream("GET", signals_hub.url + "/stream")
    stream.__enter__()
    signals_hub.wait_for_streams(2)
    if fault != "none":
        getattr(signals_hub, fault)().__enter__()

def test_readers_have_ended(request):
    for reader in request.config.readers:
        reader.join(30)
        assert not reader.is_alive()
""",
        "--durations=0",
        "-vv",
    )
    result.assert_outcomes(passed=4)
    ends = [float(line.split("s ")[0]) for line in result.outlines if " teardown " in line and "test_it" in line]
    assert len(ends) == 3
    assert max(ends) < 1.5, ends


def test_many_at_once(suite: Suite) -> None:
    """Suites that run in several processes."""
    result = suite(
        """
@pytest.mark.parametrize("number", range(4))
def test_it(signals_hub, number):
    pay(signals_hub, number)
    signals_hub.expect(f"orders/{number}")
    assert len(signals_hub.published) == 1
""",
        "-n2",
    )
    result.assert_outcomes(passed=4)


def test_a_hub_for_all_tests(suite: Suite) -> None:
    """A fixture of one's own, with the fixture itself imported instead of loaded as a plugin."""
    result = suite(
        """
def test_one(shared_hub, signals_hub):
    pay(shared_hub, 1)
    shared_hub.expect("orders/1")
    assert not signals_hub.published

def test_two(shared_hub):
    assert len(shared_hub.published) == 1
    shared_hub.forget()
    shared_hub.expect_nothing("*", for_=0)
""",
        conftest="""
import pytest
from sse_signals import HistoryLimits
from sse_signals.testing import hub, signals_hub

@pytest.fixture(scope="session")
def shared_hub():
    with hub(heartbeat=1.0, history=HistoryLimits(count=100)) as running:
        yield running
""",
    )
    result.assert_outcomes(passed=2)

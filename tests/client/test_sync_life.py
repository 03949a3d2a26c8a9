"""A synchronous client ends when it is told to, in any thread and process, and whatever the network does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from sse_signals import BrokerUnavailable, ConfigurationError
from sse_signals.client import subscribing
from sse_signals.client.sync_stream import SyncStream
from sse_signals.testing import SignalsHub, hub
from tests.client.sync_world import OPEN, STREAM, client, frame, in_thread, network, reads, script, scripted, silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sse_signals import SyncSignalsClient

SOON: Final = 10.0  # seconds in which what is closed has ended, also on a busy machine; it takes milliseconds


@contextmanager
def ending_soon(seconds: float = SOON) -> Iterator[None]:
    """Fail if what happens here takes time."""
    since = time.monotonic()
    yield
    assert time.monotonic() - since < seconds


def test_another_thread_may_close_a_stream(signals_hub: SignalsHub) -> None:
    """The iteration ends, after what has come; the hub hears of it."""
    with client(signals_hub.url) as catalog, catalog.subscribe() as stream:
        with ending_soon(), in_thread(lambda: list(stream)) as outcome:
            signals_hub.publish(1)
            while not reads(stream):
                time.sleep(0.001)
            stream.close()
            stream.close()
        assert [signal.message for signal in outcome[0]] in ([], [1])
        assert isinstance(stream, SyncStream)
        assert stream._wire is None  # whoever was reading has let it go
        signals_hub.wait_for_streams(0)
        assert list(stream) == []
    assert not catalog._hub._streams  # nor does the client hold on to it


def test_closing_the_client_ends_all_its_streams(signals_hub: SignalsHub) -> None:
    """Those that are being read, and those that are not."""
    catalog = client(signals_hub.url)
    with catalog.subscribe() as idle, catalog.subscribe() as busy:
        with ending_soon(), in_thread(lambda: list(busy)) as outcome:
            catalog.close()
        assert outcome == [[]]
        signals_hub.wait_for_streams(0)
        assert list(idle) == []
        with pytest.raises(RuntimeError, match="closed"):
            catalog.publish(1)


@pytest.mark.parametrize("harm", ["half_open", "cut", "strand"])
def test_leaving_never_hangs(harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on a network that is silent, nor one that is gone, nor between two tries."""
    monkeypatch.setattr(subscribing, "LONGEST", 10_000.0)
    with hub(retry=10_000.0) as slow, network(slow) as between, client(between.url) as catalog:
        with catalog.subscribe() as stream:
            between.do(getattr(between.proxy, harm))
            with ending_soon(), in_thread(lambda: list(stream)):
                while not reads(stream):  # or waits to connect again
                    time.sleep(0.001)
                stream.close()
        between.do(between.proxy.restore)
        with catalog.subscribe() as stream:
            between.do(getattr(between.proxy, harm))
            left = time.monotonic()
        assert time.monotonic() - left < SOON


def test_a_stream_that_waits_for_its_next_try_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it would have waited."""
    monkeypatch.setattr(subscribing, "LONGEST", 100_000.0)
    with hub(retry=80_000.0) as slow, client(slow.url) as catalog, catalog.subscribe() as stream:
        assert isinstance(stream, SyncStream)
        with in_thread(lambda: list(stream)) as outcome:
            slow.cut()
            while stream._wire is not None:
                time.sleep(0.001)
            time.sleep(0.05)  # it has nothing left to do but to wait
            since = time.monotonic()
            stream.close()
        assert outcome == [[]]
        assert time.monotonic() - since < SOON


def test_a_stream_that_waits_for_its_answer_may_be_closed() -> None:
    """As long as there is none, there is nothing to read, and yet it ends."""
    with scripted(STREAM + OPEN + b"retry: 1\n\n", silence) as server, client(server.url) as catalog:
        with catalog.subscribe() as stream, ending_soon(), in_thread(lambda: list(stream)) as outcome:
            while len(server.heads) < 2:
                time.sleep(0.001)
            stream.close()
        assert outcome == [[]]


def test_a_stream_that_is_closed_before_it_is_connected() -> None:
    """By the function that gives its token, of all things: nothing is asked, or nothing is read."""
    with scripted(silence) as server:

        def token() -> str:
            catalog.close()
            return "token"

        catalog: SyncSignalsClient = client(server.url, token=token)
        with ending_soon(), pytest.raises(BrokerUnavailable, match="token"), catalog.subscribe():
            pass
        catalog = client(server.url)
        link = catalog._hub.link()
        wire = link.wire()
        wire.shut()  # while it connects
        assert "shut" in repr(wire.send(catalog._hub.url.stream(catalog._plugin.filters((), ()), None, None), 1.0))
        assert "shut" not in repr(wire.body(1.0))
        wire.close()
        assert repr(link.wire().read(1.0)) == repr(link.wire().body(1.0))
        catalog.close()


class Interrupted(BaseException):
    """What a signal handler raises."""


def test_an_interrupted_iteration_may_be_gone_on_with(signals_hub: SignalsHub) -> None:
    """A signal ends the waiting at once, and what comes after it is what would have come."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with client(signals_hub.url) as catalog, catalog.subscribe() as stream:
            catalog.publish(1)
            assert next(stream).message == 1
            timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
            timer.start()
            with ending_soon(), pytest.raises(Interrupted):
                next(stream)
            timer.join()
            catalog.publish(2)
            assert next(stream).message == 2
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(("where", "name"), [("_course", "feed"), ("_inbox", "put")])
def test_what_was_read_when_it_was_interrupted_is_read_again(
    signals_hub: SignalsHub, monkeypatch: pytest.MonkeyPatch, where: str, name: str
) -> None:
    """A signal may come at any line: what was not given yet has not been taken, and is not given twice."""
    with client(signals_hub.url) as catalog, catalog.subscribe() as stream:
        assert isinstance(stream, SyncStream)
        change = getattr(getattr(stream, where), name)

        def interrupted(given: Any) -> Any:
            change(given)
            monkeypatch.undo()
            raise Interrupted

        monkeypatch.setattr(getattr(stream, where), name, interrupted)
        catalog.publish(1)
        with pytest.raises(Interrupted):
            next(stream)
        catalog.publish(2)
        assert [next(stream).message, next(stream).message] == [1, 2]


@pytest.mark.parametrize("doing", ["next(stream)", "client.publish(1)"])
def test_ctrl_c_ends_a_program_at_once(doing: str) -> None:
    """Whether it listens, or publishes to a hub that does not answer."""
    with scripted(STREAM + OPEN, silence) as server:
        head = "with SyncSignalsClient.for_plugin('a', url=url) as client, client.subscribe() as stream:"
        # Whoever runs the tests in the background has it ignored, which a program inherits.
        heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        program = subprocess.Popen([*script(heard, head, f"    {doing}"), server.url], stderr=subprocess.PIPE)
        try:
            while len(server.heads) < 2 and program.poll() is None:
                time.sleep(0.001)
            with ending_soon(20.0):  # of which a process's end takes some, on a busy machine; what it waits for more
                program.send_signal(signal.SIGINT)
                _, told = program.communicate(timeout=60)
        finally:
            program.kill()
            program.communicate()
    assert told.strip().endswith(b"KeyboardInterrupt")
    assert b"ResourceWarning" not in told


def test_without_urllib3_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a client is made, and not when the package is imported; what else is missing is no such thing."""
    make: Callable[[], object] = lambda: client("http://127.0.0.1:1")  # noqa: E731
    for missing, error, text in (
        ("urllib3.connection", ConfigurationError, r"needs the package urllib3: .*'\.\[sync\]' in the checkout"),
        ("sse_signals.client.answers", ModuleNotFoundError, "answers"),
    ):
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, "sse_signals.client.sync_http", raising=False)
            patch.setitem(sys.modules, missing, None)
            with pytest.raises(error, match=text):
                make()
    make()


def test_what_a_client_is_made_with_is_checked() -> None:
    """As for the asynchronous one."""
    with pytest.raises(ConfigurationError, match="timeout"):
        client("http://127.0.0.1:1", timeout=0)
    with pytest.raises(ConfigurationError, match="URL"):
        client("redis://127.0.0.1")


def test_two_threads_may_share_a_stream() -> None:
    """Each event goes to one of them."""
    frames = b"".join(map(frame, range(200)))
    with scripted(STREAM + OPEN + frames, silence) as server, client(server.url) as catalog:
        with catalog.subscribe() as stream, in_thread(lambda: [next(stream).message for _ in range(100)]) as outcome:
            mine = [next(stream).message for _ in range(100)]
        assert sorted([*mine, *outcome[0]]) == list(range(200))

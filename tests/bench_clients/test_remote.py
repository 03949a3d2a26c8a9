"""Objects in processes of their own."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Never

import pytest

from sse_signals.bench.remote import Remote, now_us
from sse_signals.errors import LoadFailed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


class Servant:
    """Something to call."""

    def __init__(self, start: int) -> None:
        if start < 0:
            raise LoadFailed("It cannot be made.")
        self.value = start

    def wait(self, calls: Connection) -> None:
        self.calls = calls
        calls.poll(None)

    def add(self, number: int) -> int:
        self.value += number
        return self.value

    def fail(self) -> Never:
        raise LoadFailed("It cannot be done.")

    def hang(self) -> None:
        threading.Event().wait()

    def interrupt(self) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return True

    def end(self) -> None:
        os._exit(1)

    def end_with_a_call_waiting(self) -> None:
        self.calls.poll(None)
        os._exit(1)

    def cores(self) -> set[int]:
        return os.sched_getaffinity(0)

    def pid(self) -> int:
        return os.getpid()


def test_calls_are_answered_in_their_order() -> None:
    """The object keeps its state, elsewhere; what it raises is raised here, and Ctrl-C does not end it."""
    with Remote(Servant, 5) as remote:
        assert remote.call("pid") != os.getpid()
        assert remote.call("add", 2) == 7
        remote.begin("add", 1)
        assert remote.done(10.0)
        assert remote.result() == 8
        with pytest.raises(LoadFailed, match="cannot be done"):
            remote.call("fail")
        assert remote.call("interrupt")
        assert remote.call("add", 0) == 8
        assert remote.cpu() > 0


def test_ctrl_c_while_it_starts() -> None:
    """It does not die of it either, and this process goes on hearing of it."""
    with Remote(Servant, 5) as remote:
        assert remote._process.pid is not None
        os.kill(remote._process.pid, signal.SIGINT)
        assert remote.call("add", 1) == 6
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_it_stays_on_its_core() -> None:
    """Where it is told to."""
    core = max(os.sched_getaffinity(0))
    with Remote(Servant, 5, core=core) as remote:
        assert remote.call("cores") == {core}


def test_what_cannot_be_made_is_told_with_the_first_call() -> None:
    """As an error, and not as a traceback of another process."""
    with Remote(Servant, -1) as remote, pytest.raises(LoadFailed, match="cannot be made"):
        remote.call("add", 1)
    with Remote(Servant, -1):
        pass  # nobody asked


def test_a_process_that_ends_too_early() -> None:
    """Its caller is told."""
    with Remote(Servant, 5) as remote, pytest.raises(RuntimeError, match="ended too early"):
        remote.call("end")
    with Remote(Servant, 5) as remote:
        remote.begin("end_with_a_call_waiting")
        with pytest.raises(RuntimeError, match="ended too early"):
            remote.call("add", 1)


def test_nobody_waits_for_a_call_whose_result_nobody_wants() -> None:
    """The process is ended with it."""
    with Remote(Servant, 5) as remote:
        pid = remote.call("pid")
        remote.begin("hang")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while."""
    monkeypatch.setattr("sse_signals.bench.remote._PATIENCE", 0.1)
    remote = Remote(Servant, 5)
    pid = remote.call("pid")
    os.kill(pid, signal.SIGSTOP)
    remote.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_clock_is_that_of_the_system() -> None:
    """It does not go backwards."""
    assert 0 < now_us() <= now_us()

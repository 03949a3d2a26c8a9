"""Running the command in this process, beside a hub in a thread."""

from __future__ import annotations

import _thread
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import pytest
from click.testing import CliRunner

from sse_signals.cli import main

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

DEADLINE = 30.0  # seconds


class Done(NamedTuple):
    """How the command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """What it has printed."""
        return self.stdout.splitlines()


@pytest.fixture
def blockbuster() -> None:
    """A command has its event loop to itself, and may wait for a disk or for who reads its output."""


def command(*arguments: str, stdin: str | bytes | io.BytesIO = "", **variables: str) -> Done:
    """Run it with these settings and no others."""
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("SIGNALS_")]:
            del os.environ[name]
        result = CliRunner().invoke(main, arguments, env=variables, input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def assert_told(done: Done, status: int, *parts: str) -> None:
    """Check that it failed with one sentence on stderr, and with nothing else but that it tried again."""
    assert (done.status, done.stdout) == (status, ""), done
    *tried, line = done.stderr.splitlines()
    assert len(tried) <= 1, done
    assert all(one.endswith("; trying again.") for one in tried), done
    assert line.startswith("sse-signals: ")
    assert line.endswith((".", "?"))
    for part in parts:
        assert part in line


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do something in a thread while the command runs; what goes wrong there fails the test."""

    def do() -> None:
        try:
            work()
        except BaseException:
            _thread.interrupt_main()  # what it waits for will not come
            raise

    with ThreadPoolExecutor(1) as threads:
        doing = threads.submit(do)
        try:
            yield
        finally:
            doing.result(DEADLINE)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    never = threading.Event()
    for _ in range(round(DEADLINE * 200)):
        if condition():
            return
        never.wait(0.005)
    raise AssertionError("it has not come to be so")

"""The command from its first moment on: Ctrl-C ends it without a traceback, whatever is being done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from sse_signals import __main__

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 30  # seconds
INTERRUPTED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("kept from whoever should see it")
"""


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture
def hurried(tmp_path: Path) -> Path:
    """A folder with a click that is interrupted while it is imported."""
    (tmp_path / "click.py").write_text(INTERRUPTED)
    return tmp_path


def begun(before: str = "") -> str:
    """Return a program that runs the command."""
    return f"{before}\nfrom sse_signals.__main__ import main; main()"


def test_ctrl_c_while_it_is_imported(hurried: Path) -> None:
    """It ends at once, without a word, with status 130."""
    done = run(begun(), PYTHONPATH=str(hurried))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_where_it_is_ignored(hurried: Path) -> None:
    """What was started so that Ctrl-C does not reach it goes on."""
    (hurried / "click.py").write_text(f"{INTERRUPTED}print('went on'); raise SystemExit(0)\n")
    done = run(begun("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"), PYTHONPATH=str(hurried))
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_ctrl_c_while_a_shell_completes() -> None:
    """Nothing is printed between what was typed and what the shell shows."""
    interrupted = (
        "import click.shell_completion as c, os, sys; sys.argv = ['sse-signals']; "
        "c.shell_complete = lambda *_: os.kill(os.getpid(), 2)"
    )
    done = run(begun(interrupted), _SSE_SIGNALS_COMPLETE="bash_complete")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


TERMINATED = "import os; os.kill(os.getpid(), 15)\nprint('went on'); raise SystemExit(3)"


def test_a_hub_that_is_stopped_while_it_is_imported(tmp_path: Path) -> None:
    """It ends with status 0, as one that serves; any other command ends by the signal, and so does who ignores it."""
    (tmp_path / "click.py").write_text(TERMINATED)
    where = {"PYTHONPATH": str(tmp_path)}
    done = run(begun("import sys; sys.argv = ['sse-signals', 'serve']"), **where)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run(begun("import sys; sys.argv = ['sse-signals', 'listen']"), **where)
    assert (done.returncode, done.stdout) == (-15, "")
    ignored = "import signal, sys; sys.argv = ['sse-signals', 'serve']; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    done = run(begun(ignored), **where)
    assert (done.returncode, done.stdout) == (3, "went on\n")


def test_a_hub_that_is_stopped_just_before_it_serves() -> None:
    """The settings are read, and the loop has not begun: it ends with status 0 as well."""
    stopped = "import asyncio, os, sys; sys.argv = ['sse-signals', 'serve', '--port', '0']"
    done = run(begun(f"{stopped}; asyncio.run = lambda _: os.kill(os.getpid(), 15)"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_the_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all is imported, Ctrl-C does what it did before."""
    found: list[object] = []
    monkeypatch.setattr("sse_signals.cli.main", lambda: found.append(signal.getsignal(signal.SIGINT)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        __main__.main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        __main__.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert found == [signal.default_int_handler, signal.SIG_IGN]


def test_ending_at_once() -> None:
    """Nothing else is done, with the status of an interruption."""
    with mock.patch("os._exit") as ended:
        __main__._end(signal.SIGINT, None)
    ended.assert_called_once_with(130)


def test_stopping_at_once() -> None:
    """Nothing else is done, with the status of a good end."""
    with mock.patch("os._exit") as ended:
        __main__._stop(signal.SIGTERM, None)
    ended.assert_called_once_with(0)


def test_an_interruption_that_nobody_has_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is status 130, too."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sse_signals.cli.main", interrupted)
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == 130

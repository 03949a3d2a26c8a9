"""What nobody has thought of ends a command with one sentence, too; and so does every stream that is not as usual."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from sse_signals.cli import COMMANDS
from sse_signals.commands import output
from sse_signals.commands.failures import fail
from sse_signals.testing import signals_hub
from tests.commands.running import assert_told, blockbuster, command

if TYPE_CHECKING:
    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]
PLAN = "sse_signals.commands.completion.write"
STREAMS = ("<&- >&-", "2>&-", ">/dev/full")
RUNS = {
    "serve": ["--port", "0", "--broker", "nothing"],
    "publish": ["a", "1"],
    "listen": ["--no-follow"],
    "top": ["--json", "--interval", "0.1"],
    "token": ["--subject", "user:default/ann"],
    "check": ["--json"],
    "doctor": ["http://127.0.0.1:1"],
    "bench": ["http://127.0.0.1:1"],
    "conformance": ["--list"],
    "completion": ["bash"],
}


def test_a_mistake_of_ours_is_one_sentence() -> None:
    """It says what and where, and nothing of the error's own text, which may hold a token."""
    for error, part in ((ValueError("secret-1"), "ValueError ("), (OSError(5, "No"), "OSError: No (")):
        with mock.patch(PLAN, side_effect=error):
            done = command("completion", "bash")
        assert_told(
            done, 1, "a mistake in sse-signals itself, ", part, "completion.py, line ", "SSE_SIGNALS_TRACEBACK=1"
        )
        assert "secret-1" not in done.stderr


def test_a_traceback_for_who_asks_for_one() -> None:
    """The error itself comes out."""
    with mock.patch(PLAN, side_effect=ValueError("why")), pytest.raises(ValueError, match="why"):
        command("completion", "bash", SSE_SIGNALS_TRACEBACK="1")


def test_a_stderr_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said leads nowhere, and not to stdout; one that is there stays as it is."""
    there = sys.stderr
    output.see_to_stderr()
    assert sys.stderr is there
    monkeypatch.setattr(sys, "stderr", None)
    output.see_to_stderr()
    assert sys.stderr is not None
    with sys.stderr as nowhere:
        assert nowhere.name == os.devnull


def test_a_stderr_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written there is dropped, since Python would try it again at the end and change the status."""
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        with pytest.raises(SystemExit) as ending:
            fail("nobody reads this", 4)
        assert ending.value.code == 4


def ended(url: str, arguments: list[str], streams: str) -> tuple[int, str, str]:
    """Run a command with its streams like that; return its exit status, and what it has said."""
    left_out = ["COVERAGE_"] if "2>/dev/full" in streams else []
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-m", "sse_signals", *arguments],
        env={
            # Where stderr is full, what measures coverage may have nowhere to write what it warns of.
            **{name: value for name, value in os.environ.items() if not name.startswith(("SIGNALS_", *left_out))},
            **({} if arguments[0] in {"serve", "check", "token"} else {"SIGNALS_URL": url}),
            **({"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": "s" * 32} if arguments[0] == "token" else {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.prints_secrets("the command token prints one, and its output is looked at")
@pytest.mark.parametrize("name", COMMANDS)
def test_streams_that_are_closed_or_full(signals_hub: SignalsHub, name: str) -> None:
    """Each command ends with a status that is documented and at most a sentence, and nothing goes to another stream."""
    signals_hub.publish(1, topic="a")
    arguments = [name, *RUNS[name]]
    with ThreadPoolExecutor(2) as threads:
        ends = list(threads.map(lambda streams: ended(signals_hub.url, arguments, streams), STREAMS))
    for status, stdout, stderr in ends:
        assert 0 <= status <= 4, stderr
        assert "a mistake in sse-signals itself" not in stderr
        assert len(stderr.splitlines()) <= 1, stderr
        assert not stdout.startswith(("sse-signals: ", "Error", "Traceback"))


@pytest.mark.parametrize(
    ("arguments", "streams", "end"),
    [
        (["--help"], ">/dev/full", (1, "", "sse-signals: the output cannot be written: No space left on device.\n")),
        (["publish", "--bad"], "2>&-", (2, "", "")),
        (["publish", "a", "-", "--url", "no"], "2>/dev/full", (2, "", "")),
    ],
)
def test_help_and_mistakes_where_nobody_reads_them(
    arguments: list[str], streams: str, end: tuple[int, str, str]
) -> None:
    """The status says it all the same."""
    assert ended("http://127.0.0.1:1", arguments, streams) == end


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["publish", "a", "1", "--token", "-"], "The token cannot come from stdin, which is closed: write @FILE."),
        (["publish", "a", "-"], "Nothing can come from stdin: it is closed."),
    ],
)
def test_a_stdin_that_is_closed(arguments: list[str], said: str) -> None:
    """That is told where something should come from there."""
    status, stdout, stderr = ended("http://127.0.0.1:1", arguments, "<&-")
    assert (status, stdout) == (2, "")
    assert said in stderr

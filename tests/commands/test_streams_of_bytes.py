"""The command as one piece of a pipe, in a process of its own: what it reads and what reads it."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from sse_signals.commands.listen.attended import attended
from sse_signals.commands.publish.contents import given, standard_input
from sse_signals.errors import ConfigurationError, MessageTooLarge
from sse_signals.testing import signals_hub
from tests.commands.running import blockbuster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]
COMMAND = [sys.executable, "-m", "sse_signals"]


@contextmanager
def running(hub: SignalsHub, *arguments: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """Run the command; it is killed if it is still there at the end."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "SIGNALS_URL": hub.url},
        text=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_lines_come_out_as_they_come_in(signals_hub: SignalsHub) -> None:
    """Neither end waits for more, as with ``tail -f``."""
    with (
        running(signals_hub, "publish", "a", "--lines", stdin=subprocess.PIPE) as publish,
        running(signals_hub, "listen", "a") as listen,
    ):
        assert publish.stdin and publish.stdout and listen.stdout  # noqa: PT018 - for mypy
        signals_hub.wait_for_streams(1)
        for number in range(3):
            publish.stdin.write(f"{number}\n")
            publish.stdin.flush()
            assert publish.stdout.readline().strip() == signals_hub.published[-1].id
            assert listen.stdout.readline().endswith(f"\ta\t{number}\n")


def test_a_reader_that_has_seen_enough(signals_hub: SignalsHub) -> None:
    """It ends at once and without a word, although no signal comes."""
    with running(signals_hub, "listen", "a") as listen:
        assert listen.stdout and listen.stderr  # noqa: PT018 - for mypy
        signals_hub.wait_for_streams(1)
        listen.stdout.close()
        assert listen.wait(20) == 1
        assert listen.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "to", "reason"),
    [
        (["listen", "--no-follow"], ">/dev/full", "No space left on device"),
        (["publish", "a", "2"], ">&-", "stdout is closed"),
    ],
)
def test_output_that_cannot_be_written(signals_hub: SignalsHub, arguments: list[str], to: str, reason: str) -> None:
    """One sentence says why, and the status is 1."""
    signals_hub.publish(1, topic="a")
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {to} <&-', "sh", *COMMAND, *arguments],
        env={**os.environ, "SIGNALS_URL": signals_hub.url},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, f"sse-signals: the output cannot be written: {reason}.\n")


@contextmanager
def stdin(content: bytes | None, file: Path) -> Iterator[None]:
    """Have a pipe with this content, or a file, as the stdin of this process."""
    if content is None:
        number = os.open(file, os.O_RDONLY)
    else:
        number, end = os.pipe()
        os.write(end, content)
        os.close(end)
        os.set_blocking(number, False)
    with open(number, encoding="utf-8") as stream, mock.patch.object(sys, "stdin", stream):  # noqa: PTH123 - a number
        yield


@pytest.mark.parametrize(
    ("content", "file", "message"),
    [(b"piped\n", "f", b"piped"), (b"", "f", None), (None, "f", b"filed"), (None, "/dev/null", None)],
)
def test_a_message_that_is_left_out(tmp_path: Path, content: bytes | None, file: str, message: bytes | None) -> None:
    """It is what comes from a pipe or a file, if something does; nothing is waited for elsewhere."""
    (tmp_path / "f").write_text("filed\n")
    with stdin(content, tmp_path / file):
        assert given(None, stdin=False) is None
        assert given(None, stdin=True) == message


async def test_a_pipe_that_is_open_for_reading_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be read there is what was written, and no sign that nobody reads it: 1<>fifo of a shell."""
    os.mkfifo(tmp_path / "fifo")
    with os.fdopen(os.open(tmp_path / "fifo", os.O_RDWR), "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        print("something", flush=True)
        assert await attended(asyncio.sleep(0.01, "done"), printing=True) == "done"


def test_a_socket_as_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one like a pipe, as inetd and some shells have it."""
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile("r", encoding="utf-8") as stream:
        ours.sendall(b"sent\n")
        ours.shutdown(socket.SHUT_WR)
        monkeypatch.setattr(sys, "stdin", stream)
        assert given(None, stdin=True) == b"sent"


def test_a_stdin_that_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shares it may have made it so; here it is waited for."""
    number, end = os.pipe()
    os.set_blocking(number, False)
    with open(number, encoding="utf-8") as stream, open(end, "wb") as writing:  # noqa: PTH123 - a number
        monkeypatch.setattr(sys, "stdin", stream)
        assert not os.get_blocking(number)
        standard_input(free=True)
        assert os.get_blocking(number)
        writing.write(b"x")


def test_no_more_is_read_than_a_message_may_have(tmp_path: Path) -> None:
    """A file that is far longer than the memory is refused, and not read."""
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 42)
    with pytest.raises(MessageTooLarge, match="is longer than 16777216 bytes"):
        given(f"@{tmp_path}/huge", stdin=False)


def test_a_stdin_that_is_none(tmp_path: Path) -> None:
    """Where it is asked for, that is told; a disk that fails as well."""
    with mock.patch.object(sys, "stdin", None):
        assert given(None, stdin=True) is None
        with pytest.raises(ConfigurationError, match="Nothing can come from stdin: it is closed"):
            given("-", stdin=True)
    with (tmp_path / "f").open("w") as file:
        buffer = mock.Mock(read=mock.Mock(side_effect=OSError(5, "Input/output error")))
        broken = mock.Mock(buffer=buffer, fileno=file.fileno)
        with (
            mock.patch.object(sys, "stdin", broken),
            pytest.raises(ConfigurationError, match="cannot be read: Input"),
        ):
            given("-", stdin=True)


async def for_ever() -> None:
    """Do nothing, and never end."""
    await asyncio.get_running_loop().create_future()


async def test_work_for_a_reader_ends_with_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what prints does, and only a pipe tells; what is done or cancelled otherwise ends as ever."""
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert await attended(asyncio.sleep(0, "done"), printing=True) == "done"
        os.close(ours)
        assert await attended(asyncio.sleep(0.01, "done"), printing=False) == "done"
        with pytest.raises(BrokenPipeError) as broken:
            await attended(for_ever(), printing=True)
        assert broken.value.errno == errno.EPIPE
    assert not asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)  # nothing of it is left
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await attended(for_ever(), printing=True)
    assert (
        await asyncio.to_thread(asyncio.run, attended(asyncio.sleep(0, "in a thread"), printing=True)) == "in a thread"
    )

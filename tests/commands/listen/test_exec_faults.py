"""``sse-signals listen --exec`` where a command cannot be started, and where it is to end before its time."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from sse_signals.commands.listen import follow, runs
from sse_signals.testing import signals_hub
from tests.commands.listen.test_cursor import place
from tests.commands.listen.test_exec import listen
from tests.commands.running import assert_told, blockbuster, wait_for
from tests.commands.test_streams_of_bytes import running
from tests.screens import screen

if TYPE_CHECKING:
    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]


async def test_a_value_that_no_command_can_have_is_a_failure() -> None:
    """The signal cannot be handled, now or later: a hostile name with a NUL in it, or one that is far too long."""
    with pytest.raises(runs.RunFailed, match="could not be started: embedded null byte"):
        await runs.run("true", b"", {"A": "\0"}, mock.Mock())
    with pytest.raises(runs.RunFailed, match="could not be started: Argument list too long"):
        await runs.run("true", b"", {"A": "x" * 4_000_000}, mock.Mock())


def test_a_message_that_only_a_part_of_can_be_given(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """No command gets a message that is cut: where files may not be as long none runs, and the signal comes again."""
    first = signals_hub.publish("short", topic="a")
    signals_hub.publish("x" * 5000, topic="a")
    file, log = tmp_path / "cursor", tmp_path / "log"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        done = listen(signals_hub, "--cursor", str(file), "--exec", f"wc -c >> {log}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_told(done, 1, "the command cannot be started: File too large; ", " is not handled.")
    assert (log.read_text().split(), place(file)) == (["8"], first)
    assert listen(signals_hub, "--cursor", str(file), "--exec", f"wc -c >> {log}") == (0, "", "")
    assert log.read_text().split() == ["8", "5003"]


def test_a_message_is_whole_however_little_is_taken_at_a_time(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """A write may take a part."""
    signals_hub.publish("x" * 100, topic="a")
    write = os.write

    def little(number: int, content: bytes) -> int:
        return write(number, content[:7] if b"x" in bytes(content) else content)

    with mock.patch.object(os, "write", side_effect=little):
        assert listen(signals_hub, "--exec", f"cat > {tmp_path}/seen") == (0, "", "")
    assert json.loads((tmp_path / "seen").read_bytes()) == "x" * 100


@pytest.mark.parametrize("reason", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_too_little_of_something_is_waited_out(
    signals_hub: SignalsHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    """It is told, tried again, and no signal is lost or out of order."""
    monkeypatch.setattr(follow, "_PAUSES", (0.01, 0.01))
    ids = [signals_hub.publish(number, topic="a") for number in range(3)]
    start, log = asyncio.create_subprocess_exec, tmp_path / "log"
    failing = OSError(reason, os.strerror(reason))
    fails = [False, True, True, False, False]

    async def sometimes(*arguments: str, **how: Any) -> asyncio.subprocess.Process:
        if fails.pop(0):
            raise failing
        return await start(*arguments, **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", sometimes)
    done = listen(signals_hub, "--cursor", str(tmp_path / "cursor"), "--exec", f"cat >> {log}")
    assert (done.status, done.stdout, log.read_text()) == (0, "", "0\n1\n2\n")
    told = f"sse-signals: the command cannot be started for {ids[1]}: {os.strerror(reason)}; trying again in 0.01 s."
    assert done.stderr.splitlines() == [told] * 2
    assert place(tmp_path / "cursor") == ids[2]


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), 3),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), 1),
        (RuntimeError("can't start new thread"), 1),
    ],
)
def test_what_lasts_ends_it(
    signals_hub: SignalsHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, tries: int
) -> None:
    """With status 1, and the signal comes again next time; it never counts as handled."""
    monkeypatch.setattr(follow, "_PAUSES", (0.01, 0.01))
    ids = [signals_hub.publish(number, topic="a") for number in range(2)]
    starting = mock.AsyncMock(side_effect=error)
    with mock.patch.object(asyncio, "create_subprocess_exec", starting):
        done = listen(signals_hub, "--cursor", str(tmp_path / "cursor"), "--exec", "true")
    assert (done.status, starting.await_count) == (1, tries)
    reason = getattr(error, "strerror", None) or error
    *_, last = done.stderr.splitlines()
    assert last == f"sse-signals: the command cannot be started: {reason}; {ids[0]} is not handled. This ends here."
    assert listen(signals_hub, "--cursor", str(tmp_path / "cursor"), "--exec", f"cat >> {tmp_path}/log").status == 0
    assert (tmp_path / "log").read_text() == "0\n1\n"


def test_ctrl_c_in_a_terminal_waits_for_the_command(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """The command has nothing of it: it comes to its end, and its signal is handled."""
    last = signals_hub.publish(1, topic="a")
    begun, go, file = tmp_path / "begun", tmp_path / "go", tmp_path / "cursor"
    run = f"touch {begun}; until test -e {go}; do sleep 0.05; done; echo 'it is done'"
    arguments = ["listen", "--since", "all", "--cursor", str(file), "--exec", run]
    with screen(*arguments, variables={"SIGNALS_URL": signals_hub.url}) as terminal:
        wait_for(begun.exists)
        terminal.press("\x03")
        terminal.until("waiting for the command to end; Ctrl-C again ends it.")
        go.touch()
        assert terminal.end() == 130
    assert "it is done" in terminal.text
    assert place(file) == last


def alive(group: str) -> bool:
    """Say whether anything of a process group runs."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            state, _, its_group, *_ = stat.read_text().rpartition(")")[2].split()
            if its_group == group and state != "Z":
                return True
    return False


@pytest.mark.parametrize("does", ["sleep 60", "trap 'exit 0' TERM; sleep 60 & wait"])
def test_a_second_ctrl_c_ends_the_command(signals_hub: SignalsHub, tmp_path: Path, does: str) -> None:
    """At once, with all that it has started; the signal counts as handled if the command says so, as always."""
    last = signals_hub.publish(1, topic="a")
    begun, file = tmp_path / "begun", tmp_path / "cursor"
    arguments = ["listen", "--since", "all", "--cursor", str(file), "--exec", f"echo $$ > {begun}; {does}; exit 1"]
    with screen(*arguments, variables={"SIGNALS_URL": signals_hub.url}) as terminal:
        wait_for(lambda: begun.exists() and begun.read_text().endswith("\n"))
        terminal.press("\x03")
        terminal.until("waiting for the command")
        terminal.press("\x03")
        assert terminal.end() == 130
    wait_for(lambda: not alive(begun.read_text().strip()))
    told = f"the command was ended by SIGTERM, for {last}."
    assert (told in " ".join(terminal.text.split())) is does.startswith("sleep")
    assert (place(file) == last) is not does.startswith("sleep")


async def test_a_command_that_ends_by_itself_meanwhile() -> None:
    """Nobody is left to be ended, and that is no failure."""
    task = asyncio.create_task(runs.run("kill -STOP $$", b"", {}, mock.Mock()))
    with mock.patch.object(os, "killpg", side_effect=ProcessLookupError) as ended:
        start, has_started = asyncio.create_subprocess_exec, asyncio.get_running_loop().create_future()

        async def starting(*arguments: str, **how: Any) -> asyncio.subprocess.Process:
            process = await start(*arguments, **how)
            has_started.set_result(process)
            return process

        with mock.patch.object(asyncio, "create_subprocess_exec", starting):
            process = await has_started
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        process.kill()
        with pytest.raises(runs.RunInterrupted) as interrupted:
            await task
    ended.assert_called_once_with(process.pid, signal.SIGTERM)
    assert str(interrupted.value.failed) == "was ended by SIGKILL"


@pytest.mark.parametrize(
    ("variable", "ends", "failed"),
    [
        ("1", runs.RunInterrupted, "None"),
        ("\0", runs.RunInterrupted, "could not be started: embedded null byte"),
        (None, asyncio.CancelledError, ""),
    ],
    ids=["good", "bad", "impossible"],
)
async def test_an_interruption_while_a_command_is_being_started(
    tmp_path: Path, variable: str | None, ends: type[BaseException], failed: str
) -> None:
    """It has its time, too, whenever that comes; what cannot be started then is as it is otherwise."""
    start, waiting = asyncio.create_subprocess_exec, mock.Mock()
    starting, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*arguments: str, **how: Any) -> asyncio.subprocess.Process:
        starting.set()
        await go_on.wait()
        if variable is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return await start(*arguments, **how)

    with mock.patch.object(asyncio, "create_subprocess_exec", slow):
        task = asyncio.create_task(runs.run(f"touch {tmp_path}/done", b"", {"A": variable or ""}, waiting))
        await starting.wait()
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(ends) as interrupted:
            await task
    waiting.assert_called_once_with()
    assert str(getattr(interrupted.value, "failed", "")) == failed
    assert (tmp_path / "done").exists() is (variable == "1")


def test_a_reader_that_leaves_is_nothing_to_commands(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """Only what prints ends with who reads it."""
    with running(signals_hub, "listen", "-n", "1", "--exec", f"cat > {tmp_path}/seen") as listening:
        assert listening.stdout and listening.stderr  # noqa: PT018 - for mypy
        signals_hub.wait_for_streams(1)
        listening.stdout.close()
        signals_hub.publish(1, topic="a")
        assert (listening.wait(20), listening.stderr.read()) == (0, "")
    assert (tmp_path / "seen").read_text() == "1\n"


def test_a_command_sees_nothing_of_this_process(signals_hub: SignalsHub) -> None:
    """It has stdin, stdout and stderr, and no lock, stream or file of the listener besides."""
    signals_hub.publish(1, topic="a")
    show = f"{sys.executable} -S -c 'import os; print(os.listdir(\"/proc/self/fd\"))'"
    with running(signals_hub, "listen", "--no-follow", "--exec", show) as listening:
        printed, _ = listening.communicate(timeout=60)
    assert printed == "['0', '1', '2', '3']\n"  # the last is that of the listing

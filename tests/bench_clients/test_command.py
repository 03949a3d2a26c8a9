"""``sse-signals bench`` as a process of its own, piped and in a terminal, against hubs of this process."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import sys
import termios
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
from click.testing import CliRunner

from sse_signals.cli import main
from tests.bench_clients.scripted import ACCEPTED, scripted, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sse_signals.server import Running
    from tests.bench_clients.scripted import Scripted
    from tests.conftest import StartHub

DEADLINE = 60.0
QUICK = ["--streams", "5", "--rate", "50", "--duration", "0.4s"]
CONTROL_C = b"\x03"


class Done(NamedTuple):
    """How the command ended."""

    status: int
    stdout: str
    stderr: str


async def bench(*arguments: str, shell: str = "", stdin: int | None = None) -> Done:
    """Run the command with its output in pipes."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", f'{shell} exec "$0" -m sse_signals bench "$@"', sys.executable, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdin=stdin,
    )
    async with asyncio.timeout(DEADLINE):
        stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, stdout.decode(), stderr.decode())


def called(*arguments: str) -> Done:
    """Run the command in this process, where it does not come to a load."""
    result = CliRunner().invoke(main, ["bench", *arguments])
    return Done(result.exit_code, result.stdout, result.stderr)


class Terminal:
    """A terminal in which the command runs."""

    def __init__(self, file: int, process: asyncio.subprocess.Process) -> None:
        self._file = file
        self._process = process
        self.shown = ""

    async def read(self, met: Callable[[str], object] = lambda _: False) -> None:
        """Read until what is shown meets a condition, or to the end."""
        while not met(self.shown):
            try:
                data = await asyncio.to_thread(os.read, self._file, 65536)
            except OSError:  # nobody writes there any more
                return
            self.shown += data.decode()

    async def type(self, keys: bytes) -> None:
        """Press keys."""
        await asyncio.to_thread(os.write, self._file, keys)

    async def end(self) -> int:
        """Read the rest; return the exit status."""
        await self.read()
        return await self._process.wait()


@asynccontextmanager
async def terminal(columns: int, *arguments: str) -> AsyncIterator[Terminal]:
    """Run the command in a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *("setsid", "--ctty", sys.executable, "-m", "sse_signals", "bench", *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**{name: value for name, value in os.environ.items() if name != "COLUMNS"}, "TERM": "xterm"},
    )
    os.close(theirs)
    try:
        async with asyncio.timeout(DEADLINE):
            yield Terminal(ours, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


def assert_one_sentence(done: Done, *parts: str, status: int = 3) -> None:
    """Check that it failed with one sentence on stderr, and nothing else."""
    assert (done.status, done.stdout) == (status, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("sse-signals: ")
    assert line.endswith((".", "?"))
    for part in parts:
        assert part in line


async def test_a_report(hub: Running) -> None:
    """Plain text in 80 columns where it is piped, and nothing on stderr; exit 0 says that there was no fault."""
    done = await bench(hub.url, *QUICK)
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.startswith(f"5 streams, 50 messages/s of 100 B at {hub.url}\n")
    assert "Published   20 in " in done.stdout
    assert "Delivered   100 of 100 in " in done.stdout
    assert "none: every stream received every message once and in order" in done.stdout
    assert "p99.9" in done.stdout
    assert "█" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


async def test_json(hub: Running) -> None:
    """One object on stdout, and nothing else anywhere."""
    done = await bench(
        hub.url + "/", "--json", "--streams", "3", "--in-flight", "4", "--size", "1000", "--duration", "0.2"
    )
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    report = json.loads(done.stdout)
    assert (report["url"], report["exact"]) == (hub.url, True)
    assert (report["load"]["in_flight"], report["load"]["message_bytes"]) == (4, 1000)
    assert report["deliveries"]["received"] == 3 * report["published"]["accepted"] > 0


async def test_the_prefix_may_be_left_out(hub: Running) -> None:
    """It then says which URL it uses."""
    done = await bench(hub.url.removesuffix("/signals"), *QUICK)
    assert (done.status, done.stderr) == (0, f"The routes of the hub are at {hub.url}.\n")


@pytest.mark.parametrize("columns", [60, 120])
async def test_in_a_terminal(hub: Running, columns: int) -> None:
    """Bars show how far it is, then comes the report in colours; no line is wider than the terminal."""
    async with terminal(columns, hub.url, *QUICK) as shown:
        assert await shown.end() == 0
    opening, publishing, report = re.split(r"\r\n(?=.*Publishing)|\r\n\r\n", shown.shown, maxsplit=2)
    assert "Opening" in opening
    assert "5/5" in opening
    assert "100%" in publishing
    assert re.search(r"[1-9][\d,.]* deliveries/s" if columns > 80 else r"[1-9][\d,.]*/s", publishing)
    assert "\x1b[32mnone: " in report
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.shown)
    assert max(map(len, re.split(r"\r\n|\r", plain))) <= columns


async def test_ctrl_c_while_it_publishes(hub: Running) -> None:
    """What was measured until then is reported, and the exit status says that it was interrupted."""
    async with terminal(80, hub.url, "--streams", "3", "--duration", "1h") as shown:
        await shown.read(lambda text: "deliveries/s" in text)
        await shown.type(CONTROL_C)
        assert await shown.end() == 130
    assert re.search(r"Interrupted .*after .* of 3,600 s", shown.shown)
    assert "none: every stream received every message" in shown.shown
    assert "Traceback" not in shown.shown


async def test_ctrl_c_again() -> None:
    """Who does not want to wait for the rest presses it twice."""

    async def hold(server: Scripted, _: int) -> bytes:
        if not server.bodies[-1]:
            return RECEIPT
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async with scripted(hold) as server:
        url = f"http://{server.target.address.netloc}"
        async with terminal(80, url, "--streams", "1", "--duration", "1h") as shown:
            await until(lambda: server.bodies and server.bodies[-1])
            await shown.type(CONTROL_C)
            await shown.read(lambda text: "^C" in text)
            ended = asyncio.create_task(shown.end())
            while not ended.done():  # pressed before the first was noticed, it would be one with that
                await shown.type(CONTROL_C)
                await asyncio.wait([ended], timeout=0.5)
            assert await ended == 130
    assert "sse-signals: interrupted before there was anything to tell." in shown.shown
    assert "Traceback" not in shown.shown


RECEIPT = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: signals.open\n\n"


async def test_a_signal_that_is_no_key(hub: Running) -> None:
    """Before anything was published there is nothing to tell."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sse_signals", "bench", hub.url, "--streams", "9000", "--at-once", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await until(lambda: hub.service.streams)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(DEADLINE):
        stdout, stderr = await process.communicate()
    assert (process.returncode, stdout) == (130, b"")
    assert stderr == b"sse-signals: interrupted before there was anything to tell.\n"


async def test_refused_messages(start_hub: StartHub) -> None:
    """They are reported with what the hub said, and make the exit status 1."""
    hub = await start_hub(max_message=100)
    done = await bench(hub.url, *QUICK, "--size", "101")
    assert "SIGNALS_MAX_MESSAGE" in done.stdout
    assert done.status == 1
    assert re.search(r"Refused     20 of 20: the hub answered 413 .*the\s+limit is 100", done.stdout, re.DOTALL)


async def test_a_hub_that_stops_in_mid_run() -> None:
    """One sentence says that it cannot be reached any more."""

    async def stop(server: Scripted, number: int) -> bytes | None:
        if not server.bodies[number]:
            return RECEIPT
        server.stop()
        return None

    async with scripted(stop) as server:
        done = await bench(f"http://{server.target.address.netloc}", *QUICK)
    assert_one_sentence(done, "cannot be reached", server.target.address.netloc, "Connection refused")


async def test_a_hub_that_is_lost_in_mid_run() -> None:
    """What was measured until then is reported, with why it ended; the exit status is that of a fault."""

    async def stop(server: Scripted, number: int) -> bytes | None:
        if not server.bodies[number]:
            return RECEIPT
        if number < 5:
            return ACCEPTED
        server.stop()
        return None

    async with scripted(stop) as server:
        done = await bench(f"http://{server.target.address.netloc}", *QUICK, "--streams", "1")
    assert (done.status, done.stderr) == (1, "")
    assert re.search(r"Broken off +The hub cannot be reached at\s", done.stdout)
    assert re.search(r"Refused +\d of \d: the hub closed the connection without an answer", done.stdout)


async def test_where_the_report_cannot_be_written(hub: Running) -> None:
    """One sentence says why; nothing does where a reader has seen enough."""
    done = await bench(hub.url, *QUICK, shell="exec >/dev/full;")
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr == "sse-signals: the report cannot be written: No space left on device.\n"
    ours, theirs = os.pipe()
    os.close(ours)
    done = await bench(hub.url, *QUICK, shell="exec >&0;", stdin=theirs)
    os.close(theirs)
    assert (done.status, done.stderr) == (1, "")


async def test_a_hub_that_is_full_in_mid_run(start_hub: StartHub) -> None:
    """One sentence says so."""
    hub = await start_hub(max_streams=3)
    assert_one_sentence(await bench(hub.url, *QUICK), "A stream was refused", "--streams", "SIGNALS_MAX_STREAMS")


async def test_credentials() -> None:
    """Headers are sent with every request; without them the hub's refusal is told, with what to do."""
    seen = []

    async def ask(server: Scripted, number: int) -> bytes | None:
        seen.append(server.heads[number])
        if b"Authorization: Bearer secret\r\n" not in server.heads[number]:
            return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
        return b'HTTP/1.1 403 Forbidden\r\nContent-Length: 15\r\n\r\n{"detail":"No"}'

    async with scripted(ask) as server:
        url = f"http://{server.target.address.netloc}/signals"
        assert_one_sentence(await bench(url, *QUICK), "401 Unauthorized", "--token, or SIGNALS_TOKEN", status=4)
        done = await bench(url, *QUICK, "--header", "Authorization: Bearer secret", "--header", "X-Tenant:a")
        assert_one_sentence(done, "403 Forbidden: No", status=4)
    assert b"\r\nX-Tenant: a\r\n" in seen[-1]


async def test_tls(tls_hub: str) -> None:
    """A certificate that nobody has signed is refused, unless any will do."""
    assert_one_sentence(await bench(tls_hub, *QUICK), "certificate", "--no-verify")
    done = await bench(tls_hub, *QUICK, "--no-verify")
    assert done.status == 0, done.stderr


async def test_too_few_open_files(hub: Running) -> None:
    """One sentence says how many are needed; a soft limit is raised as far as it may be."""
    refused = await bench(hub.url, "--streams", "4000", shell="ulimit -n 300;")
    assert_one_sentence(refused, "4,000 streams need", "300 are allowed", "ulimit -n", status=2)
    done = await bench(hub.url, *QUICK, "--streams", "100", shell="ulimit -Sn 60;")
    assert done.status == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "part", "status"),
    [
        (["ftp://h"], "'ftp://h'", 2),
        (["http://127.0.0.1:1/signals"], "127.0.0.1:1: Connection refused", 3),
        (["http://no-such.invalid"], "'no-such.invalid' is not known", 3),
        (["http://127.0.0.1:1", "--topic", "a", "--header", "X: ü"], "'X'", 2),
    ],
)
def test_what_cannot_be(arguments: list[str], part: str, status: int) -> None:
    """One sentence on stderr; exit 2 where the arguments are wrong, 3 where there is no hub."""
    assert_one_sentence(called(*arguments), part, status=status)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--streams", "0"], "--streams"),
        (["--rate", "1", "--in-flight", "1"], "exclude each other"),
        (["--rate", "0.1", "--duration", "1"], "no message"),
        (["--duration", "soon"], "'soon' is no duration"),
        (["--duration", "48h"], "at most a day"),
        (["--duration", "0"], "'0' is no duration"),
        (["--header", "token"], "Name: value"),
        (["--header", "Content-Length: 1"], "set by the load itself"),
        (["--size", "95"], "96"),
        (["--topic", ""], "at least one character"),
        (["--topic", "a*"], "holds no '*'"),
        (["--topic", "a" * 256], "longer than 255 bytes"),
    ],
)
def test_a_mistake_in_typing_is_told(arguments: list[str], part: str) -> None:
    """An argument that is none ends it with what it may be."""
    done = called(*(["http://127.0.0.1:1", *arguments] if arguments else []))
    assert (done.status, done.stdout) == (2, "")
    assert part in done.stderr
    assert "Error: " in done.stderr


def test_help() -> None:
    """It says what the exit status means."""
    done = called("--help")
    assert done.status == 0
    for status in ("0 ", "1 ", "2 ", "3 ", "130 "):
        assert re.search(rf"^    {status}", done.stdout, re.MULTILINE)

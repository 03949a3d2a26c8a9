from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.settings import Settings, option, variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MODULE = [sys.executable, "-m", "sse_signals"]
DEADLINE = 30  # seconds


def environment(**variables: str) -> dict[str, str]:
    """Return this environment without settings of the hub, but for these."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("SIGNALS_")}, **variables}


def run(*arguments: str, command: Sequence[str] = MODULE, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*command, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@contextmanager
def serving(*arguments: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a hub on a free port; it is killed if it is still there at the end."""
    process = subprocess.Popen(
        [*MODULE, "serve", "--port", "0", *arguments],
        env=environment(**how.pop("variables", {})),
        stdout=subprocess.PIPE,
        stderr=how.pop("stderr", subprocess.PIPE),
        text=True,
        **how,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def entries(process: subprocess.Popen[str], until: str) -> list[dict[str, Any]]:
    """Return the log of a hub, up to and with an entry."""
    assert process.stderr is not None
    found: list[dict[str, Any]] = []
    for line in process.stderr:
        found.append(json.loads(line))
        if found[-1]["event"] == until:
            return found
    raise AssertionError(f"it ended before it said {until!r}: {found}")


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """Check that a start failed with one sentence on stderr, and with nothing else."""
    assert done.returncode not in (0, -9, -15)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("sse-signals: ")
    assert line.endswith((".", "?"))
    for part in parts:
        assert part in line


@pytest.mark.parametrize("command", [MODULE, ["sse-signals"]], ids=["module", "script"])
def test_it_says_its_version(command: list[str]) -> None:
    """The installed command and ``python -m`` are the same."""
    if command == ["sse-signals"]:
        script = shutil.which("sse-signals", path=str(Path(sys.executable).parent))
        assert script is not None
        command = [script]
    done = run("--version", command=command)
    assert (done.returncode, done.stdout) == (0, f"sse-signals, version {version('sse-signals')}\n")


def test_help_names_every_setting() -> None:
    """Each has its option, its variable, and its default where it has one."""
    assert "serve" in run("--help").stdout
    done = run("serve", "--help", COLUMNS="200")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    for name in Settings.__dataclass_fields__:
        assert f"{option(name)} " in text
        assert variable(name) in text
    assert "SIGNALS_PORT; default 8080" in text
    assert "PEM files of public keys" in text  # as it is written, but for the first letter
    assert "The iss that a JWT must have" in text
    assert "SIGNALS_CORS_ORIGINS)" in text


@pytest.mark.parametrize("arguments", [["serve", "--prot", "1"], ["serve", "extra"], ["serve", "--port"], ["start"]])
def test_a_mistake_in_typing_is_told(arguments: list[str]) -> None:
    """An unknown option or argument ends it with what is wrong, not with a traceback."""
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told() -> None:
    """One sentence that says which, why, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port)
    assert_one_sentence(done, f"127.0.0.1 port {port}", "in use", "--port")


@pytest.mark.parametrize(
    ("arguments", "variables", "parts"),
    [
        (["--broker", "kafka://x"], {}, ["--broker", "'kafka://x'", "memory://"]),
        ([], {"SIGNALS_BROKER": "kafka://user:secret@host"}, ["SIGNALS_BROKER", "kafka://***@host", "memory://"]),
        (["--workers", "2"], {}, ["--workers", "SIGNALS_BROKER", "redis://", "nats://", "'memory://'"]),
        (["--port", "http"], {}, ["--port", "'http'", "65535"]),
        ([], {"SIGNALS_PORT": "99999"}, ["SIGNALS_PORT", "'99999'", "65535"]),
        ([], {"SIGNALS_PROT": "1"}, ["SIGNALS_PROT", "SIGNALS_PORT"]),
        (["--host", "0.0.0.0"], {}, ["SIGNALS_HOST", "--insecure"]),
        (["--host", "no-such-host.invalid", "--insecure"], {}, ["no-such-host.invalid", "--host"]),
        (["--host", "a..b", "--insecure"], {}, ["--host", "a..b"]),
        ([], {"SIGNALS_HOST": "a\nb\x1b[31m"}, ["SIGNALS_HOST", r"a\nb\x1b[31m"]),
        (["--max-body", "10"], {}, ["SIGNALS_MAX_MESSAGE", "SIGNALS_MAX_BODY"]),
        (["--auth", "jwt"], {}, ["--auth (SIGNALS_AUTH) holds 'jwt'", "SIGNALS_JWT_JWKS_URL"]),
        (["--auth", "jwt", "--jwt-secret", "canary"], {}, ["--jwt-secret is '***'", "32 bytes"]),
        (["--auth", "jwt", "--jwt-key", "/no/such/file"], {}, ["SIGNALS_JWT_KEY", "No such file or directory"]),
        (["--auth", "keys", "--rules", "/no/such/file"], {}, ["SIGNALS_RULES", "/no/such/file"]),
    ],
)
def test_a_start_that_fails_is_one_sentence(arguments: list[str], variables: dict[str, str], parts: list[str]) -> None:
    """On stderr, with the name of what is wrong and what it may be, and an exit that is not zero."""
    assert_one_sentence(run("serve", *arguments, **{"SIGNALS_PORT": "0", **variables}), *parts)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_good_order(number: signal.Signals) -> None:
    """It says where it listens, answers, and exits 0 when it is told to go; programs read one JSON object a line."""
    with serving() as process:
        listening = entries(process, "listening")[-1]
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9][0-9]*/signals", listening["url"])
        assert listening["level"] == "info"
        with urllib.request.urlopen(f"{listening['url']}/health/ready", timeout=DEADLINE) as answer:
            assert answer.status == 200
        process.send_signal(number)
        assert entries(process, "stopped")[-1]["level"] == "info"
        assert process.wait(DEADLINE) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_a_stream_that_is_open_then_ends_properly() -> None:
    """It gets its goodbye and the end of its body, and the log says why it ended."""
    with serving() as process:
        url = entries(process, "listening")[-1]["url"]
        with urllib.request.urlopen(f"{url}/stream", timeout=DEADLINE) as stream:
            assert stream.readline().startswith(b"retry: ")
            process.send_signal(signal.SIGTERM)
            rest = stream.read()
        assert b"event: signals.goodbye\n" in rest
        log = entries(process, "stopped")
        assert process.wait(DEADLINE) == 0
    closed = next(entry for entry in log if entry["event"] == "stream closed")
    assert closed["reason"] == "shutdown"


def test_options_outrank_variables() -> None:
    """Both reach the hub."""
    variables = {"SIGNALS_PREFIX": "/from-variable", "SIGNALS_HEARTBEAT": "3"}
    with serving("--prefix", "/from-option", variables=variables) as process:
        url = entries(process, "listening")[-1]["url"]
        assert url.endswith("/from-option")
        with urllib.request.urlopen(f"{url}/stream", timeout=DEADLINE) as stream:
            receipt = b"".join(stream.readline() for _ in range(4))
        assert b'"heartbeat":3,' in receipt


def test_the_lines_to_try() -> None:
    """With --examples, stdout says how to listen, how to publish and where to look, and nothing else."""
    with serving("--examples") as process:
        assert process.stdout is not None
        listen, publish, console = (process.stdout.readline() for _ in range(3))
        url = entries(process, "listening")[-1]["url"]
        assert listen == f"Listen:   curl -N '{url}/stream?topic=hello'\n"
        assert publish == f"Publish:  curl -d 'hello world' '{url}/publish?topic=hello'\n"
        assert console == f"Console:  {url}/console\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0


def test_the_lines_to_try_show_a_token_where_one_is_asked_for() -> None:
    """With authentication, both lines have a place for it."""
    with serving("--examples", variables={"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": "s" * 32}) as process:
        assert process.stdout is not None
        for name in ("Listen: ", "Publish:"):
            assert process.stdout.readline().startswith(f'{name}  curl -H "Authorization: Bearer $TOKEN" -')


def test_a_person_in_a_terminal_gets_lines_to_read() -> None:
    """Where stderr is a terminal, the log is text in columns, not JSON."""
    master, slave = pty.openpty()
    with serving(stderr=slave, variables={"TERM": "xterm"}) as process, os.fdopen(master, "rb", 0) as terminal:
        os.close(slave)
        shown = b""
        while b"listening" not in shown or b"\n" not in shown.partition(b"listening")[2]:
            shown += terminal.read(1024)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    assert b"\x1b[" in shown
    text = re.sub(rb"\x1b\[[0-9;]*m", b"", shown).decode()
    assert re.search(r"\[info +\] listening .*url=http://127\.0\.0\.1:\d+/signals", text)
    assert not text.lstrip().startswith("{")


def test_a_failure_in_a_terminal_is_the_same_sentence() -> None:
    """People get no traceback either."""
    master, slave = pty.openpty()
    with serving("--broker", "x", stderr=slave) as process, os.fdopen(master, "rb", 0) as terminal:
        os.close(slave)
        shown = terminal.read(4096)
        assert process.wait(DEADLINE) == 2
    assert shown.startswith(b"sse-signals: --broker is 'x': it may be memory://, ")
    assert shown.endswith(b".\r\n")
    assert shown.count(b"\n") == 1


@pytest.mark.parametrize(("flags", "mend"), [("-n", "ulimit -n 10064"), ("-Sn", None)])
def test_a_low_limit_of_open_files_is_told(flags: str, mend: str | None) -> None:
    """The start says so, raises it as far as it may, and says what to do if that is not enough."""
    command = f"ulimit {flags} 200 && exec {sys.executable} -m sse_signals serve --port 0"
    with subprocess.Popen(["/bin/sh", "-c", command], env=environment(), stderr=subprocess.PIPE, text=True) as process:
        try:
            log = entries(process, "listening")
        finally:
            process.terminate()
            process.wait()
    (warning,) = [entry for entry in log if entry["level"] == "warning"]
    assert warning["limit"] == 200
    assert (mend or "") in warning.get("hint", "")
    assert ("hint" in warning) == (warning["raised_to"] < warning["needed"]) == (mend is not None)

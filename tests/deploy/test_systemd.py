"""deploy/systemd: the units are valid and hardened, and their command lives as they say, with systemd's protocol."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from sse_signals.settings import load
from tests.deploy.files import UNIT, rest, unit

if TYPE_CHECKING:
    from collections.abc import Iterator

SOCKET: Final = UNIT.with_suffix(".socket")
COMMAND: Final = Path(sys.executable).parent / "sse-signals"
EXPOSURE: Final = 1.2  # of 10, for a service that may do anything; systemd 252 says 1.1
DEADLINE: Final = 30.0
# What systemd does between fork and exec: the socket is the third descriptor, and the variable names the process.
ACTIVATION: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def variables(folder: Path) -> dict[str, str]:
    """Return the variables that the unit sets, with its folders below another one."""
    texts = [value for name, value in unit("Service") if name == "Environment"]
    found = dict(each.partition("=")[::2] for text in texts for each in shlex.split(text))
    return {
        name: value.replace("%d", f"{folder}/credentials").replace("/var/lib/sse-signals", f"{folder}/state")
        for name, value in found.items()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what systemd makes: the state directory, and copies of the credentials that the unit names."""
    (tmp_path / "state").mkdir()
    (tmp_path / "credentials").mkdir()
    for number, name in enumerate(value.partition(":")[0] for key, value in unit("Service") if key == "LoadCredential"):
        (tmp_path / "credentials" / name).write_text(str(number) * 43 + "\n")
    return tmp_path


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[socket.socket]:
    """Where the hub tells how it is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(DEADLINE)
        yield line


def test_systemd_verifies_the_units(tmp_path: Path) -> None:
    """Systemd has nothing to say of the units, once their program is there."""
    for path in (UNIT, SOCKET):
        shutil.copy(path, tmp_path)
    copy = tmp_path / UNIT.name
    text = copy.read_text()
    assert "ExecStart=/opt/sse-signals/bin/sse-signals serve\n" in text
    copy.write_text(text.replace("/opt/sse-signals/bin/sse-signals", str(COMMAND)))
    command = ["systemd-analyze", "verify", *map(str, tmp_path.glob("sse-signals.*"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_how_exposed_it_is() -> None:
    """Systemd's own measure of what a broken hub could do stays low."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
    [figure] = re.findall(r"Overall exposure level for sse-signals\.service: (\d+\.\d+) ", done.stdout)
    assert float(figure) <= EXPOSURE


def test_a_start_takes_the_variables(folder: Path) -> None:
    """They are settings, their secrets are the credentials, and systemd waits as long as drain and streams may take."""
    settings = load(variables(folder), {})
    loaded = [value.partition(":") for name, value in unit("Service") if name == "LoadCredential"]
    assert {f"@{folder}/credentials/{name}" for name, _, _ in loaded} == {settings.jwt_secret, settings.secret}
    assert all(path == f"/etc/sse-signals/secrets/{name}" for name, _, path in loaded)
    options = dict(unit("Service"))
    assert int(options["TimeoutStopSec"]) >= settings.drain_delay + settings.drain_window + rest(settings)
    assert int(options["LimitNOFILE"]) > settings.max_streams
    assert options["RestartPreventExitStatus"] == "2"
    assert ("ListenStream", f"{settings.host}:{settings.port}") in unit("Socket", SOCKET)


def test_before_a_start_the_journal_gets_all_that_is_wrong(folder: Path) -> None:
    """Every problem at once, without the secrets; but the start itself fails, whose exit status systemd heeds."""
    options = dict(unit("Service"))
    before = options["ExecStartPre"]
    assert before.startswith("-")
    assert before[1:].split()[0] == options["ExecStart"].split()[0]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables(folder)}
    run = partial(subprocess.run, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
    command = [str(COMMAND), *before.split()[1:]]
    good = run(command, env=environment)
    assert (good.returncode, good.stderr) == (0, "")
    wrong = run(command, env={**environment, "SIGNALS_HEARTBEAT": "x", "SIGNALS_PORT": "y"})
    assert wrong.returncode == 2
    assert "SIGNALS_HEARTBEAT is 'x'" in wrong.stderr
    assert "SIGNALS_PORT is 'y'" in wrong.stderr
    for name in ("jwt", "cookies"):
        secret = (folder / "credentials" / name).read_text().strip()
        assert secret not in good.stdout + wrong.stdout + wrong.stderr


def test_the_example_of_an_environment(folder: Path) -> None:
    """What it sets, and what it offers behind a #, is known and of use beside what the unit sets."""
    text = (UNIT.parent / "environment.example").read_text()
    set_here = dict(re.findall(r"^(SIGNALS_\w+)=(.*)$", text, re.MULTILINE))
    offered = dict(re.findall(r"^#(SIGNALS_\w+)=(.*)$", text, re.MULTILINE))
    assert set_here
    assert offered
    load(variables(folder) | set_here, {})
    load(variables(folder) | set_here | offered, {})


def heard(line: socket.socket, word: str) -> str:
    """Return what is told next that has a word in it."""
    while True:
        text = line.recv(4096).decode()
        if word in text.splitlines():
            return text


def test_its_command_lives_as_the_unit_says(folder: Path, supervisor: socket.socket) -> None:
    """With the unit's variables and the socket it serves who waits, gives signs of life, and leaves with 0."""
    [command] = [value for name, value in unit("Service") if name == "ExecStart"]
    words = [str(COMMAND), *shlex.split(command)[1:]]
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "LISTEN_FDS": "1",
        "WATCHDOG_USEC": "2000000",
        "NOTIFY_SOCKET": supervisor.getsockname(),
        **variables(folder),
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/signals"
        process = subprocess.Popen(
            [sys.executable, "-c", ACTIVATION, str(listener.fileno()), *words],
            env=environment,
            cwd="/",
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            # Asked before it listens: the connection waits at systemd's socket.
            with urllib.request.urlopen(f"{url}/health/live", timeout=DEADLINE) as answer:
                assert answer.status == 200
            heard(supervisor, "READY=1")
            heard(supervisor, "WATCHDOG=1")
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}/stream", timeout=DEADLINE)
            assert refused.value.code == 401
            refused.value.close()
            process.send_signal(signal.SIGTERM)
            heard(supervisor, "STOPPING=1")
            _, log = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 0
    entries = [json.loads(line) for line in log.decode().splitlines()]
    assert [entry for entry in entries if entry["level"] not in {"info", "debug"}] == []
    assert {path.name for path in (folder / "state").iterdir()} >= {"log.db"}

"""deploy/Dockerfile is sound, and what it makes would run: there is no container engine, so its parts are tried."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from sse_signals.settings import load
from tests.deploy.constraints import project
from tests.deploy.files import DEPLOY, ROOT, health_check, image_environment, instructions, last_stage, let_in

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN: Final = Path(sys.executable).parent
DEADLINE: Final = 30.0
AUTH: Final = {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": "@/run/secrets/jwt"}
# What the image's USER and a container with `--read-only --cap-drop ALL --security-opt no-new-privileges` come to. The
# user is one that nobody has heard of; to the kernel it stays the one who runs the tests, whose files it may read.
CONFINED: Final = (
    *("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"),
    'mount -o remount,bind,ro / && exec unshare --user --map-user=10001 --map-group=10001 setpriv --no-new-privs "$@"',
    "sh",
)


def confined(*command: str | Path, **variables: str) -> subprocess.Popen[str]:
    """Start a command as in the container: as a nobody, with nothing to write, no home and no other variables."""
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8", **variables}
    return subprocess.Popen(
        [*CONFINED, *map(str, command)],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def serving(**variables: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run the hub as the image does, and give its process and what it has said by its event, up to ``listening``."""
    environment = {name: value for name, value in image_environment().items() if name != "PATH"}
    process = confined(BIN / "sse-signals", "serve", **environment | variables)
    assert process.stdout is not None
    try:
        told: dict[str, Any] = {}
        while "listening" not in told:
            line = process.stdout.readline()
            assert line, told
            told[json.loads(line)["event"]] = json.loads(line)
        yield process, told
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def confinement() -> None:
    """Where namespaces can be had, the confinement is one; tests that need it are skipped elsewhere."""
    probe = confined(
        "sh", "-c", f"id -u; touch {ROOT}/written || touch {DEPLOY}/written; grep CapEff /proc/self/status"
    )
    said, _ = probe.communicate(timeout=DEADLINE)
    if not said.startswith("10001\n"):
        pytest.skip("this machine lets nobody have namespaces of their own")
    assert said.count("Read-only file system") == 2
    assert said.endswith("0000000000000000\n")


def test_hadolint_finds_nothing() -> None:
    """A linter of Dockerfiles has nothing to say, and nothing is hidden from it."""
    assert "hadolint ignore" not in (DEPLOY / "Dockerfile").read_text()
    done = subprocess.run([BIN / "hadolint", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_there_and_let_in() -> None:
    """All that is copied from the context exists, and .dockerignore lets in that and nothing else."""
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    paths = [path for each in copied for path in each]
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path
        assert let_in(path), path
    assert let_in("sse_signals/web/assets/client.js")
    assert let_in("deploy/constraints.txt")
    for path in (".git/config", "deploy/secrets/jwt", "tests/run", "deploy/.env", "sse_signals/__pycache__/app.pyc"):
        assert not let_in(path), path


def test_what_the_image_says_of_itself() -> None:
    """It is pinned, names its version, runs as a numbered user, ends by SIGTERM, and starts without a shell."""
    found, about = dict(last_stage()), project()["project"]
    [base] = [rest for word, rest in instructions() if word == "ARG" and rest.startswith("BASE=")]
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base)
    assert f'image.version="{about["version"]}"' in found["LABEL"]
    assert f'image.description="{about["description"]}"' in found["LABEL"]
    assert f'image.licenses="{about["license"]}"' in found["LABEL"]
    assert found["USER"] == "10001:10001"
    assert found["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(found["ENTRYPOINT"]) + json.loads(found["CMD"]) == ["sse-signals", "serve"]
    settings = load({key: value for key, value in image_environment().items() if key.startswith("SIGNALS_")} | AUTH, {})
    assert found["EXPOSE"].split() == [str(settings.port), str(settings.metrics_port)]
    assert settings.metrics_host == "127.0.0.1"


@pytest.mark.usefixtures("confinement")
def test_it_does_not_open_its_door_to_everybody() -> None:
    """Without authentication the image refuses to start, in one sentence that says what to do."""
    process = confined(BIN / "sse-signals", "serve", SIGNALS_HOST=image_environment()["SIGNALS_HOST"])
    said, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert re.search(r"SIGNALS_HOST is '0\.0\.0\.0': without authentication .* SIGNALS_AUTH", said)


@pytest.mark.usefixtures("confinement")
def test_it_runs_where_nothing_may_be_written(tmp_path: Path) -> None:
    """A nobody without a home serves on a read-only file system; its health check says so, and sees when it is gone."""
    secret = tmp_path / "jwt"
    secret.write_text("s" * 43)
    place = {"SIGNALS_HOST": "127.0.0.1", "SIGNALS_PORT": "0", "SIGNALS_METRICS_PORT": "0"}
    with serving(**place, SIGNALS_AUTH="jwt", SIGNALS_JWT_SECRET=f"@{secret}") as (process, told):
        url = told["metrics at"]["url"]
        check = [sys.executable, *health_check()[1:]]
        port = {**os.environ, "SIGNALS_METRICS_PORT": re.findall(r":(\d+)/", url)[0]}
        assert health_check()[0] == "python"
        assert subprocess.run(check, env=port, timeout=DEADLINE, check=False).returncode == 0
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            assert b"\nsse_signals_ready 1" in answer.read()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE)
        assert process.returncode == 0
        assert subprocess.run(check, env=port, stderr=-3, timeout=DEADLINE, check=False).returncode == 1


@pytest.mark.usefixtures("confinement")
def test_a_log_in_a_file_needs_a_volume() -> None:
    """Where /data is no volume, the hub says that it cannot write there, instead of beginning a log that vanishes."""
    process = confined(BIN / "sse-signals", "serve", SIGNALS_BROKER=f"sqlite:///{DEPLOY}/log.db", SIGNALS_PORT="0")
    said, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert "log.db" in said
    assert "Traceback" not in said

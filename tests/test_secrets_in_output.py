"""The search for secrets in all output can fail: a plugin that finds nothing would look just as green."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.secrets_in_output import KINDS, MARK, Watch, scrub

ROOT: Final = Path(__file__).parent.parent
JWT: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLW9mLWEtdGVzdA"
SECRETS: Final = {
    "token": ["canary-token", "token-7-of-a-test", JWT],
    "API key": ["sse_" + "aB3-_" * 8 + "xyz"],
    "password": ["canary-password"],
    "cookie": ["canary-cookie"],
    "ticket": ["canary-ticket", "/stream?ticket=" + "x" * 43],
    "idempotency key": ["canary-key"],
    "secret": ["canary-of-a-secret"],
}
# Each test leaks another kind in another way; the words are put together, so that a traceback does not show them.
TESTS: Final = """
import asyncio, logging, subprocess, sys
import pytest

def code(text):
    return f"print({text[:5]!r} + {text[5:]!r})"

def test_printed():
    print("canary-" + "token")

def test_logged(caplog):
    logging.getLogger("x").warning("it is %s", "canary-" + "password")

def test_read(capsys):
    print("canary-" + "cookie", file=sys.stderr)
    assert capsys.readouterr().err

def test_of_a_process():
    subprocess.run([sys.executable, "-c", code("canary-" + "key")], capture_output=True, check=True)

def test_of_a_process_in_pieces():
    async def run():
        text = "canary-" + "ticket"
        pieces = f"import os; os.write(1, {text[:9]!r}.encode()); input(); os.write(1, {text[9:]!r}.encode())"
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", pieces, **pipes)
        await process.stdout.readexactly(9)
        await process.communicate(b"\\n")
    asyncio.run(run())

@pytest.fixture
def late():
    yield
    print("sse_" + "x" * 43)

def test_after_its_end(late):
    pass

@pytest.mark.prints_secrets("it is what this test is about")
def test_on_purpose():
    print("canary-" + "token")

def test_that_prints_none():
    print("id-of-" + "token-1-of-a-test")
"""


@pytest.mark.parametrize(("kind", "secret"), [(kind, secret) for kind, all_ in SECRETS.items() for secret in all_])
def test_every_kind_is_found_and_scrubbed(kind: str, secret: str) -> None:
    """Wherever it stands in a text; and nobody who is told of it sees it."""
    watch = Watch()
    watch.look(f"a line\nwith {secret} in it", "a test")
    watch.look(f"a line\nwith {secret} in it".encode(), "a test")
    assert watch.end() == [f"{kind} in a test"]
    assert watch.end() == []
    assert secret.rpartition("=")[2] not in scrub(f"with {secret} in it")


def test_every_kind_has_an_example() -> None:
    """Or nobody would know whether it can be found."""
    assert set(SECRETS) == set(KINDS)


@pytest.mark.parametrize("text", ["", None, "id-of-token-3-of-a-test", "eyJ.a.b", "sse_signals", "signals-canary"])
def test_what_is_no_secret_is_none(text: str | None) -> None:
    """The id of a token may be told, and so may names that look a little like a key."""
    watch = Watch()
    watch.look(text, "a test")
    assert watch.end() == []


def test_a_secret_fails_the_run(tmp_path: Path) -> None:
    """In every process that runs tests: the status, the test and the kind are told, and the secret is not."""
    (tmp_path / "test_leaks.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "xdist", "-p", "tests.secrets_in_output", "-q"),
            *(
                "-p",
                "no:cacheprovider",
                "--strict-markers",
                "-n",
                "2",
                "--dist",
                "worksteal",
                "--rootdir",
                str(tmp_path),
                str(tmp_path),
            ),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    told = done.stdout
    assert done.returncode == 1, told
    for test, kind in (
        ("test_printed", "token in captured stdout call"),
        ("test_logged", "password in captured log call"),
        ("test_read", "cookie in captured err"),
        ("test_of_a_process", "idempotency key in what a process wrote"),
        ("test_of_a_process_in_pieces", "ticket in what a process wrote to its file 1"),
        ("test_after_its_end", "API key in captured stdout teardown"),
    ):
        assert f"{test}: its output holds {kind}" in told
    assert "test_on_purpose:" not in told
    assert "test_that_prints_none:" not in told
    assert "6 errors" in told
    watch = Watch()
    watch.look(told, MARK)
    assert watch.end() == []

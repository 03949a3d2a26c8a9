"""``sse-signals bench`` as a process of its own, piped: its report, and how it takes what it is given."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sse_signals.cli import main
from tests.bench_clients.running import QUICK, assert_one_sentence, bench
from tests.bench_clients.scripted import scripted
from tests.commands.running import Done

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.bench_clients.scripted import Scripted


def called(*arguments: str) -> Done:
    """Run the command in this process, where it does not come to a load."""
    result = CliRunner().invoke(main, ["bench", *arguments])
    return Done(result.exit_code, result.stdout, result.stderr)


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

"""``sse-signals conformance``: what it prints, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.conformance import catalogue
from tests.commands.running import assert_told, blockbuster, command  # noqa: F401 - a fixture
from tests.conformance.stand_in import beside
from tests.conformance.stand_in_streams import ORIGIN

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ["--only", "format.status", "--only", "format.caching"]


def conformance(url: str, adapter: str, *arguments: str) -> Any:
    """Run the command."""
    return command("conformance", url, "--adapter", adapter, *arguments)


def test_a_hub_that_passes(adapter: str) -> None:
    """A table, a line of numbers, and status 0; nothing on stderr, where there is no terminal."""
    with beside() as url:
        done = conformance(url, adapter, *QUICK)
    assert done == (
        0,
        (
            "Case            Result  Seen\n"
            "format.status   pass    200, text/event-stream\n"
            "format.caching  pass    Cache-Control: no-store\n"
            "\n"
            "stand-in: 2 pass.\n"
        ),
        "",
    )


def test_a_hub_that_fails(adapter: str) -> None:
    """What failed is told in full, with where the requirement comes from."""
    with beside("cacheable") as url:
        done = conformance(url, adapter, *QUICK)
    assert done.status == 1
    assert done.stdout.partition("\n\n")[2] == (
        "fail  format.caching\n"
        "    Cache-Control forbids keeping the answer.\n"
        "    Seen: Cache-Control is ''.\n"
        "    Source: good practice: a cache would replay yesterday's stream.\n"
        "\n"
        "stand-in: 1 pass, 1 fail.\n"
    )


def test_programs_get_json(adapter: str) -> None:
    """One object, with each case in full."""
    with beside("cacheable") as url:
        done = conformance(url, adapter, *QUICK, "--json")
    told = json.loads(done.stdout)
    assert done.status == 1
    assert (told["url"], told["adapter"], told["whole"]) == (url, "stand-in", True)
    assert told["counts"] == {"pass": 1, "fail": 1, "not offered": 0, "not tried": 0}
    assert told["results"][1] == {
        "case": "format.caching",
        "group": "format",
        "name": "caching",
        "must": "Cache-Control forbids keeping the answer.",
        "source": "good practice: a cache would replay yesterday's stream",
        "result": "fail",
        "seen": "Cache-Control is ''",
    }


def test_pages_get_markdown(adapter: str) -> None:
    """A table of three columns."""
    with beside() as url:
        done = conformance(url, adapter, *QUICK, "--markdown")
    assert done.lines == [
        "| case | result | seen |",
        "|---|---|---|",
        "| `format.status` | pass | 200, text/event-stream |",
        "| `format.caching` | pass | Cache-Control: no-store |",
    ]


def test_what_a_hub_says_never_steers_a_terminal(adapter: str) -> None:
    """Escape sequences in its headers are shown, in each kind of output."""
    with beside("escapes") as url:
        for kind in ("", "--json", "--markdown"):
            done = conformance(url, adapter, "--only", "format.caching", *filter(None, [kind]))
            assert done.status == 0
            assert "\x1b" not in done.stdout
            assert "x1b[31m" in done.stdout or "u001b[31m" in done.stdout


def test_options_outrank_the_description(adapter: str) -> None:
    """An origin and a history may be given where a hub runs with others than usual."""
    with beside() as url:
        done = conformance(url, adapter, "--only", "cors.allowed", "--origin", "https://other.example")
        assert (done.status, "for the origin that is allowed" in done.stdout) == (1, True)
        done = conformance(url, adapter, "--only", "cors.allowed", "--origin", ORIGIN)
        assert done.status == 0
        done = conformance(url, adapter, "--only", "gap.trimmed", "--history", "20")
        assert "all 36 messages were still held: give a higher --history" in done.stdout


def test_a_token_and_headers_are_sent(adapter: str, tmp_path: Path) -> None:
    """A token may be in a file; it is nowhere in what is printed."""
    token = tmp_path / "token"
    token.write_text("a-secret-of-mine\n")
    with beside("guarded") as url:
        assert conformance(url, adapter, *QUICK).status == 4
        done = conformance(url, adapter, *QUICK, "--token", f"@{token}", "--json")
        assert done.status == 0
        assert "a-secret" not in done.stdout + done.stderr
        assert conformance(url, adapter, *QUICK, "--header", "Authorization: Bearer a-secret-of-mine").status == 0


def test_the_list_of_cases() -> None:
    """It needs no hub, and says what is asked for in each kind of output."""
    done = command("conformance", "--list", "--only", "drain.late")
    assert done.status == 0
    assert done.lines[1].split("  ") == [
        "drain.late",
        "A stream that is opened meanwhile gets 200, or no connection.",
        "HTML 9.2.3",
    ]
    told = json.loads(command("conformance", "--list", "--json").stdout)
    assert [case["case"] for case in told] == [case.full_name for case in catalogue.ALL]
    assert len(command("conformance", "--list", "--markdown", "--only", "cors").lines) == 2 + 6


def test_names_of_cases_are_unlike() -> None:
    """Each can be asked for, and says what must be in one sentence."""
    names = [case.full_name for case in catalogue.ALL]
    assert len(names) == len(set(names))
    assert all(case.must.endswith(".") and case.source for case in catalogue.ALL)


@pytest.mark.parametrize(
    ("arguments", "status", "parts"),
    [
        (["http://127.0.0.1:1"], 3, ["cannot be reached at 127.0.0.1:1: Connection refused."]),
        (["ftp://a"], 2, ["'ftp://a' is no URL of a hub"]),
        (["http://a/b?c"], 2, ["leave that out"]),
        (["http://a/b?c", "--adapter", "nchan"], 2, ["--token or --header"]),
        (["http://a", "--only", "formt"], 2, ["no group or case 'formt'", "did you mean format?"]),
        (["http://a", "--only", "zzzz"], 2, ["--list shows them."]),
        (["http://a", "--adapter", "nope.toml"], 2, ["'nope.toml'", "No such file", "sse-signals and nchan"]),
        (["http://127.0.0.1:1", "--adapter", "\x1b[31m"], 2, ["\\x1b[31m"]),
    ],
)
def test_what_ends_it_before_it_begins(arguments: list[str], status: int, parts: list[str]) -> None:
    """One sentence on stderr, and the documented status."""
    assert_told(command("conformance", *arguments), status, *parts)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--adapter", "nchan"], "Missing argument 'URL'"),
        (["http://a", "--origin", "a/b"], "an origin such as https://app.example.com"),
        (["http://a", "--history", "0"], "--history"),
        (["http://a", "--json", "--markdown"], "--json and --markdown exclude each other."),
        (["--list", "--json", "--markdown"], "--json and --markdown exclude each other."),
        (["http://a", "--header", "Content-Type: a/b"], "give it in the description"),
        (["http://a", "--timeout", "-1"], "no duration"),
    ],
)
def test_wrong_arguments(arguments: list[str], part: str) -> None:
    """They are told as all commands tell them."""
    done = command("conformance", *arguments)
    assert done.status == 2
    assert part in done.stderr


def test_a_description_that_is_no_text(tmp_path: Path) -> None:
    """Neither a picture nor a mistake in it is taken for one."""
    path = tmp_path / "hub.toml"
    path.write_bytes(b"\xff\xfe")
    assert_told(conformance("http://a", str(path)), 2, "it is no text")
    path.write_text("name = 1")
    assert_told(conformance("http://a", str(path)), 2, "hub.toml: name is 1: it may be text of one line.")

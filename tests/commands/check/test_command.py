from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from sse_signals.commands.check.command import check
from sse_signals.commands.check.report import Report, document, text, verdict
from sse_signals.commands.check.start import Connection, Start
from sse_signals.commands.plain import columns_of
from sse_signals.settings import Settings, examine, variable
from tests.terminal import shown
from tests.test_cli import run

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

JWT = {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": "canary-0123456789abcdef0123456789"}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no test see the settings of who runs it."""
    for field in Settings.__dataclass_fields__:
        monkeypatch.delenv(variable(field), raising=False)


def checked(*arguments: str, **variables: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(check, arguments, env=variables)


def in_json(*arguments: str, **variables: str) -> dict[str, Any]:
    """Run the command for a program, and return what it prints."""
    done = checked("--json", *arguments, **variables)
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (0 if found["good"] else 2)
    return found


def test_defaults_are_good_and_all_of_them_are_shown() -> None:
    """Each setting has its line, and the last one says where the hub would listen."""
    done = checked()
    assert done.exit_code == 0
    assert done.stderr == ""
    first, *rows = done.stdout.splitlines()
    assert first.split() == ["Setting", "Value", "From"]
    named = [row.split() for row in rows[: len(Settings.__dataclass_fields__)]]
    assert [row[0] for row in named] == [variable(name) for name in Settings.__dataclass_fields__]
    assert {row[2] for row in named} == {"default"}
    assert ["SIGNALS_HEARTBEAT", "15", "default"] in named
    assert ["SIGNALS_INSECURE", "false", "default"] in named
    assert ["SIGNALS_AUTH", "none", "default"] in named
    assert rows[-1] == "These settings are good: sse-signals serve would listen on http://127.0.0.1:8080/signals"


def test_what_is_not_the_default_comes_first_and_says_where_it_is_from() -> None:
    """An option outranks a variable; with --changed there is nothing else."""
    variables = {"SIGNALS_HEARTBEAT": "3.5", "SIGNALS_PORT": "1", "SIGNALS_CORS_ORIGINS": "https://b https://a"}
    done = checked("--port", "0", **variables)
    rows = [line.split() for line in done.stdout.splitlines()]
    changed = [
        ["SIGNALS_PORT", "0", "--port"],
        ["SIGNALS_HEARTBEAT", "3.5", "environment"],
        ["SIGNALS_CORS_ORIGINS", "https://a,https://b", "environment"],
    ]
    assert rows[1:4] == changed
    assert rows[4][2] == "default"
    assert "would listen on a free port of 127.0.0.1, at /signals" in done.stdout
    rows = [line.split() for line in checked("--changed", "--port", "0", **variables).stdout.splitlines()]
    assert rows[1:5] == [*changed, []]
    assert checked("--changed").stdout.startswith("Everything has its default.\n")
    metrics = ", and for metrics and health on http://[::1]:9090/metrics\n"
    assert checked("--metrics-port", "9090", "--metrics-host", "::1").stdout.endswith(f":8080/signals{metrics}")


def test_all_that_is_wrong_is_told_at_once_by_the_sentences_of_a_start(tmp_path: Path) -> None:
    """Names, values, contradictions and files: each as serve would say it if it were the only one."""
    (tmp_path / "short").write_text("short")
    (tmp_path / "rules").write_text("who = 1")
    variables = {
        "SIGNALS_PROT": "1",
        "SIGNALS_PORT": "x",
        "SIGNALS_AUTH": "jwt,keys",
        "SIGNALS_RULES": str(tmp_path / "rules"),
        "SIGNALS_SECRET": f"@{tmp_path}/short",
        "SIGNALS_JWT_SECRET": "@/no/such/file",
        "SIGNALS_JWT_KEY": f"{tmp_path}/short,/no/such/pem",
        "SIGNALS_MAX_BODY": "1",
    }
    done = checked(**variables)
    assert done.exit_code == 2
    assert "These settings are good" not in done.stdout
    starts = [
        "SIGNALS_PROT is no setting: did you mean SIGNALS_PORT?",
        "SIGNALS_PORT is 'x': it may be",
        "SIGNALS_MAX_MESSAGE is 65536",
        "SIGNALS_RULES names a file that cannot be used",
        "SIGNALS_JWT_SECRET names a file that cannot be read",
        "SIGNALS_SECRET names a file with 5 bytes",
        "SIGNALS_JWT_KEY cannot be used",
        "SIGNALS_JWT_KEY names a file that cannot be read",
    ]
    told = done.stderr.splitlines()
    assert len(told) == len(starts)
    for line, start in zip(told, starts, strict=True):
        assert line.startswith(f"sse-signals: {start}")
    assert in_json(**variables)["problems"] == [line.removeprefix("sse-signals: ") for line in told]
    del variables["SIGNALS_PROT"], variables["SIGNALS_PORT"], variables["SIGNALS_MAX_BODY"]
    assert run("serve", "--port", "0", **variables).stderr == f"{told[3]}\n"


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        (
            {"SIGNALS_AUTH": "keys", "SIGNALS_RULES": "{folder}/empty"},
            "the file of SIGNALS_RULES has a [[key]]",
        ),
        ({"SIGNALS_BROKER": "redis://h/?nonsense=1"}, "nonsense"),
    ],
    ids=["keys", "broker"],
)
def test_parts_that_cannot_be_put_together_are_told(tmp_path: Path, variables: dict[str, str], problem: str) -> None:
    """What only shows when a hub is put together is found without starting one."""
    (tmp_path / "empty").touch()
    found = in_json(**{name: value.format(folder=tmp_path) for name, value in variables.items()})
    (told,) = found["problems"]
    assert problem in told
    assert found["url"] is None


def test_secrets_and_passwords_are_never_shown() -> None:
    """Secrets are stars, URLs lose name and password, good or bad, as text and as JSON."""
    variables = {**JWT, "SIGNALS_BROKER": "redis://u:canary@h/0", "SIGNALS_JWT_ISSUER": "canary://u:canary@h"}
    good = checked("--changed", **variables)
    bad = checked(
        "--changed", "--port", "http://u:canary@h", "--secret", "canary", "--jwt-key", "canary\n", **variables
    )
    for done in (good, bad):
        assert "SIGNALS_JWT_SECRET  ***  " in re.sub(" +", "  ", done.stdout)
        assert "redis://***@h/0" in done.stdout
    assert "'http://***@h'" in bad.stdout
    found = in_json("--secret", "canary", **variables)
    for text_ in (good.output, bad.output, json.dumps(found)):
        assert "canary" not in text_.replace("canary://", "")
    values = {each["setting"]: each["value"] for each in found["settings"]}
    assert (values["SIGNALS_SECRET"], values["SIGNALS_JWT_SECRET"]) == ("***", "***")


@pytest.mark.parametrize("name", ["pwd", "p", "bogus", "sig", "code", "x%20y"])
def test_parameters_of_urls_are_not_shown_whatever_they_are_called(name: str) -> None:
    """Neither with the settings nor in what is wrong with them, as text and as JSON; who lets nobody in is."""
    variables = {
        **JWT,
        "SIGNALS_BROKER": f"redis://h/0?{name}=hunter2&db=1&hunter2",
        "SIGNALS_JWT_JWKS_URL": f"https://h/k?{name}=hunter2",
        "SIGNALS_BACKSTAGE_URL": f"nothing?{name}=hunter2",
    }
    done, found = checked(**variables), in_json(**variables)
    assert done.exit_code == 2
    assert found["problems"]
    for text_ in (done.output, json.dumps(found)):
        assert "hunter2" not in text_
        assert f"redis://h/0?{name}=***&db=1&***" in text_
        assert f"https://h/k?{name}=***" in text_


@pytest.mark.parametrize("arguments", [["--changed"], ["--json"]])
def test_output_that_cannot_be_written_is_told(arguments: list[str]) -> None:
    """One sentence, and not where in the program that was."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >/dev/full', "sh", sys.executable, "-m", "sse_signals", "check", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "sse-signals: the output cannot be written: No space left on device.\n",
    )


def test_programs_get_values_as_what_they_are() -> None:
    """Numbers, truth values and lists are so in JSON; a value that is no good is the text that was given."""
    found = in_json("--insecure", "--port", "9", "--auth", "x", SIGNALS_TRUSTED_PROXIES="10.0.0.1 unix")
    settings = {each["setting"]: each for each in found["settings"]}
    assert settings["SIGNALS_PORT"] == {
        "setting": "SIGNALS_PORT",
        "value": 9,
        "from": "--port",
        "default": False,
        "problem": None,
    }
    assert settings["SIGNALS_INSECURE"]["value"] is True
    assert settings["SIGNALS_HEARTBEAT"]["value"] == 15
    assert settings["SIGNALS_TRUSTED_PROXIES"]["value"] == ["10.0.0.1", "unix"]
    assert settings["SIGNALS_CORS_ORIGINS"]["value"] == []
    assert settings["SIGNALS_RULES"]["value"] is None
    assert settings["SIGNALS_AUTH"]["value"] == "'x'"
    assert settings["SIGNALS_AUTH"]["problem"] in found["problems"]
    assert [each["setting"] for each in in_json("--changed", "--port", "9")["settings"]] == ["SIGNALS_PORT"]


@pytest.mark.parametrize(
    ("arguments", "variables", "warning"),
    [
        (["--host", "0.0.0.0", "--insecure"], {}, "Nobody has to authenticate"),
        ([], {**JWT, "SIGNALS_BROKER": "redis://h"}, r"The cookies of tickets .* \(not set: SIGNALS_SECRET\)\. Give"),
        ([], JWT, r"need not be meant for this hub \(not set: SIGNALS_JWT_ISSUER, SIGNALS_JWT_AUDIENCE\)\. Set"),
        (
            ["--max-streams", "10000000"],
            {},
            r"The limit of open files is low \(limit: \d+, raised to: \d+, ne",
        ),
    ],
    ids=["insecure", "secret", "jwt", "files"],
)
def test_what_a_start_would_warn_of_is_shown(arguments: list[str], variables: dict[str, str], warning: str) -> None:
    """In the words of the log; settings are good all the same."""
    done = checked(*arguments, **variables)
    assert done.exit_code == 0
    assert "\nWarning\n" in done.stdout
    assert re.search(warning, " ".join(done.stdout.split()))
    assert any(re.search(warning, each) for each in in_json(*arguments, **variables)["warnings"])


def test_in_a_terminal_it_is_as_wide_as_that_and_coloured() -> None:
    """Long values go on in the next line, and hostile ones are written as escapes."""
    variables = {"SIGNALS_CORS_ORIGINS": ",".join(f"https://{n}.example" for n in range(20)), "SIGNALS_AUTH": "\x1b[2J"}
    status, told = shown("check", "--changed", columns=80, variables=variables)
    assert status == 2
    assert "\x1b[2J" not in told
    assert "\x1b[1m" in told
    lines = COLOUR.sub("", told).split("\r\n")
    end = next(number for number, line in enumerate(lines) if not line)
    assert max(map(columns_of, lines[:end])) <= 80
    assert "".join("".join(line.split()[-2:-1] or line.split()) for line in lines[1:end]).count("https://") == 20


@pytest.mark.parametrize("width", [20, 44, 79, 80, 120, None])
def test_no_value_is_cut_however_narrow(width: int | None) -> None:
    """Each value is there as a whole, in its column or below its name."""
    origins = ",".join(sorted(f"https://{n}.example" for n in range(20)))
    report = Report(examine({"SIGNALS_CORS_ORIGINS": origins}, {}), Start(()))
    lines = [COLOUR.sub("", line) for line in text(report, width, changed=False)]
    whole = "".join(lines).replace("environment", "").replace(" ", "")
    assert origins in whole
    if width is not None and width >= 44:
        assert max(map(len, lines)) <= width


def test_connections_are_shown_with_what_came_of_them() -> None:
    """Who cannot be used now does not make settings bad, but is named at the end."""
    there = Connection("SIGNALS_BROKER", "redis://h/\x1b", good=True, detail="It is \x1bthere.")
    away = Connection("SIGNALS_JWT_JWKS_URL", "https://h", good=False, detail="It is away.")
    report = Report(examine({}, {}), Start((), connections=(there, away)))
    told = [COLOUR.sub("", line) for line in text(report, None, changed=True)]
    assert told[1:] == [
        "",
        r"SIGNALS_BROKER redis://h/\x1b can be used",
        r"  It is \x1bthere.",
        "",
        "SIGNALS_JWT_JWKS_URL https://h cannot be used",
        "  It is away.",
    ]
    assert verdict(report) == "These settings are good, but what SIGNALS_JWT_JWKS_URL names cannot be used now."
    assert document(report, changed=True)["connections"][1] == {
        "setting": "SIGNALS_JWT_JWKS_URL",
        "place": "https://h",
        "good": False,
        "detail": "It is away.",
    }

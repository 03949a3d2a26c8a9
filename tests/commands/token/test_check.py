"""``sse-signals token check``: it says what the hub would say, for every kind of token, and shows no secret."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import jwt
import pytest

from sse_signals.auth.api_keys import new_key
from sse_signals.clock import wall_clock_ms
from tests.commands.token.checked import CHECKS, fact, rows
from tests.commands.token.running import JWT, MEANT, SECRET, claims, made, token

if TYPE_CHECKING:
    from pathlib import Path


def test_a_good_token() -> None:
    """Every check is passed, and it says what the token is good for, rules included; the exit status is 0."""
    text = made(
        *("--subject", "user:default/ann", "--owns", "group:ops", "--publish", "orders/*", "--plugin", "catalog"),
        *("--target", "group:*", "--subscribe", "audit/*", "--admin", "--id", "token-1", "--expires", "2h"),
        **MEANT,
    )
    done = token("check", text, **MEANT)
    assert (done.status, done.stderr) == (0, "")
    assert rows(done.stdout) == dict.fromkeys(CHECKS, "passed")
    assert "The hub would accept it (jwt)." in done.stdout
    assert fact(done.stdout, "Subject") == "user:default/ann"
    assert fact(done.stdout, "Owns") == "group:default/ops, user:default/ann"
    assert re.fullmatch(r"in 1 h 59 min \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)|in 2 h .*", fact(done.stdout, "Expires"))
    assert fact(done.stdout, "Token id") == "token-1"
    assert fact(done.stdout, "Publish") == "catalog, catalog:*, orders/*, only to group:*"
    assert fact(done.stdout, "Subscribe") == "audit/*"
    assert fact(done.stdout, "Admin").startswith("yes")


def test_a_token_in_a_file(tmp_path: Path) -> None:
    """With @ and a path it is read from there, as --token of other commands does; a file that is not there is told."""
    (tmp_path / "token.txt").write_text(f"{made('--subject', 'ann', **MEANT)}\n")
    done = token("check", f"@{tmp_path / 'token.txt'}", **MEANT)
    assert (done.status, fact(done.stdout, "Subject")) == (0, "ann")
    missing = tmp_path / "none"
    done = token("check", f"@{missing}", **MEANT)
    said = f"sse-signals: The token file '{missing}' cannot be read: No such file or directory.\n"
    assert (done.status, done.stdout, done.stderr) == (2, "", said)


def test_a_token_that_grants_nothing() -> None:
    """Of what is not granted it says so, and that everything may be read as long as no rule marks it private."""
    done = token("check", made("--subject", "ann"), **JWT)
    assert [fact(done.stdout, label) for label in ("Owns", "Publish", "Subscribe", "Admin")] == [
        *("nothing", "nothing", "everything", "no"),
    ]


def test_rules_are_applied(tmp_path: Path) -> None:
    """What the operator's file grants and marks private is part of what the token is good for."""
    file = tmp_path / "rules.toml"
    file.write_text(
        'private = ["audit/*", "hr"]\n[[rule]]\nwho = ["ann"]\npublish = ["a"]\nsubscribe = ["audit/x"]\n'
        '[[rule]]\nwho = ["*"]\nplugins = ["p"]\ntargets = ["user:*"]\n'
    )
    file.chmod(0o600)
    variables = {**JWT, "SIGNALS_RULES": str(file)}
    text = made("--subject", "ann")
    done = token("check", text, **variables)
    assert fact(done.stdout, "Publish") == "a p, p:*, only to user:*"
    assert fact(done.stdout, "Subscribe") == "everything but audit/*, hr; by name audit/x"
    found = json.loads(token("check", text, "--json", **variables).stdout)["identity"]
    assert found["publish"] == [
        {"topics": ["a"], "targets": None},
        {"topics": ["p", "p:*"], "targets": ["user:*"]},
    ]
    assert (found["subscribe"], found["subscribeToAllNotPrivate"]) == (["audit/x"], True)
    assert found["private"] == ["audit/*", "hr"]
    nothing = made("--subject", "bob", "--subscribe", "b", **JWT)
    assert fact(token("check", nothing, **variables).stdout, "Subscribe") == "b"


def test_a_claim_that_grants_no_reading() -> None:
    """An empty list under `subscribe` means nothing, and is told as that."""
    text = jwt.encode({**claims(made("--subject", "a")), "signals": {"subscribe": []}}, SECRET)
    assert fact(token("check", text, **JWT).stdout, "Subscribe") == "nothing"


def test_every_fault_is_told_at_once() -> None:
    """All that is wrong is in the table with what to do, and the exit status is 1; what cannot be checked is not."""
    text = made("--subject", "ann", "--issuer", "other", "--audience", "third", "--type", "x", **JWT)
    variables = {**MEANT, "SIGNALS_JWT_SECRET": SECRET[::-1], "SIGNALS_JWT_TYPE": "JWT"}
    done = token("check", text, **variables)
    assert (done.status, done.stderr) == (1, "")
    found = rows(done.stdout)
    assert [name for name, result in found.items() if result == "failed"] == ["type", "signature", "issuer", "audience"]
    said = " ".join(done.stdout.split())
    assert "The hub would refuse it (jwt): wrong-type, bad-signature, wrong-issuer, wrong-audience." in said
    assert "it has to be https://dev.example." in said
    assert "Ask the issuer for a token whose 'aud' names this hub." in said
    broken = token("check", "x.y", **JWT)
    assert broken.status == 1
    assert list(rows(broken.stdout).values()) == ["failed", *["not reached"] * 11]


def test_what_a_token_says_can_be_wrong_although_it_is_a_true_one() -> None:
    """A signed token with grants that nobody understands fails in the last check, which no other says."""
    text = jwt.encode({**claims(made("--subject", "a")), "signals": {"publsh": ["x"]}}, SECRET)
    done = token("check", text, **JWT)
    assert done.status == 1
    assert [name for name, result in rows(done.stdout).items() if result != "passed"] == ["identity"]
    assert "bad-grants" in done.stdout


def test_an_expired_token_is_good_within_the_leeway() -> None:
    """It says since when; after the leeway it is refused."""
    now = wall_clock_ms() // 1000
    within = {"sub": "a", "exp": now - 5}
    done = token("check", jwt.encode(within, SECRET), **JWT, SIGNALS_LEEWAY="60")
    assert done.status == 0
    assert re.match(r"\d+ s ago, within the leeway \(", fact(done.stdout, "Expires"))
    done = token("check", jwt.encode({"sub": "a", "exp": now - 120}, SECRET), **JWT, SIGNALS_LEEWAY="60")
    assert (done.status, rows(done.stdout)["expiry"]) == (1, "failed")


def test_for_programs() -> None:
    """One JSON object has the checks with their causes, and the identity, if there is one."""
    text = made("--subject", "ann", "--id", "token-1")
    done = token("check", text, "--json", **JWT)
    found = json.loads(done.stdout)
    assert (done.status, found["accepted"], found["method"], found["notRecognised"]) == (0, True, "jwt", [])
    assert [check["check"] for check in found["checks"]] == CHECKS
    assert {check["result"] for check in found["checks"]} == {"passed"}
    assert found["identity"]["subject"] == "ann"
    assert found["identity"]["expiresMs"] == claims(text)["exp"] * 1000
    assert found["identity"]["publishWithin"] is None
    done = token("check", text, "--json", **JWT, SIGNALS_JWT_AUDIENCE="me")
    found = json.loads(done.stdout)
    assert (done.status, found["accepted"], found["identity"]) == (1, False, None)
    (failed,) = [check for check in found["checks"] if check["result"] == "failed"]
    assert (failed["check"], failed["cause"]) == ("audience", "wrong-audience")
    assert failed["hint"]


@pytest.mark.parametrize("written", ["{}", "{}\n", "Bearer {}", "  bearer  {}\r\n"])
def test_it_is_read_from_stdin(written: str) -> None:
    """A dash reads it where nobody else sees it; a line's end and the header's word before it do not matter."""
    done = token("check", "-", stdin=written.format(made("--subject", "ann")), **JWT)
    assert (done.status, rows(done.stdout)["signature"]) == (0, "passed")


def test_bytes_that_are_no_text_are_no_token() -> None:
    """Whatever comes on stdin is judged, not a crash."""
    done = token("check", "-", stdin=b"\xff\x00\x1b[31m", **JWT)
    assert (done.status, rows(done.stdout)["form"]) == (1, "failed")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_11_neither_the_token_nor_a_secret_is_shown(as_json: list[str]) -> None:
    """11: Canary secrets appear in no output, whether the token is good, refused or broken."""
    secret = "canary-" + SECRET
    good = made("--subject", "ann", SIGNALS_JWT_SECRET=secret)
    for text in (good, good[:-4] + "AAAA", good + ".canary", "canary", "sse_" + "canary" * 8, good.replace(".", "!")):
        done = token("check", text, *as_json, **{**JWT, "SIGNALS_JWT_SECRET": secret})
        assert done.status == (0 if text is good else 1)
        assert "canary" not in done.stdout + done.stderr
        assert not any(part in done.stdout + done.stderr for part in text.split(".") if len(part) > 20)


def test_an_api_key(tmp_path: Path) -> None:
    """A key is known or not; it has no end, and the rules say what it may do."""
    key, digest = new_key()
    file = tmp_path / "rules.toml"
    file.write_text(f'[[key]]\nname = "ci"\nsha256 = "{digest}"\n[[rule]]\nwho = ["key:ci"]\npublish = ["*"]\n')
    file.chmod(0o600)
    variables = {"SIGNALS_AUTH": "keys", "SIGNALS_RULES": str(file)}
    done = token("check", key, **variables)
    assert (done.status, rows(done.stdout)) == (0, {"identity": "passed"})
    assert [fact(done.stdout, label) for label in ("Subject", "Expires", "Publish")] == ["key:ci", "never", "*"]
    done = token("check", new_key()[0], **variables)
    assert (done.status, rows(done.stdout)) == (1, {"identity": "failed"})
    assert "The hub would refuse it (keys): unknown-api-key." in done.stdout
    done = token("check", made("--subject", "a"), **variables)
    assert (done.status, rows(done.stdout)) == (1, {"identity": "failed"})
    done = token("check", key, **{**JWT, "SIGNALS_AUTH": "jwt,keys", "SIGNALS_RULES": str(file)})
    assert (done.status, "(keys)" in done.stdout) == (0, True)
    both = {**JWT, "SIGNALS_AUTH": "jwt,keys", "SIGNALS_RULES": str(file)}
    done = token("check", made("--subject", "a"), **both)
    assert (done.status, "The hub would accept it (jwt)." in done.stdout) == (0, True)
    assert fact(done.stdout, "not keys").startswith("This is no API key.")


def test_a_token_that_nobody_knows() -> None:
    """Where there are several ways, each says why it is not of its kind."""
    variables = {**MEANT, "SIGNALS_AUTH": "jwt,backstage", "SIGNALS_BACKSTAGE_URL": "https://backstage.example"}
    text = made("--subject", "a", "--issuer", "other", **JWT)
    done = token("check", text, **variables)
    assert (done.status, rows(done.stdout)) == (1, {})
    assert "none of its ways of authenticating knows this kind of token" in " ".join(done.stdout.split())
    assert "typ" in fact(done.stdout, "not backstage")
    assert "issuer is 'other'" in fact(done.stdout, "not jwt")
    found = json.loads(token("check", text, "--json", **variables).stdout)
    assert (found["accepted"], found["method"], found["checks"]) == (False, None, [])
    assert [(entry["method"], entry["cause"]) for entry in found["notRecognised"]] == [
        *(("backstage", "wrong-type"), ("jwt", "wrong-issuer")),
    ]

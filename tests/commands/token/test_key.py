"""``sse-signals token api-key``: the key is one that the hub knows, with what it was granted."""

from __future__ import annotations

import json
import tomllib

import pytest

from sse_signals.auth import rules_file
from sse_signals.auth.api_keys import ApiKeys
from tests.commands.token.running import known, token


def test_an_api_key_and_its_lines() -> None:
    """The key is one that the hub knows once the lines, as they are, stand in its file of rules."""
    done = token("key", "ci-1")
    assert (done.status, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    (key,) = [line.strip() for line in lines if line.strip().startswith("sse_")]
    file = rules_file.parse("\n".join(lines[lines.index("  [[key]]") :]), "the file")
    identity = known(ApiKeys(file.keys), key)
    assert identity.subject == "key:ci-1"
    assert file.rules.apply(identity).grants.publish
    assert key not in "".join(lines[lines.index("  [[key]]") :])


def test_an_api_key_for_programs() -> None:
    """One JSON object holds the key, its name and its SHA-256; no two keys are the same."""
    one, two = (json.loads(token("key", "ci", "--json").stdout) for _ in range(2))
    assert set(one) == {"name", "key", "sha256", "rule"}
    assert one["rule"] is None
    assert one["key"] != two["key"]
    assert tomllib.loads(f'sha256 = "{one["sha256"]}"')["sha256"] != two["sha256"]


def test_the_rule_of_an_api_key_grants_what_was_asked_for() -> None:
    """The hub reads the printed rule as it is, and grants that and nothing else; programs get the same rule."""
    asked = ["--publish", "orders/*", "--publish", "töpfe", "--plugin", "catalog", "--target", "group:Ops"]
    asked += ["--subscribe", "audit/*", "--admin"]
    for options in (["--admin"], asked):
        lines = token("key", "ci", *options).stdout.splitlines()
        (key,) = [line.strip() for line in lines if line.strip().startswith("sse_")]
        text = "\n".join(lines[lines.index("  [[key]]") :])
        file = rules_file.parse(text, "the file")
        grants = file.rules.apply(known(ApiKeys(file.keys), key)).grants
        assert grants.admin
        assert bool(grants.publish) == (options is asked)
        (rule,) = tomllib.loads(text)["rule"]
        assert json.loads(token("key", "ci", "--json", *options).stdout)["rule"] == rule
    assert rule == {
        "who": ["key:ci"],
        "publish": ["orders/*", "töpfe"],
        "plugins": ["catalog"],
        "targets": ["group:default/ops"],
        "subscribe": ["audit/*"],
        "admin": True,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["key", "ci", "--target", "group:a"], "name that with --publish or --plugin"),
        (["--admin", "key", "ci"], "write those of 'key' behind its name"),
    ],
)
def test_grants_of_a_key_that_mean_nothing(arguments: list[str], said: str) -> None:
    """They are refused before there is a key: targets of nothing, and options of the token instead of the key."""
    done = token(*arguments)
    assert (done.status, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())

"""``sse-signals token``: what it makes is what the hub takes, and mistakes are told."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import jwt
import pytest

from sse_signals.authenticators import authenticators
from sse_signals.settings import load
from tests.commands.token.running import JWT, MEANT, SECRET, claims, known, made, token
from tests.terminal import shown

if TYPE_CHECKING:
    from pathlib import Path

    from sse_signals.identity import Identity


def who(text: str, **variables: str) -> Identity:
    """Return who shows a token, by the authenticator of these settings."""
    assembled = authenticators(load({**JWT, **variables}, {}), logger=mock.Mock())
    return known(assembled.authenticators[0], text)


def test_what_it_makes_the_hub_takes() -> None:
    """Every option ends up as what the hub reads of it."""
    text = made(
        *("--subject", "user:default/ann", "--owns", "group:ops", "--owns", "Group:Default/Team", "--id", "token-1"),
        *("--publish", "orders/*", "--publish", "a", "--plugin", "catalog", "--target", "group:default/*"),
        *("--subscribe", "audit/*", "--admin", "--expires", "90"),
        **MEANT,
    )
    identity = who(text, **MEANT)
    assert identity.subject == "user:default/ann"
    assert identity.owns == {"user:default/ann", "group:default/ops", "group:default/team"}
    assert identity.token_id == "token-1"
    assert (identity.expires_ms or 0) - (identity.issued_ms or 0) == 90_000
    (grant,) = identity.grants.publish
    assert list(grant.filters) == ["a", "catalog", "catalog:*", "orders/*"]
    assert grant.targets == frozenset({"group:default/*"})
    assert list(identity.grants.subscribe or ()) == ["audit/*"]
    assert identity.grants.admin


def test_what_is_not_asked_for_is_not_granted() -> None:
    """A token of a subject alone grants nothing and owns nothing but itself; it can be revoked by its id."""
    text = made("--subject", "ann")
    assert set(claims(text)) == {"sub", "iat", "exp", "jti"}
    identity = who(text)
    assert (identity.owns, identity.grants.publish, identity.grants.subscribe) == (frozenset(), (), None)
    assert not identity.grants.admin
    assert claims(text)["jti"] != claims(made("--subject", "ann"))["jti"]
    assert claims(text)["exp"] - claims(text)["iat"] == 3600


def test_plain_publishing_stays_plain() -> None:
    """Filters alone are texts in the claim; a plugin alone is enough too."""
    assert claims(made("--subject", "a", "--publish", "x/*"))["signals"] == {"publish": ["x/*"]}
    assert claims(made("--subject", "a", "--plugin", "p"))["signals"] == {"publish": [{"plugins": ["p"]}]}


def test_it_is_meant_for_whom_the_settings_say_or_an_option() -> None:
    """Issuer, audience, type, algorithm and the claims' names are the configured ones; options outrank."""
    variables = {
        **MEANT,
        "SIGNALS_JWT_TYPE": "at+jwt",
        "SIGNALS_JWT_SECRET": SECRET * 2,
        "SIGNALS_JWT_ALGORITHM": "HS512",
        "SIGNALS_JWT_OWNS_CLAIM": "groups",
        "SIGNALS_JWT_GRANTS_CLAIM": "may",
    }
    text = made("--subject", "a", "--owns", "group:a", "--admin", **variables)
    assert jwt.get_unverified_header(text) == {"alg": "HS512", "typ": "at+jwt"}
    found = claims(text)
    assert (found["iss"], found["aud"]) == ("https://dev.example", "signals")
    assert (found["groups"], found["may"]) == (["group:default/a"], {"admin": True})
    assert who(text, **variables).grants.admin
    other = made("--subject", "a", "--issuer", "i", "--audience", "x", "--type", "t", **variables)
    assert (claims(other)["iss"], claims(other)["aud"], jwt.get_unverified_header(other)["typ"]) == ("i", "x", "t")
    assert jwt.get_unverified_header(made("--subject", "a"))["typ"] == "JWT"


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("30s", 30), ("5m", 300), ("24h", 86_400), ("1d", 86_400)])
def test_how_long_it_is_good(text: str, seconds: int) -> None:
    """Seconds, or a number with its unit, up to what the hub takes."""
    found = claims(made("--subject", "a", "--expires", text))
    assert found["exp"] - found["iat"] == seconds


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["Missing option '--subject'", "user:default/ann"]),
        (["--subject", ""], ["--subject", "It is empty"]),
        (["--subject", "Plugin:catalog"], ["--subject", "Only the hub itself names plugins and keys."]),
        (["--subject", "key:ci"], ["--subject", "API key"]),
        (["--subject", "a", "--owns", "team"], ["--owns", "kind:namespace/name"]),
        (["--subject", "a", "--publish", "*a*"], ["--publish", "'*'"]),
        (["--subject", "a", "--plugin", "a:b"], ["--plugin", "':'"]),
        (["--subject", "a", "--publish", "a", "--target", "team"], ["--target", "entity ref"]),
        (["--subject", "a", "--target", "group:*"], ["--target", "--publish or --plugin"]),
        (["--subject", "a", "--subscribe", ""], ["--subscribe", "It is empty"]),
        (["--subject", "a", "--expires", "0"], ["--expires", "30s, 5m, 1h, 7d"]),
        (["--subject", "a", "--expires", "1w"], ["--expires", "30s, 5m, 1h, 7d"]),
        (["--subject", "a", "--expires", "86401"], ["1 d", "--expires", "SIGNALS_TOKEN_LIFETIME"]),
        (["--subject", "a", "--issuer", "a\nb"], ["--issuer", "U+000A"]),
        (["--admin", "check", "x"], ["'check'"]),
        (["--subject", "a", "key", "x"], ["'key'"]),
        (["chek", "x"], ["chek"]),
        (["check"], ["TOKEN"]),
        (["check", ""], ["There has to be one token"]),
        (["check", "a b"], ["There has to be one token"]),
        (["check", "x" * 70_000], ["There has to be one token"]),
        (["key"], ["NAME"]),
        (["key", "a b"], ["NAME", "A-Z a-z 0-9"]),
        (["key", '"]\n[x'], ["NAME", "A-Z a-z 0-9"]),
    ],
)
def test_a_mistake_is_told(arguments: list[str], parts: list[str]) -> None:
    """Nothing is printed but what is wrong and what may be, and the exit status says that it was used wrongly."""
    done = token(*arguments, **JWT)
    assert (done.status, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "parts"),
    [
        (["--subject", "a"], {}, ["no secret", "SIGNALS_AUTH=jwt", "SIGNALS_JWT_SECRET", "secrets.token_urlsafe(32)"]),
        (
            ["--subject", "a"],
            {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_JWKS_URL": "https://a.example"},
            ["no secret to sign tokens with"],
        ),
        (["--subject", "a"], {"SIGNALS_JWT_SECRET": SECRET}, ["SIGNALS_JWT_SECRET", "SIGNALS_AUTH holds 'jwt'"]),
        (["--subject", "a"], {**JWT, "SIGNALS_JWT_SECRET": "canary"}, ["SIGNALS_JWT_SECRET is '***'", "32 bytes"]),
        (["check", "x"], {}, ["nobody has to authenticate", "SIGNALS_AUTH"]),
        (["check", "x"], {**JWT, "SIGNALS_JWT_SECRET": "@/no/such/file"}, ["SIGNALS_JWT_SECRET", "No such file"]),
        (["check", "x"], {"SIGNALS_AUTH": "jwtt"}, ["SIGNALS_AUTH is 'jwtt'"]),
    ],
)
def test_settings_that_will_not_do_are_one_sentence(
    arguments: list[str], variables: dict[str, str], parts: list[str]
) -> None:
    """It names the setting and what to do, without the secret; the exit status is that of wrong use."""
    done = token(*arguments, **variables)
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("sse-signals: ")
    assert line.endswith(".")
    assert "canary" not in line
    for part in parts:
        assert part in line


def test_the_lines_that_make_a_secret_make_one_that_is_long_enough() -> None:
    """What the error says to run gives a secret with which the command then works."""
    said = token("--subject", "a").stderr
    code = said.split("python3 -c '")[1].split("'")[0]
    with mock.patch("builtins.print") as printed:
        exec(code, {})
    secret = printed.call_args.args[0]
    assert made("--subject", "a", SIGNALS_JWT_SECRET=secret)


def test_a_person_gets_a_note_beside_the_token() -> None:
    """In a terminal a line says whom it is for and how to look at it; stdout holds the token alone."""
    status, text = shown("token", "--subject", "user:default/ann", "--expires", "90m", variables=JWT)
    assert status == 0
    first, second = text.splitlines()
    assert claims(first)["sub"] == "user:default/ann"
    assert "For user:default/ann, for 1 h 30 min." in second


def test_help_says_everything() -> None:
    """Each command tells its options and its exit status."""
    for arguments in ([], ["check"], ["key"]):
        done = token(*arguments, "--help")
        assert done.status == 0
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert "Exit status:" in done.stdout


def test_of_several_secrets_the_first_signs(tmp_path: Path) -> None:
    """Of a file with one a line: the others are there to verify with, until they are taken out."""
    file = tmp_path / "secrets"
    file.write_text("new-" * 8 + "\n" + "old-" * 8 + "\n")
    text = made("--subject", "a", SIGNALS_JWT_SECRET=f"@{file}")
    assert jwt.decode(text, "new-" * 8, algorithms=["HS256"], options={"verify_aud": False})["sub"] == "a"

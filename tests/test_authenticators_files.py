"""Authenticators of files: keys, rules and several secrets, and files that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import CapturingLogger

from sse_signals.auth.api_keys import new_key
from sse_signals.authenticators import authentication_of, authenticators
from sse_signals.errors import ConfigurationError, NotRecognised
from sse_signals.interfaces import Credentials
from sse_signals.settings import load
from tests.assembled import JWT, SHARED, a_file_of_rules, an_api_key, assembled, cause, who, written  # noqa: F401 - fixtures
from tests.auth.issuer import SUBJECT, Issuer, SigningKey, signing_key

if TYPE_CHECKING:
    from pathlib import Path


async def test_keys_and_rules_stand_in_one_file(rules: str, key: tuple[str, str]) -> None:
    """A key is known, and the rules say what it may do."""
    async with assembled(auth="keys", rules=rules) as made:
        identity = made.rules.apply(await who(made, key[0]))
        assert (identity.subject, identity.issuer) == ("key:ci", "keys")
        assert [list(grant.filters) for grant in identity.grants.publish] == [["orders/*"]]
        assert await cause(made, new_key()[0]) == "unknown-api-key"


async def test_keys_that_are_not_in_force_are_told_of(rules: str, key: tuple[str, str]) -> None:
    """Keys in the file mean nothing while `auth` does not say so; the start warns, and nobody gets in with one."""
    logger = CapturingLogger()
    async with assembled(**{**JWT, "rules": rules}, logger=logger) as made:
        with pytest.raises(NotRecognised):
            await made.authenticators[0].authenticate(Credentials(key[0]))
    (warning,) = [call for call in logger.calls if call.method_name == "warning"]
    assert warning.args == ("API keys are not in force",)
    assert "SIGNALS_AUTH" in warning.kwargs["hint"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"^SIGNALS_AUTH holds 'keys': it may do so only if the file of SIGNALS_RULES has a \[\[key\]\]; "),
        ("x = 1", r"^SIGNALS_RULES names a file that cannot be used: .*rules\.toml: 'x' is no member of the file"),
        (None, r"^SIGNALS_RULES names a file that cannot be used: .* cannot be read"),
    ],
)
def test_a_file_of_rules_that_cannot_be_used(tmp_path: Path, text: str | None, said: str) -> None:
    """One sentence names the setting, and what is wrong."""
    path = tmp_path / "rules.toml"
    if text is not None:
        written(path, text)
    with pytest.raises(ConfigurationError, match=said):
        authenticators(load({}, {"auth": "keys", "rules": str(path)}), logger=CapturingLogger())


OLD, NEW = "old-" * 16, "new-" * 16


@pytest.fixture
def two_secrets(tmp_path: Path) -> str:
    """The path of a file with two secrets."""
    return written(tmp_path / "two", f"{NEW}\n{OLD}\n")


@pytest.fixture
def folded_secret(tmp_path: Path) -> str:
    """The path of a file with one secret that has two lines, of which one is too short to be a secret."""
    return written(tmp_path / "folded", "a" * 40 + "\n" + "b" * 31)


@pytest.fixture
def pems(tmp_path: Path) -> list[str]:
    """The paths of nine files with a public key each, all for one algorithm."""
    return [written(tmp_path / f"{number}.pub", signing_key(str(number)).pem()) for number in range(9)]


@pytest.mark.parametrize("published", [False, True])
async def test_secrets_of_a_file_are_all_good(two_secrets: str, *, published: bool) -> None:
    """A token of each line is accepted, also beside published keys; cookies are signed with the first alone."""
    options = {**JWT, "jwt_secret": f"@{two_secrets}", "secret": f"@{two_secrets}"}
    if published:
        options["jwt_jwks_url"] = "https://192.0.2.1/keys"
    logger = CapturingLogger()
    async with assembled(logger=logger, **options) as made:
        for secret in (OLD, NEW, f"{NEW}\n{OLD}"):
            issuer = Issuer(key=SigningKey(None, "HS256", secret.encode()))
            assert (await who(made, issuer.token())).subject == SUBJECT
        assert await cause(made, SHARED.token()) == "bad-signature"
        found = authentication_of(load({}, options), made)
        assert (found.secret, found.other_secrets) == (NEW.encode(), [OLD.encode(), f"{NEW}\n{OLD}".encode()])
        assert "old-" not in repr(found) + repr(made)
    assert not [call for call in logger.calls if call.method_name == "warning"]


async def test_lines_that_are_one_secret_are_warned_of(folded_secret: str) -> None:
    """Somebody may have meant them to be several: the start names the setting and says what several look like."""
    logger = CapturingLogger()
    async with assembled(logger=logger, **{**JWT, "jwt_secret": f"@{folded_secret}", "secret": f"@{folded_secret}"}):
        pass
    warned = [call for call in logger.calls if call.method_name == "warning"]
    assert [call.args[0] for call in warned] == ["the lines of a file are one secret"] * 2
    assert [call.kwargs["set"] for call in warned] == ["SIGNALS_JWT_SECRET", "SIGNALS_SECRET"]


async def test_two_pem_files_of_one_kind_are_both_good(pems: list[str]) -> None:
    """Tokens of either are accepted, so that keys can be rotated."""
    async with assembled(**{**JWT, "jwt_secret": None, "jwt_key": ",".join(pems[:2])}) as made:
        for name in ("0", "1"):
            assert (await who(made, Issuer(key=signing_key(name)).token())).subject == SUBJECT
        assert await cause(made, Issuer(key=signing_key("2")).token()) == "bad-signature"


def test_too_many_pem_files_of_one_kind_stop_the_start(pems: list[str]) -> None:
    """The sentence names the setting."""
    settings = load({}, {**JWT, "jwt_key": ",".join(pems)})
    with pytest.raises(ConfigurationError, match=r"^SIGNALS_JWT_KEY cannot be used: there are 9 keys for ES256"):
        authenticators(settings, logger=CapturingLogger())

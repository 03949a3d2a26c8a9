"""Secrets, keys and rules that settings hold, or name the files of."""

from __future__ import annotations

import re
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sse_signals.auth import rules_file
from sse_signals.auth.keys import SHARED
from sse_signals.auth.rules_file import RulesFile
from sse_signals.auth.static_keys import pem_keys, secret_key
from sse_signals.errors import ConfigurationError
from sse_signals.rules import NO_RULES
from sse_signals.setting_kinds import MIN_SECRET
from sse_signals.settings import variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.auth.keys import Key
    from sse_signals.settings import Settings

MAX_FILE: Final = 1024 * 1024  # bytes of a file with a secret or keys
MAX_SECRETS: Final = 4  # lines that are taken for secrets; a longer text is rather one that somebody has folded
_VISIBLE: Final = re.compile(rb"[!-~]+")


def shared_secrets(settings: Settings) -> list[Key]:
    """Return the secrets that JWTs are verified with, none or several; the first is the one to sign with.

    Raises:
        ConfigurationError: They cannot be read or used; the text names the setting.
    """
    algorithm = settings.jwt_algorithm if settings.jwt_algorithm in SHARED else "HS256"
    secrets = _secrets("jwt_secret", settings.jwt_secret, SHARED[algorithm])
    with naming("jwt_secret"):
        return [secret_key(each, algorithm=algorithm) for each in secrets]


def public_keys(settings: Settings) -> list[Key]:
    """Return the keys in the PEM files that JWTs are verified with.

    Raises:
        ConfigurationError: One cannot be read or used; the text names the setting.
    """
    algorithm = None if settings.jwt_algorithm in SHARED else settings.jwt_algorithm
    keys: list[Key] = []
    for path in settings.jwt_key:
        text = _content("jwt_key", path)
        with naming("jwt_key"):
            keys += pem_keys(text, algorithm=algorithm)
    return keys


def ticket_secrets(settings: Settings) -> list[bytes]:
    """Return what the cookies of one-time tickets are verified with, none or several; the first one signs them.

    Raises:
        ConfigurationError: They cannot be read or are too short; the text names the setting.
    """
    secrets = _secrets("secret", settings.secret, MIN_SECRET)
    if secrets and len(secrets[0]) < MIN_SECRET:
        raise ConfigurationError(
            f"{variable('secret')} names a file with {len(secrets[0])} bytes: it may hold {MIN_SECRET} or more."
        )
    return secrets


def folded(secrets: Sequence[bytes]) -> bool:
    """Say whether the lines of a file were not taken for secrets, although people can read them."""
    whole, *others = secrets or (b"",)
    return not others and b"\n" in whole and all(map(_VISIBLE.fullmatch, whole.split()))


def rules(settings: Settings) -> RulesFile:
    """Return the operator's rules and API keys; none if no file is set.

    Raises:
        ConfigurationError: The file cannot be read or used; the text names the setting.
    """
    if settings.rules is None:
        return RulesFile(NO_RULES, {})
    try:
        return rules_file.load(Path(settings.rules))
    except ConfigurationError as error:
        raise ConfigurationError(f"{variable('rules')} names a file that cannot be used: {error}") from None


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Name a setting in what is said of its value.

    Raises:
        ConfigurationError: One was raised.
    """
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{variable(name)} cannot be used: {error}.") from None


def _secrets(name: str, text: str | None, least: int) -> list[bytes]:
    """Return what a setting holds, or the file that it names: of that one line end at the end is no part."""
    if text is None:
        return []
    if not text.startswith("@"):
        return [text.encode()]
    content = _content(name, text[1:])
    whole = content[: -2 if content.endswith(b"\r\n") else -1] if content.endswith(b"\n") else content
    return _divided(whole, least)


def _divided(whole: bytes, least: int) -> list[bytes]:
    """Return the secrets in a file: its lines if each is one, and otherwise all of it, which may be any bytes.

    All of it remains a secret in any case: that is what it was before lines counted, and who knows it knows the lines.
    """
    lines = [line.removesuffix(b"\r") for line in whole.split(b"\n")]
    if 1 < len(lines) <= MAX_SECRETS and all(len(line) >= least and _VISIBLE.fullmatch(line) for line in lines):
        return [*lines, whole]
    return [whole]


def _content(name: str, path: str) -> bytes:
    """Return what is in a file. Its path is not told: it may be the secret itself, put in the wrong place."""
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            raise ConfigurationError(f"{variable(name)} names something that is no file: it may name one.")
        if status.st_size > MAX_FILE:
            raise ConfigurationError(f"{variable(name)} names a file that is too long: it may have {MAX_FILE} bytes.")
        return Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"{variable(name)} names a file that cannot be read: {reason}.") from None

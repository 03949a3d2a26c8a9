"""Secrets, keys and rules that settings hold, or name the files of."""

from __future__ import annotations

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
    from collections.abc import Iterator

    from sse_signals.auth.keys import Key
    from sse_signals.settings import Settings

MAX_FILE: Final = 1024 * 1024  # bytes of a file with a secret or keys


def shared_secret(settings: Settings) -> Key | None:
    """Return the secret that JWTs are signed and verified with, or None if there is none.

    Raises:
        ConfigurationError: It cannot be read or used; the text names the setting.
    """
    if settings.jwt_secret is None:
        return None
    algorithm = settings.jwt_algorithm
    secret = _secret("jwt_secret", settings.jwt_secret)
    with naming("jwt_secret"):
        return secret_key(secret, algorithm=algorithm if algorithm in SHARED else "HS256")


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


def ticket_secret(settings: Settings) -> bytes | None:
    """Return what the cookies of one-time tickets are signed with, or None if it is not set.

    Raises:
        ConfigurationError: It cannot be read or is too short; the text names the setting.
    """
    if settings.secret is None:
        return None
    secret = _secret("secret", settings.secret)
    if len(secret) < MIN_SECRET:
        raise ConfigurationError(
            f"{variable('secret')} names a file with {len(secret)} bytes: it may hold {MIN_SECRET} or more."
        )
    return secret


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


def _secret(name: str, text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode()
    content = _content(name, text[1:])
    return content[: -2 if content.endswith(b"\r\n") else -1] if content.endswith(b"\n") else content


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

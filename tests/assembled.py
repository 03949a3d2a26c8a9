"""What settings make of authenticators, and whom those let in."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import CapturingLogger

from sse_signals.auth.api_keys import new_key
from sse_signals.authenticators import Assembled, authenticators
from sse_signals.errors import NotAuthenticated, NotRecognised
from sse_signals.interfaces import Credentials
from sse_signals.settings import load
from tests.auth.issuer import AUDIENCE, ISSUER, SECRET, Clock, Issuer, signing_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sse_signals.identity import Identity

JWT: dict[str, Any] = {"auth": "jwt", "jwt_secret": SECRET, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
SHARED = Issuer(key=signing_key(None, "HS256"))


@asynccontextmanager
async def assembled(*, clock: Clock | None = None, logger: Any = None, **options: Any) -> AsyncIterator[Assembled]:
    """Return what settings ask for, until the test is done with it."""
    settings = load({}, options)
    made = await asyncio.to_thread(authenticators, settings, clock=clock or Clock(), logger=logger or CapturingLogger())
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture(name="key")
def an_api_key() -> tuple[str, str]:
    """An API key, and its SHA-256."""
    return new_key()


@pytest.fixture(name="rules")
def a_file_of_rules(tmp_path: Path, key: tuple[str, str]) -> str:
    """The path of a file with the key, and with what it may do."""
    name = '"ci"'
    text = f'[[key]]\nname = {name}\nsha256 = "{key[1]}"\n[[rule]]\nwho = ["key:ci"]\npublish = ["orders/*"]\n'
    return written(tmp_path / "rules.toml", text)


def written(path: Path, text: str) -> str:
    """Write a file that only its owner can write, and return its path."""
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


async def who(made: Assembled, token: str) -> Identity:
    """Return who shows a token, as the hub finds it out."""
    for authenticator in made.authenticators:
        try:
            return await authenticator.authenticate(Credentials(token))
        except NotRecognised:
            continue
    raise AssertionError("nobody knows this kind of token")


async def cause(made: Assembled, token: str) -> str:
    """Return why a token is refused."""
    with pytest.raises(NotAuthenticated) as caught:
        await made.authenticators[-1].authenticate(Credentials(token))
    return caught.value.cause

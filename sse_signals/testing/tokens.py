"""Tokens that a test makes for its hub."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sse_signals import topics
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import NotAuthenticated
from sse_signals.grants import Grants, PublishGrant
from sse_signals.identity import Identity
from sse_signals.topics import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.interfaces import Credentials


class Tokens:
    """An authenticator that knows the tokens it has made, and no others."""

    def __init__(self) -> None:
        self._known: dict[str, Identity] = {}

    def make(
        self, subject: str, *, owns: Iterable[str], publish: bool | Iterable[str], admin: bool, expires_in: float
    ) -> str:
        """Make a token; see `sse_signals.testing.SignalsHub.token`."""
        if isinstance(owns, str) or isinstance(publish, str):
            raise TypeError("owns and publish are lists of texts, not one text")
        now_ms = wall_clock_ms()
        grants: tuple[PublishGrant, ...] = ()
        if publish is True:
            grants = (PublishGrant(EVERYTHING),)
        elif publish:
            grants = (PublishGrant(topics.of(tuple(publish))),)
        token = secrets.token_urlsafe(24)
        self._known[token] = Identity(
            subject,
            frozenset(owns),
            grants=Grants(publish=grants, admin=admin),
            expires_ms=now_ms + round(expires_in * 1000),
            issued_ms=now_ms,
            token_id=secrets.token_hex(8),
            issuer="test",
        )
        return token

    def refuse(self, token: str) -> None:
        """Know a token no longer; streams that were opened with it stay."""
        self._known.pop(token, None)

    async def authenticate(self, credentials: Credentials) -> Identity:
        """See `sse_signals.interfaces.Authenticator.authenticate`. That one has expired is found elsewhere."""
        identity = self._known.get(credentials.token)
        if identity is None:
            raise NotAuthenticated(
                "unknown-token", "This token was not made by this hub.", hint="Make one with hub.token(…)."
            )
        return identity

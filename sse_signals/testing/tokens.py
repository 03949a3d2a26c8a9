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
        """Know a token no longer; see `sse_signals.testing.SignalsHub.refuse`."""
        if self._known.pop(token, None) is None:
            raise ValueError("this hub has made no such token, or refuses it already")

    async def authenticate(self, credentials: Credentials) -> Identity:
        """See `sse_signals.interfaces.Authenticator.authenticate`. That one has expired is found elsewhere."""
        identity = self._known.get(credentials.token)
        if identity is None:
            raise NotAuthenticated(
                "unknown-token", "This token was not made by this hub.", hint="Make one with hub.token(…)."
            )
        return identity


class Guarding:
    """The part of `SignalsHub` that makes tokens."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens

    def token(
        self,
        subject: str,
        *,
        owns: Iterable[str] = (),
        publish: bool | Iterable[str] = False,
        admin: bool = False,
        expires_in: float = 3600.0,
    ) -> str:
        """Return a token for ``Authorization: Bearer``, on a hub with ``authentication=True``.

        Args:
            subject: Who shows it, for example ``user:default/jane``.
            owns: The entity refs they own, for targeted signals.
            publish: Whether they may publish: everywhere, nowhere, or where these topic filters say.
            admin: Whether they may revoke and drain.
            expires_in: Seconds that it is good for.

        Raises:
            RuntimeError: The hub lets everybody do everything.
            InvalidInput: A ref or a filter breaks its rules.
        """
        return self._with_tokens().make(subject, owns=owns, publish=publish, admin=admin, expires_in=expires_in)

    def refuse(self, token: str) -> None:
        """Know a token no longer: requests with it are 401 from now on, and open streams stay.

        Raises:
            RuntimeError: The hub lets everybody do everything.
            ValueError: The hub does not know it: it was not made here, or is refused already.
        """
        self._with_tokens().refuse(token)

    def _with_tokens(self) -> Tokens:
        if self._tokens is None:
            raise RuntimeError("this hub lets everybody do everything: make it with authentication=True")
        return self._tokens

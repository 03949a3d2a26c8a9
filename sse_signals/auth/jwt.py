"""The authenticator for JSON Web Tokens of any issuer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.auth.causes import unrecognised
from sse_signals.auth.checks import issuer, kind
from sse_signals.auth.claims import identity_of
from sse_signals.auth.compact import peek
from sse_signals.auth.verified import VerifiedTokens
from sse_signals.errors import NotAuthenticated

if TYPE_CHECKING:
    from sse_signals.auth.compact import Peeked
    from sse_signals.auth.verifier import Verifier
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Credentials


class JwtAuthenticator:
    """Tells from a JWT who somebody is: a `sse_signals.interfaces.Authenticator`.

    Args:
        verifier: What verifies tokens.
        owns_claim: The claim with the entity refs that the subject owns.
        grants_claim: The claim with grants; see `sse_signals.auth.grants_claim.read_grants`.
        name: What it is called as the issuer of identities.
    """

    def __init__(
        self, verifier: Verifier, *, owns_claim: str = "ent", grants_claim: str = "signals", name: str = "jwt"
    ) -> None:
        self._verifier = verifier
        self._owns_claim = owns_claim
        self._grants_claim = grants_claim
        self._name = name
        self._verified = VerifiedTokens(verifier.keys, clock=verifier.clock)

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return who shows a token.

        Raises:
            NotRecognised: It is no JWT, or one of another issuer or type.
            NotAuthenticated: It failed a check; the causes are those of `sse_signals.auth.causes`.
            IssuerUnavailable: Its key cannot be fetched at the moment.
        """
        token = credentials.token
        known = await self._verified.get(token)
        if known is not None:
            return known
        verified = await self._verifier.verify(token, self._recognised(token))
        identity = identity_of(
            verified.claims,
            token=token,
            issuer=self._name,
            owns_claim=self._owns_claim,
            grants_claim=self._grants_claim,
        )
        self._verified.put(token, identity, verified.key)
        return identity

    def _recognised(self, token: str) -> Peeked:
        """Read a token that nobody else is asked for: one of another type or issuer may be another authenticator's."""
        peeked = peek(token)
        for rule in (kind, issuer):
            try:
                rule(peeked, self._verifier.expected, 0)
            except NotAuthenticated as error:
                raise unrecognised(error.cause, error.detail) from None
        return peeked

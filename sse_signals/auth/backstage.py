"""The authenticator for a Backstage: its users, their limited tokens in cookies, and its plugins.

Besides the causes in `sse_signals.auth.causes` it refuses with ``unknown-plugin``, ``ownership-refused`` and
``ownership-unknown``. A plugin's token that acts on behalf of a user (``obo``) is the plugin's all the same: who
publishes is the plugin, and it neither owns nor may do more by it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sse_signals.auth.backstage_tokens import ISSUER, LIMITED_USER, PLUGIN, USER, Pinned, check_audience, kind_of
from sse_signals.auth.causes import quoted, refused
from sse_signals.auth.claims import identity_of
from sse_signals.auth.jwks import Jwks
from sse_signals.auth.ownership import Ownership
from sse_signals.auth.plugin_keys import PluginKeys
from sse_signals.auth.plugin_tokens import PluginTokens
from sse_signals.auth.userinfo import Userinfo
from sse_signals.auth.verified import VerifiedTokens
from sse_signals.auth.verifier import Check, Verifier
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import InvalidInput, IssuerUnavailable, NotAuthenticated
from sse_signals.interfaces import Credentials
from sse_signals.refs import entity_ref
from sse_signals.rules import PLUGIN as PLUGIN_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from structlog.typing import FilteringBoundLogger

    from sse_signals.auth.fetch import Fetch
    from sse_signals.identity import Identity

USERS: Final = "backstage"  # the audience of users' tokens
_ENT: Final = "ent"
_IDENTITY: Final = "identity"
_REMEMBERED: Final = 10_000  # identities with what they own


class BackstageAuthenticator:
    """Tells from a Backstage token who somebody is: an `Authenticator`, and `Refreshing`.

    Args:
        base_url: Where the Backstage backend is, without ``/api``.
        fetch: What fetches keys and ownership.
        clock: Milliseconds since 1970-01-01 UTC.
        logger: Where it is told what cannot be fetched.
        plugin_id: The hub's own plugin id, which plugins' tokens have to be made for.
        issuer: The ``iss`` of users' tokens; None for ``<base_url>/api/auth``.
        plugins: The only plugins that may show tokens; None accepts any that publishes keys.
        leeway: Seconds that Backstage's clock may differ, at most 60.
        lifetime: Seconds that a token may be valid at most.

    Raises:
        ConfigurationError: The URL is not one to fetch from, or another value is out of range.
    """

    def __init__(
        self,
        base_url: str,
        *,
        fetch: Fetch,
        clock: Callable[[], int] = wall_clock_ms,
        logger: FilteringBoundLogger,
        plugin_id: str = "signals",
        issuer: str | None = None,
        plugins: Collection[str] | None = None,
        leeway: float = 30.0,
        lifetime: float = 86_400.0,
    ) -> None:
        api = _api(base_url)
        common: dict[str, Any] = {"clock": clock, "leeway": leeway, "lifetime": lifetime}
        sources: dict[str, Any] = {"fetch": fetch, "clock": clock, "logger": logger}
        self._jwks = Jwks(user_keys_url(base_url), **sources)
        self._plugin_keys = PluginKeys(
            lambda plugin: Jwks(f"{api}/{plugin}/.backstage/auth/v1/jwks.json", **sources),
            listed=None if plugins is None else frozenset(plugins),
            clock=clock,
        )
        keys = Pinned(self._jwks)
        self._users = {
            USER: Verifier(keys, types=[USER], issuers=[issuer or f"{api}/auth"], audiences=[USERS], **common),
            LIMITED_USER: Verifier(keys, types=[LIMITED_USER], issuers=None, audiences=None, **common),
        }
        self._clock = clock
        self._plugins = PluginTokens(self._plugin_keys, audience=plugin_id, **common)
        self._ownership = Ownership(
            Userinfo(f"{api}/auth/v1/userinfo", fetch=fetch, logger=logger), clock=clock, logger=logger
        )
        self._bare = VerifiedTokens(keys, clock=clock)  # those that do not say what they own
        self._full = VerifiedTokens(keys, clock=clock)
        # Equal identities are then one object, so that whoever keeps something for one finds it again.
        self._owning = lru_cache(_REMEMBERED)(_owning)

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return who shows a token: a user with what it owns today, or a plugin.

        Raises:
            NotRecognised: It is no Backstage token.
            NotAuthenticated: It is no good.
            IssuerUnavailable: Its key, or what it owns, cannot be fetched at the moment.
        """
        token = credentials.token
        bare = await self._bare.get(token)
        if bare is not None:
            return await self._with_ownership(bare, token)
        full = await self._full.get(token)
        if full is not None:
            return self._told(full)
        kind, subject = kind_of(token)
        if kind == PLUGIN:
            return await self._plugins.authenticate(token, subject)
        return await self._user(token, self._users[kind])

    async def refresh(self, identity: Identity) -> Identity:
        """Return a user with what it owns today, anybody else as they are.

        Raises:
            NotAuthenticated: ``ownership-refused`` or ``ownership-unknown``.
        """
        subject = identity.subject
        if identity.issuer != ISSUER or subject is None or subject.startswith(PLUGIN_SUBJECT):
            return identity
        if not self._ownership.knows(subject):  # another node has seen their token: what it has found out is kept
            return identity
        return self._owning(identity, await self._ownership.today(subject))

    async def inspect(self, token: str) -> Sequence[Check]:
        """Return how a token fares in each check, for the person who debugs it; nothing in it is secret.

        Raises:
            NotRecognised: It is no Backstage token.
        """
        kind, subject = kind_of(token)
        verifier = self._plugins.verifier(subject) if kind == PLUGIN else self._users[kind]
        outcomes = list(await verifier.inspect(token))
        if all(check.passed for check in outcomes):
            outcomes.append(await self._identity_check(token))
        return outcomes

    async def close(self) -> None:
        """End what goes on in the background, and forget all tokens."""
        await self._ownership.close()
        await self._plugin_keys.close()
        await self._jwks.close()

    async def _user(self, token: str, verifier: Verifier) -> Identity:
        verified = await verifier.verify(token)
        check_audience(verified.claims)
        stated = identity_of(verified.claims, token=token, issuer=ISSUER, owns_claim=_ENT)
        try:
            subject = entity_ref(verified.claims["sub"])
        except InvalidInput:
            raise refused("bad-claims", "The token's 'sub' is no entity ref.") from None
        identity = replace(stated, subject=subject)
        if _ENT in verified.claims:
            self._full.put(token, identity, verified.key)
            return self._told(identity)
        self._bare.put(token, identity, verified.key)
        return await self._with_ownership(identity, token)

    async def _with_ownership(self, identity: Identity, token: str) -> Identity:
        subject, expires_ms = identity.subject or "", identity.expires_ms or 0  # a user's token has both
        if identity.expired(self._clock()):  # by less than the leeway; Backstage would not answer it
            raise refused("expired", "The token has just expired.")
        return self._owning(identity, await self._ownership.of(subject, token, expires_ms))

    def _told(self, identity: Identity) -> Identity:
        self._ownership.told(
            identity.subject or "",
            identity.owns,
            issued_ms=identity.issued_ms or 0,
            expires_ms=identity.expires_ms or 0,
        )
        return identity

    async def _identity_check(self, token: str) -> Check:
        try:
            identity = await self.authenticate(Credentials(token))
        except NotAuthenticated as error:
            return Check(_IDENTITY, passed=False, detail=error.detail, cause=error.cause, hint=error.hint)
        except IssuerUnavailable as error:
            return Check(_IDENTITY, passed=None, detail=f"It cannot be told now: {error}.")
        owns = f"owns {len(identity.owns)} entity refs" if identity.owns else "owns nothing"
        return Check(_IDENTITY, passed=True, detail=f"It is {quoted(identity.subject or '')} and {owns}.")


def user_keys_url(base_url: str) -> str:
    """Return where the keys of users' tokens are.

    Args:
        base_url: Where the Backstage backend is, without ``/api``.
    """
    return f"{_api(base_url)}/auth/.well-known/jwks.json"


def _api(base_url: str) -> str:
    return base_url.rstrip("/") + "/api"


def _owning(identity: Identity, owns: frozenset[str]) -> Identity:
    """Return a user as owner of this, and of itself, and of nothing else."""
    today = owns | {identity.subject or ""}
    return identity if today == identity.owns else replace(identity, owns=today)

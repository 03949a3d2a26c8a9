"""Tokens of Backstage's plugins: each may publish as itself, and nothing else by its token."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from sse_signals import topics
from sse_signals.auth.backstage_tokens import ISSUER, PLUGIN, Pinned, check_audience
from sse_signals.auth.claims import numeric_date, token_id
from sse_signals.auth.plugin_keys import KeysOf
from sse_signals.auth.verified import VerifiedTokens
from sse_signals.auth.verifier import Verifier
from sse_signals.clock import wall_clock_ms
from sse_signals.grants import Grants, PublishGrant
from sse_signals.identity import Identity
from sse_signals.rules import PLUGIN as SUBJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sse_signals.auth.plugin_keys import PluginKeys

_PLUGINS: Final = 256  # of which tokens are remembered,
_PER_PLUGIN: Final = 500  # and how many of each


class PluginTokens:
    """Tells from a plugin's token which one shows it.

    Args:
        keys: The keys of all plugins.
        audience: The hub's own plugin id, which tokens have to be made for.
        clock: Milliseconds since 1970-01-01 UTC.
        leeway: Seconds that Backstage's clock may differ, at most 60.
        lifetime: Seconds that a token may be valid at most.
    """

    def __init__(
        self,
        keys: PluginKeys,
        *,
        audience: str,
        clock: Callable[[], int] = wall_clock_ms,
        leeway: float = 30.0,
        lifetime: float = 86_400.0,
    ) -> None:
        self._keys = keys
        self._audience = audience
        self._clock = clock
        self._leeway = leeway
        self._lifetime = lifetime
        self._verified: OrderedDict[str, VerifiedTokens] = OrderedDict()

    async def authenticate(self, token: str, plugin: str) -> Identity:
        """Return who shows a token.

        Args:
            token: The token.
            plugin: The id of the plugin that it says it is from.

        Raises:
            NotAuthenticated: It is no good.
            IssuerUnavailable: The plugin's keys cannot be fetched at the moment.
        """
        known = self._verified.get(plugin)
        identity = None if known is None else await known.get(token)
        if identity is not None:
            return identity
        verifier = self.verifier(plugin)
        verified = await verifier.verify(token)
        check_audience(verified.claims)
        identity = _identity(plugin, verified.claims, token)
        known = self._verified.setdefault(plugin, VerifiedTokens(verifier.keys, clock=self._clock, size=_PER_PLUGIN))
        known.put(token, identity, verified.key)
        self._verified.move_to_end(plugin)
        if len(self._verified) > _PLUGINS:
            self._verified.popitem(last=False)
        return identity

    def verifier(self, plugin: str) -> Verifier:
        """Return what verifies the tokens of a plugin."""
        return Verifier(
            Pinned(KeysOf(self._keys, plugin)),
            types=[PLUGIN],
            issuers=None,
            audiences=[self._audience],
            clock=self._clock,
            leeway=self._leeway,
            lifetime=self._lifetime,
        )


def _identity(plugin: str, claims: Mapping[str, Any], token: str) -> Identity:
    own = topics.of(topics.plugin_filters(plugin))
    return Identity(
        SUBJECT + plugin,
        grants=Grants(publish=(PublishGrant(own),), within=own),
        expires_ms=numeric_date(claims, "exp"),
        issued_ms=numeric_date(claims, "iat"),
        token_id=token_id(claims, token),
        issuer=ISSUER,
    )

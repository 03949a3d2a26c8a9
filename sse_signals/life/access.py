"""Access: from what somebody shows to who they are, what they may do, and whether that still holds."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import IssuerUnavailable, NotAuthenticated, NotRecognised
from sse_signals.identity import ANONYMOUS
from sse_signals.interfaces import Credentials, Refreshing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.identity import Identity
    from sse_signals.interfaces import Authenticator
    from sse_signals.life.limits import FailedAuthentications
    from sse_signals.life.revocations import Revocations
    from sse_signals.rules import Rules

_OF_ANOTHER_FORM: Final = frozenset({"malformed-token", "unknown-token", "unknown-type"})
ACCEPTED: Final = "accepted"
UNCHECKED: Final = "issuer-unavailable"  # nobody can tell at the moment whether it is any good
KNOWN: Final = 10_000  # tokens remembered, with what the rules made of them


class Access:
    """Says who somebody is. Whoever gets an `Identity` from here has passed every check there is.

    Attributes:
        anonymous: Whether somebody who shows nothing may listen.
        revocations: Who is refused.
        results: Credentials that were checked, by what came of it: ``accepted``, or why not.
    """

    def __init__(
        self,
        authenticators: Sequence[Authenticator],
        *,
        rules: Rules,
        revocations: Revocations,
        failures: FailedAuthentications,
        anonymous: bool,
        leeway: float = 0.0,
        clock: Callable[[], int],
        logger: Any,
        results: Counter[str] | None = None,
    ) -> None:
        """Make it.

        Args:
            authenticators: Asked in this order, until one knows the kind of token.
            rules: Who may do what besides what tokens grant.
            revocations: Who is refused.
            failures: How often an address may fail.
            anonymous: Whether somebody who shows nothing may listen.
            leeway: Seconds after its expiry in which a single request may still be made with a token.
            clock: Returns milliseconds since 1970-01-01 UTC.
            logger: Where refusals are told.
            results: Where credentials are counted, if that is to be read elsewhere.
        """
        self._authenticators = authenticators
        self._rules = rules
        self.revocations = revocations
        self._failures = failures
        self._leeway_ms = round(leeway * 1000)
        self._clock = clock
        self._logger = logger
        self._known: OrderedDict[bytes, tuple[Identity, Identity]] = OrderedDict()
        self._nobody = rules.apply(ANONYMOUS)
        self.anonymous = anonymous
        self.results = Counter() if results is None else results

    async def authenticate(self, token: str, address: str, request_id: str | None = None) -> Identity:
        """Return who shows a token, and what they may do.

        Args:
            token: A bearer token or API key.
            address: Where it comes from: an address that fails too often has to wait.
            request_id: Of the request that shows it, for the log.

        Raises:
            NotAuthenticated: It is no good.
            IssuerUnavailable: It cannot be checked at the moment.
            TooMany: The address has failed too often.
        """
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        if digest not in self._known:  # who was let in before does not wait for what others at the address did
            self._failures.check(address)
        try:
            stated = await self._ask(Credentials(token))
            self._check(stated, self._leeway_ms)
        except IssuerUnavailable as error:
            self.results[UNCHECKED] += 1
            if error.named:  # or whoever makes up issuers would never have to wait
                self._failures.failed(address)
            raise
        except NotAuthenticated as error:
            self._known.pop(digest, None)
            self._failures.failed(address)
            self.tell(error, address, request_id)
            raise
        self.results[ACCEPTED] += 1
        return self._ruled(digest, stated)

    def nobody(self, address: str, request_id: str | None = None) -> Identity:
        """Return who somebody is that shows nothing.

        Raises:
            NotAuthenticated: Nobody may.
        """
        if self.anonymous:
            return self._nobody
        error = NotAuthenticated(
            "no-credentials",
            "The hub has to know who you are.",
            hint="Send 'Authorization: Bearer …'; a browser's EventSource, which cannot, uses a ticket.",
        )
        self.tell(error, address, request_id)
        raise error

    def check(self, identity: Identity) -> None:
        """Check again what may have changed since somebody was let in. What lasts ends exactly when its proof does.

        Raises:
            NotAuthenticated: It has expired or is revoked.
        """
        self._check(identity, 0)

    def _check(self, identity: Identity, leeway_ms: int) -> None:
        now_ms = self._clock()
        if identity.expires_ms is not None and now_ms >= identity.expires_ms + leeway_ms:
            raise NotAuthenticated(
                "expired",
                f"The token or session expired {(now_ms - identity.expires_ms) // 1000} s ago.",
                hint="Get a fresh token; if this one is fresh, compare the clocks of hub and issuer.",
            )
        self.revocations.check(identity)

    def check_request(self, identity: Identity) -> None:
        """Check again for a single request what may have changed since it began; it may be a little late.

        Raises:
            NotAuthenticated: It has expired or is revoked.
        """
        self._check(identity, self._leeway_ms)

    async def refreshed(self, identity: Identity) -> Identity:
        """Return an identity with what it owns and may do today.

        Raises:
            NotAuthenticated: Its issuer no longer vouches for it.
        """
        for authenticator in self._authenticators:
            if isinstance(authenticator, Refreshing):
                stated = replace(identity, grants=identity.stated or identity.grants)
                today = await authenticator.refresh(stated)
                if today != stated:
                    return self._apply(today)
        return identity

    def check_address(self, address: str) -> None:
        """Refuse an address that has failed too often; for what is shown besides tokens.

        Raises:
            TooMany: It has.
        """
        self._failures.check(address)

    def refused(self, error: NotAuthenticated, address: str, request_id: str | None = None) -> None:
        """Count a failure of an address, and write its log line."""
        self._failures.failed(address)
        self.tell(error, address, request_id)

    def tell(self, error: NotAuthenticated, address: str, request_id: str | None = None) -> None:
        """Count a refusal, and write its one log line."""
        self.results[error.cause] += 1
        tell(self._logger, error, address, request_id)

    async def _ask(self, credentials: Credentials) -> Identity:
        closest: NotRecognised | None = None
        for authenticator in self._authenticators:
            try:
                return await authenticator.authenticate(credentials)
            except NotRecognised as error:
                if error.cause not in _OF_ANOTHER_FORM or len(self._authenticators) == 1:
                    closest = error
        if closest is not None:  # one knew the form, and why it is not for this hub helps more than that nobody took it
            raise closest
        raise NotAuthenticated(
            "unknown-token",
            "No authenticator of the hub knows this kind of token.",
            hint="Check which ones SIGNALS_AUTH names, and that the token is whole.",
        )

    def _ruled(self, digest: bytes, stated: Identity) -> Identity:
        known = self._known.pop(digest, None)
        if known is None or known[0] is not stated:
            known = (stated, self._apply(stated))
        self._known[digest] = known
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return known[1]

    def _apply(self, stated: Identity) -> Identity:
        return replace(self._rules.apply(stated), stated=stated.grants)


def tell(logger: Any, error: NotAuthenticated, address: str, request_id: str | None) -> None:
    """Write the one log line of a refusal: its cause, and nothing of what was shown."""
    logger.info("not authenticated", request_id=request_id, cause=error.cause, detail=error.detail, remote=address)

"""Verifying JSON Web Tokens (RFC 7519, with the advice of RFC 8725). PyJWT does the cryptography."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jwt import PyJWS

from sse_signals.auth import checks
from sse_signals.auth.causes import refused
from sse_signals.auth.compact import Peeked, peek
from sse_signals.auth.keys import ALGORITHMS, Key, KeySource
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import ConfigurationError, InvalidInput, IssuerUnavailable, NotAuthenticated
from sse_signals.names import visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

__all__ = ["Check", "Peeked", "Verified", "Verifier", "peek"]

_FORM: Final = "form"
_ALGORITHM: Final = "algorithm"
_EXTENSIONS: Final = "extensions"
_KEY: Final = "key"
_EXPIRY: Final = "expiry"
_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that passed every check.

    Attributes:
        header: Its header's members.
        claims: Its claims.
        key: The key that its signature was verified with, with others that were in question.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any] = field(repr=False)
    key: Key


@dataclass(frozen=True, slots=True)
class Check:
    """How a token fared in one check. Nothing in it is secret.

    Attributes:
        name: Which check.
        passed: Whether it passed; None when it could not be made.
        detail: What was found, one sentence.
        cause: The short name of what is wrong, if it failed.
        hint: What to do about it, if it failed.
    """

    name: str
    passed: bool | None
    detail: str
    cause: str | None = None
    hint: str | None = None


class Verifier:
    """Verifies tokens.

    Args:
        keys: Where the keys are.
        types: What ``typ`` in the header may be, without regard to case; None for whatever it is.
        issuers: What ``iss`` may be; None for whatever it is.
        audiences: Of which ``aud`` has to name one; None for whatever it names.
        clock: Milliseconds since 1970-01-01 UTC.
        leeway: Seconds that the issuer's clock may differ, at most 60.
        lifetime: Seconds that a token may be valid at most.

    Raises:
        ConfigurationError: The leeway or the lifetime is out of range, or a list of names is empty.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        types: Collection[str] | None,
        issuers: Collection[str] | None,
        audiences: Collection[str] | None,
        clock: Callable[[], int] = wall_clock_ms,
        leeway: float = 30.0,
        lifetime: float = 86_400.0,
    ) -> None:
        if not 0 <= leeway <= checks.MAX_LEEWAY:
            raise ConfigurationError(f"the leeway is 0 to {checks.MAX_LEEWAY:g} seconds, not {leeway:g}")
        if not 0 < lifetime <= checks.MAX_LIFETIME:
            most = f"{checks.MAX_LIFETIME:g}"
            raise ConfigurationError(f"the lifetime of tokens is more than 0 and at most {most} seconds")
        wanted = checks.names(types, "the types of tokens")
        self.keys = keys
        self.clock = clock
        self.expected = checks.Expected(
            types=None if wanted is None else frozenset(checks.type_name(name) for name in wanted),
            issuers=checks.names(issuers, "the issuers"),
            audiences=checks.names(audiences, "the audiences"),
            leeway_ms=round(leeway * 1000),
            lifetime_ms=round(lifetime * 1000),
        )

    async def verify(self, token: str, peeked: Peeked | None = None) -> Verified:
        """Return what a token says, which is true.

        Args:
            token: The token.
            peeked: What `peek` read in it, if somebody has looked already.

        Raises:
            NotRecognised: It is no JWT.
            NotAuthenticated: It failed a check; the causes are those of `sse_signals.auth.causes`.
            IssuerUnavailable: Its key cannot be fetched at the moment.
        """
        examined = _Examined(self, token, peeked)
        for _, _, check in _CHECKS:
            await check(examined)
        return Verified(examined.peeked.header, examined.peeked.claims, examined.key)

    async def inspect(self, token: str) -> Sequence[Check]:
        """Return how a token fares in every check that can be made; those that need what failed cannot."""
        examined = _Examined(self, token)
        outcomes: list[Check] = []
        missing: set[str] = set()
        for name, needs, check in _CHECKS:
            if not missing.isdisjoint(needs):
                outcome = Check(name, passed=None, detail="Another check has to pass before this one can be made.")
            else:
                outcome = await _outcome(name, check(examined))
            outcomes.append(outcome)
            if not outcome.passed:
                missing.add(name)
        return outcomes


async def _outcome(name: str, check: Awaitable[str]) -> Check:
    try:
        return Check(name, passed=True, detail=await check)
    except NotAuthenticated as error:
        return Check(name, passed=False, detail=error.detail, cause=error.cause, hint=error.hint)
    except IssuerUnavailable as error:
        return Check(name, passed=None, detail=f"It cannot be told now: {error}.")


class _Examined:
    """One token on its way through the checks, with what they found."""

    peeked: Peeked
    key: Key

    def __init__(self, verifier: Verifier, token: str, peeked: Peeked | None = None) -> None:
        self.verifier = verifier
        self.token = token
        self._read_before = peeked

    async def read(self) -> str:
        self.peeked = self._read_before or peek(self.token)
        return "It is a JWT."

    async def find_key(self) -> str:
        header = self.peeked.header
        try:
            kid = visible(header["kid"], "kid") and header["kid"] if "kid" in header else None
        except InvalidInput:
            raise refused("unknown-key", "The token's 'kid' is not short visible text.") from None
        self.key = await self.verifier.keys.find(kid, header["alg"])
        if self.key.algorithm != header["alg"]:
            raise refused("wrong-algorithm", f"The key is for {self.key.algorithm}.")
        if self.key.others:
            return f"There are {1 + len(self.key.others)} keys for {self.key.algorithm}, which are tried in turn."
        return f"The key is one for {self.key.algorithm}."

    async def verify_signature(self) -> str:
        algorithm = self.key.algorithm
        # The very bytes that were read and that every check is about; PyJWS would decode them a second time.
        method = _JWS.get_algorithm_by_name(algorithm)
        signed = self.token.rpartition(".")[0].encode()
        materials = (self.key.material, *self.key.others)  # all of them for the algorithm that the key is pinned to
        if not any(method.verify(signed, method.prepare_key(each), self.peeked.signature) for each in materials):
            whose = f"any of these {len(materials)} keys" if self.key.others else "this key"
            raise refused("bad-signature", f"The signature is not one of this token by {whose}.")
        return "The signature is right."


def _rule(rule: Callable[[Peeked, checks.Expected, int], str]) -> Callable[[_Examined], Awaitable[str]]:
    async def check(examined: _Examined) -> str:
        return rule(examined.peeked, examined.verifier.expected, examined.verifier.clock())

    return check


_JWS: Final = PyJWS(algorithms=sorted(ALGORITHMS), options={"enforce_minimum_key_length": True})
# In this order; each with the checks that have to pass before it makes sense.
_CHECKS: Final[tuple[tuple[str, frozenset[str], Callable[[_Examined], Awaitable[str]]], ...]] = (
    (_FORM, _NONE, _Examined.read),
    (_EXTENSIONS, frozenset({_FORM}), _rule(checks.extensions)),
    (_ALGORITHM, frozenset({_FORM}), _rule(checks.algorithm)),
    ("type", frozenset({_FORM}), _rule(checks.kind)),
    (_KEY, frozenset({_FORM, _ALGORITHM}), _Examined.find_key),
    ("signature", frozenset({_FORM, _EXTENSIONS, _KEY}), _Examined.verify_signature),
    (_EXPIRY, frozenset({_FORM}), _rule(checks.expiry)),
    ("start", frozenset({_FORM}), _rule(checks.start)),
    ("lifetime", frozenset({_FORM, _EXPIRY}), _rule(checks.lifetime)),
    ("issuer", frozenset({_FORM}), _rule(checks.issuer)),
    ("audience", frozenset({_FORM}), _rule(checks.audience)),
    ("subject", frozenset({_FORM}), _rule(checks.subject)),
)

"""Keys that signatures are verified with, each good for exactly one algorithm, and where they come from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from sse_signals.auth.causes import quoted, refused
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

SHARED: Final = {"HS256": 32, "HS384": 48, "HS512": 64}  # bytes of secret at least, RFC 7518, section 3.2
RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
ALGORITHMS: Final = frozenset({*SHARED, *RSA, *CURVES.values(), "EdDSA"})
MAX_NAMELESS: Final = 8  # keys that a forged token has verified at most, before it is refused


@dataclass(frozen=True, slots=True)
class Key:
    """A key for verifying.

    Attributes:
        kid: Its name, or None.
        algorithm: The one algorithm that it is good for, whatever a token's header says (RFC 8725, section 3.1).
        material: The key as PyJWT takes it: a public key, or the bytes of a shared secret.
        others: Materials of further keys without a name for the same algorithm, which may be meant just as well.
    """

    kid: str | None
    algorithm: str
    material: Any = field(repr=False)
    others: tuple[Any, ...] = field(default=(), repr=False)


class KeySource(Protocol):
    """Where keys come from."""

    async def find(self, kid: str | None, algorithm: str) -> Key:
        """Return the key that a token names.

        Args:
            kid: The name in the token's header; None takes the only key that has the algorithm, or those that an
                operator gave without a name.
            algorithm: The algorithm in the token's header.

        Raises:
            NotAuthenticated: ``unknown-key``, ``wrong-algorithm`` when there are such keys but for other algorithms,
                or ``ambiguous-key`` when there are several.
            IssuerUnavailable: There are no keys, since they cannot be fetched.
        """
        ...


class KeySet:
    """Some keys, found by name.

    Args:
        keys: The keys; equal ones count once.
        any_name: Whether keys without a name answer to every name. Of several for one algorithm any may then be meant.

    Raises:
        ConfigurationError: So many keys without a name would have to be tried that forged tokens would cost too much.
    """

    def __init__(self, keys: Iterable[Key], *, any_name: bool = False) -> None:
        self._keys: list[Key] = []
        self._named: dict[str | None, list[Key]] = {}
        self._any_name = any_name
        for key in keys:
            if key not in self._keys:
                self._keys.append(key)
                self._named.setdefault(key.kid, []).append(key)
        for algorithm, number in Counter(key.algorithm for key in self._named.get(None, [])).items():
            if any_name and number > MAX_NAMELESS:
                raise ConfigurationError(
                    f"there are {number} keys for {algorithm}, and there may be {MAX_NAMELESS}, since a token is tried "
                    "with each; take out those that nobody signs with any more"
                )

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, kid: str | None, algorithm: str) -> Key:
        """Return the key that a token names; see `KeySource.find`."""
        named = self._keys if kid is None else self._named.get(kid, [])
        if not named and self._any_name:
            named = self._named.get(None, [])
        if not named:
            raise refused("unknown-key", "No key is known." if kid is None else f"No key is named {quoted(kid)}.")
        fitting = [key for key in named if key.algorithm == algorithm]
        if not fitting:
            known = ", ".join(sorted({key.algorithm for key in named}))
            detail = f"The token says {quoted(algorithm)}; the key is for {known}."
            raise refused("wrong-algorithm", detail)
        if self._any_name and all(key.kid is None for key in fitting):
            return replace(fitting[0], others=tuple(key.material for key in fitting[1:]))
        if len(fitting) > 1:
            which = "the token names none of them" if kid is None else f"{quoted(kid)} is not one key's name only"
            raise refused("ambiguous-key", f"There are {len(fitting)} keys for {algorithm}, and {which}.")
        return fitting[0]

"""Tokens for the runs with authentication: JWTs of one issuer, signed with ES256 (RFC 7518, section 3.4)."""

from __future__ import annotations

import time
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

EVERYBODY = "group:default/everybody"
_NAME = "https://issuer.example"
_AUDIENCE = "signals"
_TYPE = "at+jwt"
_TEAMS = 100
_LIFETIME = 12 * 3600  # seconds; longer than the benchmark, and shorter than the hub accepts
_TOPICS = ("bench", "t*", "p*")  # all that is published to in the runs with authentication


class Issuer:
    """Somebody whose tokens the hub accepts. It issues each token once, so that runs do not wait for signatures."""

    def __init__(self) -> None:
        self._key = generate_private_key(SECP256R1())
        self._issued: dict[int, str] = {}
        self._publisher = self._issue("service:default/publisher", {"signals": {"publish": [{"topics": _TOPICS}]}})

    def options(self, folder: Path) -> Sequence[str]:
        """Return what is added to the hub's command line so that it accepts the tokens.

        Args:
            folder: Where the file of the public key is written.
        """
        path = folder / "issuer.pem"
        path.write_bytes(self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        options = {"auth": "jwt", "jwt-key": path, "jwt-issuer": _NAME, "jwt-audience": _AUDIENCE, "jwt-type": _TYPE}
        return [part for name, value in options.items() for part in (f"--{name}", str(value))]

    def listener(self, number: int) -> str:
        """Return the token of a listener, who may not publish."""
        token = self._issued.get(number)
        if token is None:
            token = self._issued[number] = self._issue(f"user:default/u{number}", {"ent": owned(number)})
        return token

    def publisher(self) -> str:
        """Return the token of somebody who may publish to every topic of the benchmark, targeting whom they like."""
        return self._publisher

    def _issue(self, subject: str, claims: Mapping[str, Any]) -> str:
        now = int(time.time())
        times = {"iat": now, "exp": now + _LIFETIME}
        about = {"iss": _NAME, "aud": _AUDIENCE, "sub": subject, "jti": str(uuid.uuid4())}
        return jwt.encode({**about, **times, **claims}, self._key, algorithm="ES256", headers={"typ": _TYPE})


@cache
def issuer() -> Issuer:
    """Return the issuer of the benchmark; it is the same as long as the process lives."""
    return Issuer()


def owned(number: int) -> list[str]:
    """Return what a listener owns: itself, a team of some, and what everybody owns."""
    return [f"user:default/u{number}", f"group:default/team-{number % _TEAMS}", EVERYBODY]


def described() -> str:
    """Return what whoever reads the figures has to know of the tokens."""
    return (
        "every stream shows an ES256 token of its own, seen for the first time, whose subject owns itself, one of "
        f"{_TEAMS} teams and {EVERYBODY}; all publish requests show one token with a grant for "
        f"{', '.join(_TOPICS)}; the hub verifies them with one public key (PEM), and asks for iss, aud, exp and typ"
    )


def bearing(token: str) -> Mapping[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}

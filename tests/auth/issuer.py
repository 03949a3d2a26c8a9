"""An issuer to test with: its keys, and the tokens it makes, true and forged. Its server is in `issuer_server`."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import get_default_algorithms

from sse_signals.auth.keys import Key
from tests.fakes import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ISSUER = "https://issuer.example/"
AUDIENCE = "signals"
SUBJECT = "user:default/jane"
SECRET = "a shared secret that is long enough, even for the longest of the three: 64 bytes"


class Clock:
    """The time, in milliseconds since 1970-01-01 UTC, as a test wants it."""

    def __init__(self, now_ms: int = NOON) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)

    @property
    def seconds(self) -> int:
        """The time as claims have it."""
        return self.now_ms // 1000


@dataclass(frozen=True)
class SigningKey:
    """A key with its private half."""

    kid: str | None
    algorithm: str
    private: Any

    def sign(self, data: bytes) -> bytes:
        signature: bytes = get_default_algorithms()[self.algorithm].sign(data, self.private)
        return signature

    @property
    def public(self) -> Key:
        """The half that verifies, as the package holds it."""
        secret = isinstance(self.private, bytes)
        return Key(self.kid, self.algorithm, self.private if secret else self.private.public_key())

    def jwk(self, **members: Any) -> dict[str, Any]:
        """The public half as a JWK; a member given as None is left out."""
        kind = get_default_algorithms()[self.algorithm]
        jwk = kind.to_jwk(self.private.public_key(), as_dict=True)
        jwk.pop("key_ops", None)
        jwk |= {"kid": self.kid, "alg": self.algorithm, "use": "sig", **members}
        return {name: value for name, value in jwk.items() if value is not None}

    def pem(self) -> str:
        public = self.private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()  # type: ignore[no-any-return]

    def private_pem(self) -> str:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # type: ignore[no-any-return]


_CURVES: dict[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


def signing_key(kid: str | None = "one", algorithm: str = "ES256") -> SigningKey:
    """Return a key; the same name and algorithm give the same key again."""
    return _signing_key(kid, algorithm)


@cache
def _signing_key(kid: str | None, algorithm: str) -> SigningKey:
    private: Any
    if algorithm in _CURVES:
        private = ec.generate_private_key(_CURVES[algorithm])
    elif algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    elif algorithm.startswith("HS"):
        private = SECRET.encode()
    else:
        private = rsa_key()
    return SigningKey(kid, algorithm, private)


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return an RSA key; they take long to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def part(content: Any) -> str:
    """Return a part of a token: of bytes as they are, of anything else as JSON."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """Return a token with any header and claims (bytes as they are), signed by any function of what is signed."""
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{part(sign(signed.encode()))}"


@dataclass
class Issuer:
    """Makes tokens that are good, unless a test wants otherwise."""

    clock: Clock = field(default_factory=Clock)
    key: SigningKey = field(default_factory=signing_key)
    typ: str | None = "JWT"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return claims that are good; a change to None leaves the claim out."""
        now = self.clock.seconds
        claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "exp": now + 3600, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        """Return a header that is good; a change to None leaves the member out."""
        header = {"alg": self.key.algorithm, "typ": self.typ, "kid": self.key.kid, **changes}
        return {name: value for name, value in header.items() if value is not None}

    def token(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return a signed token; whatever is given is instead of what is good, None leaves it out."""
        return forge(self.header(**(header or {})), self.claims(**claims), self.key.sign)

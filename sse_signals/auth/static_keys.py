"""Keys that the operator gives: a shared secret, or public keys and certificates in PEM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import InvalidKeyError

from sse_signals.auth.keys import CURVES, RSA, SHARED, Key, KeySet
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192  # a longer one takes too long to verify with
_MAX_RSA_EXPONENT: Final = 2**32
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_OPENSSL_NAMES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


class StaticKeys:
    """Keys that never change: a `KeySource`. A key without a name answers to every name.

    Several without a name may be for one algorithm, at most 8: a token is tried with each, so that keys can be rotated.

    Raises:
        ConfigurationError: There are none, or more that would have to be tried.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = KeySet(keys, any_name=True)
        if not len(self._keys):
            raise ConfigurationError("there is no key to verify tokens with; give a secret, a PEM or a JWKS URL")

    async def find(self, kid: str | None, algorithm: str) -> Key:
        """Return the key that a token names; see `KeySource.find`."""
        return self._keys.find(kid, algorithm)


def secret_key(secret: str | bytes, *, algorithm: str = "HS256", kid: str | None = None) -> Key:
    """Return a shared secret as a key. Who can verify with it can also sign.

    Args:
        secret: At least 32 bytes, or what RFC 7518, section 3.2 asks for the algorithm; text counts as UTF-8.
        algorithm: ``HS256``, ``HS384`` or ``HS512``.
        kid: Its name, or None.

    Raises:
        ConfigurationError: It is too short, or no secret but a public key; or the algorithm is another.
    """
    material = secret.encode() if isinstance(secret, str) else secret
    least = SHARED.get(algorithm)
    if least is None:
        raise ConfigurationError(f"a shared secret is for one of {', '.join(SHARED)}, not for {algorithm!r}")
    if len(material) < least:
        raise ConfigurationError(f"the shared secret for {algorithm} has {len(material)} bytes; it needs {least}")
    try:
        get_default_algorithms()[algorithm].prepare_key(material)
    except InvalidKeyError:
        raise ConfigurationError("the shared secret looks like a public key, which everybody may know") from None
    return Key(kid, algorithm, material)


def pem_keys(text: str | bytes, *, algorithm: str | None = None, kid: str | None = None) -> list[Key]:
    """Return the public keys in a PEM text; of certificates only the key counts, not their names and dates.

    Args:
        text: One or several PEM blocks.
        algorithm: One for RSA keys other than ``RS256``. The algorithm of other keys follows from the key.
        kid: Their name, or None.

    Raises:
        ConfigurationError: There is no public key in it, a private one, or one that cannot be used.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    keys = []
    for block in _BLOCK.finditer(text):
        if "PRIVATE" in block[1]:
            raise ConfigurationError("the PEM holds a private key; give the public key, which is enough to verify")
        try:
            material: Any = (
                x509.load_pem_x509_certificate(block[0].encode()).public_key()
                if "CERTIFICATE" in block[1]
                else load_pem_public_key(block[0].encode())
            )
        except (ValueError, UnsupportedAlgorithm):
            raise ConfigurationError(f"the PEM block {block[1]!r} cannot be read as a public key") from None
        try:
            keys.append(Key(kid, pinned(material, algorithm), material))
        except ValueError as error:
            raise ConfigurationError(f"a key in the PEM cannot be used: {error}") from None
    if not keys:
        raise ConfigurationError("there is no PEM block of a public key or certificate")
    return keys


def pinned(material: object, wanted: str | None) -> str:
    """Return the one algorithm that a public key is good for.

    Args:
        material: The key.
        wanted: The algorithm that somebody chose for it, or None.

    Raises:
        ValueError: It is no key for signatures, a weak one, or its algorithm is another; the text says which.
    """
    match material:
        case EllipticCurvePublicKey() if material.curve.name in _OPENSSL_NAMES:
            algorithm = CURVES[_OPENSSL_NAMES[material.curve.name]]
        case Ed25519PublicKey():
            algorithm = "EdDSA"
        case RSAPublicKey():
            return _pinned_rsa(material, wanted)
        case _:
            raise ValueError("its type is none of RSA, P-256, P-384, P-521 and Ed25519")
    if wanted not in {None, algorithm}:
        raise ValueError(f"it is for {algorithm}, not for {wanted!r}")
    return algorithm


def _pinned_rsa(material: RSAPublicKey, wanted: str | None) -> str:
    algorithm = wanted or "RS256"
    if algorithm not in RSA:
        raise ValueError(f"an RSA key is for one of {', '.join(sorted(RSA))}, not for {wanted!r}")
    if not MIN_RSA_BITS <= material.key_size <= MAX_RSA_BITS:
        raise ValueError(f"an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, not {material.key_size}")
    if material.public_numbers().e >= _MAX_RSA_EXPONENT:
        raise ValueError("its exponent is too large")
    return algorithm

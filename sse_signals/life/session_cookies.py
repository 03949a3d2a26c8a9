"""The signed cookie in which the page of a redeemed ticket comes back: a small JWT (RFC 7519)."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

import jwt
import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sse_signals.errors import ConfigurationError
from sse_signals.life.ticket_causes import bad_session

if TYPE_CHECKING:
    from sse_signals.topics import Filters

LEAST_SECRET: Final = 32  # bytes; RFC 7518, section 3.2
_TYPE: Final = "signals-session+jwt"
_CLAIMS: Final = ("jti", "sub", "exp", "flt")
_FORM: Final = re.compile("[A-Za-z0-9_.-]{1,400}")  # ours are shorter; what is longer is not even looked into


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a cookie of ours says. Comparing takes the same time wherever two values differ."""

    _members: dict[str, Any]

    def of_session(self, session: str) -> bool:
        """Say whether the cookie belongs to a session."""
        return compare_digest(self._members["jti"], session)

    def of_subject(self, subject: str | None) -> bool:
        """Say whether the cookie was given to a subject."""
        return compare_digest(self._members["sub"], _digest_of(subject))

    def of_filters(self, filters: Filters) -> bool:
        """Say whether the cookie was given to a stream that asks for these topics."""
        return compare_digest(self._members["flt"], _digest_of(list(filters)))

    def over(self, now_ms: int) -> bool:
        """Say whether the cookie has expired."""
        return now_ms >= int(self._members["exp"]) * 1000


class SessionCookies:
    """Signs the cookies of sessions and reads them."""

    def __init__(self, secret: bytes, *others: bytes) -> None:
        """Make it.

        Args:
            secret: 32 bytes or more; the same on all nodes.
            others: Secrets with which cookies may have been signed as well, so that the secret can be changed.

        Raises:
            ConfigurationError: A secret is too short.
        """
        self._key, *self._others = map(_key_of, (secret, *others))

    def sign(self, session: str, *, subject: str | None, filters: Filters, until_ms: int) -> str:
        """Return the cookie of a session.

        Args:
            session: Its name.
            subject: Who it is given to. Like the filters it is in it as a digest: of one length, and nothing to read.
            filters: What the stream asks for.
            until_ms: When it expires, in milliseconds since 1970-01-01 UTC; in it these are seconds, rounded up.
        """
        claims = {
            "jti": session,
            "sub": _digest_of(subject),
            "exp": -(-until_ms // 1000),
            "flt": _digest_of(list(filters)),
        }
        return jwt.encode(claims, self._key, algorithm="HS256", headers={"typ": _TYPE})

    def read(self, cookie: str) -> SessionClaims:
        """Return what a cookie says. Whether it has expired is not looked at.

        Raises:
            NotAuthenticated: It is none that was signed here, with the cause ``bad-session``.
        """
        if not _FORM.fullmatch(cookie):
            raise bad_session()
        token = self._verified(cookie)
        if token["header"].get("typ") != _TYPE:
            raise bad_session()
        return SessionClaims(token["payload"])

    def _verified(self, cookie: str) -> dict[str, Any]:
        options: jwt.types.Options = {"require": list(_CLAIMS), "verify_exp": False}
        for key in (self._key, *self._others):
            with suppress(jwt.PyJWTError):
                return jwt.decode_complete(cookie, key, algorithms=["HS256"], options=options)
        raise bad_session()


def _key_of(secret: bytes) -> bytes:
    """Return a key of its own: nothing else signed with the secret is such a cookie, and a cookie is nothing else."""
    if len(secret) < LEAST_SECRET:
        raise ConfigurationError(
            f"the secret for the cookies of tickets has {len(secret)} bytes; it may have {LEAST_SECRET} or more"
        )
    return HKDF(SHA256(), length=32, salt=None, info=_TYPE.encode()).derive(secret)


def _digest_of(value: str | list[str] | None) -> str:
    digest = sha256(orjson.dumps(value)).digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

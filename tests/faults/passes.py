"""Who the publishers and readers of a world are: tokens that its nodes believe, each with what its subject may."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Final

import jwt

if TYPE_CHECKING:
    from collections.abc import Collection

_SECRET: Final = secrets.token_hex(32)
_LIFETIME: Final = 20 * 3600  # seconds: longer than any run
GUARDED: Final = ("--auth", "jwt", "--jwt-secret", _SECRET)  # words for a node's command line


def token(
    subject: str, owns: Collection[str] = (), *, publishes: bool = False, admin: bool = False, ahead: float = 0
) -> str:
    """Return what somebody shows to a hub.

    Args:
        subject: Who it is.
        owns: The entity refs that it owns.
        publishes: Whether it may publish everything, to anybody.
        admin: Whether it may administrate.
        ahead: Seconds by which the clock of the issuer is ahead.
    """
    now = int(time.time() + ahead)
    grants: dict[str, object] = {"publish": ["*"]} if publishes else {}
    grants |= {"admin": True} if admin else {}
    claims = {"sub": subject, "iat": now, "exp": now + _LIFETIME, "jti": subject, "ent": sorted(owns)}
    return jwt.encode({**claims, "signals": grants}, _SECRET)

"""Identities as JSON: how one node hands to another what it has verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from sse_signals.grants import Grants, PublishGrant
from sse_signals.identity import Identity
from sse_signals.topics import Filters, of

if TYPE_CHECKING:
    from collections.abc import Iterable


def encode(identity: Identity) -> bytes:
    """Return an identity as JSON text. It holds no secret, but says who somebody is: it stays among the nodes."""
    return orjson.dumps(to_json(identity))


def decode(text: bytes) -> Identity:
    """Read what `encode` has written.

    Raises:
        ValueError: It is something else.
    """
    return from_json(orjson.loads(text))


def to_json(identity: Identity) -> dict[str, Any]:
    """Return an identity as a JSON object."""
    return {
        "subject": identity.subject,
        "owns": sorted(identity.owns),
        "grants": _grants_to_json(identity.grants),
        "expires": identity.expires_ms,
        "issued": identity.issued_ms,
        "token": identity.token_id,
        "issuer": identity.issuer,
        "stated": None if identity.stated is None else _grants_to_json(identity.stated),
    }


def from_json(value: Any) -> Identity:
    """Read what `to_json` has made.

    Raises:
        ValueError: It is something else.
    """
    try:
        return Identity(
            subject=value["subject"],
            owns=frozenset(value["owns"]),
            grants=_grants_from_json(value["grants"]),
            expires_ms=value["expires"],
            issued_ms=value["issued"],
            token_id=value["token"],
            issuer=value["issuer"],
            stated=None if value["stated"] is None else _grants_from_json(value["stated"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no identity: {error!r}") from None


def _grants_to_json(grants: Grants) -> dict[str, Any]:
    return {
        "publish": [
            {"topics": list(grant.filters), "targets": None if grant.targets is None else sorted(grant.targets)}
            for grant in grants.publish
        ],
        "subscribe": _texts(grants.subscribe),
        "unmarked": grants.unmarked,
        "private": _texts(grants.private),
        "within": _texts(grants.within),
        "admin": grants.admin,
    }


def _grants_from_json(value: Any) -> Grants:
    return Grants(
        publish=tuple(
            PublishGrant(_filters(each["topics"]), None if each["targets"] is None else frozenset(each["targets"]))
            for each in value["publish"]
        ),
        subscribe=None if value["subscribe"] is None else _filters(value["subscribe"]),
        unmarked=value["unmarked"],
        private=_filters(value["private"]),
        within=None if value["within"] is None else _filters(value["within"]),
        admin=value["admin"],
    )


def _texts(filters: Filters | None) -> list[str] | None:
    return None if filters is None else list(filters)


def _filters(texts: Iterable[str]) -> Filters:
    return of(tuple(texts))

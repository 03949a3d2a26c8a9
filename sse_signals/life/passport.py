"""Identities as JSON: how one node hands to another what it has verified."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson

from sse_signals.grants import Grants, PublishGrant
from sse_signals.identity import Identity
from sse_signals.topics import Filters, of

_Expected = TypeVar("_Expected")


def encode(identity: Identity) -> bytes:
    """Return an identity as JSON text. It holds no secret, but says who somebody is: it stays among the nodes.

    Raises:
        ValueError: As `to_json`.
    """
    return orjson.dumps(to_json(identity))


def decode(text: bytes) -> Identity:
    """Read what `encode` has written.

    Raises:
        ValueError: It is something else.
    """
    return from_json(orjson.loads(text))


def to_json(identity: Identity) -> dict[str, Any]:
    """Return an identity as a JSON object.

    Raises:
        ValueError: A grant leaves something out of a prefix, which no grant does and which would be lost.
    """
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
            subject=_text(value["subject"]),
            owns=frozenset(_strings(value["owns"])),
            grants=_grants_from_json(value["grants"]),
            expires_ms=_time(value["expires"]),
            issued_ms=_time(value["issued"]),
            token_id=_text(value["token"]),
            issuer=_text(value["issuer"]),
            stated=None if value["stated"] is None else _grants_from_json(value["stated"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no identity: {error!r}") from None


def _grants_to_json(grants: Grants) -> dict[str, Any]:
    return {
        "publish": [
            {"topics": _texts(grant.filters), "targets": None if grant.targets is None else sorted(grant.targets)}
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
        publish=tuple(_publish_from_json(each) for each in _list(value["publish"])),
        subscribe=None if value["subscribe"] is None else _filters(value["subscribe"]),
        unmarked=_flag(value["unmarked"]),
        private=_filters(value["private"]),
        within=None if value["within"] is None else _filters(value["within"]),
        admin=_flag(value["admin"]),
    )


def _publish_from_json(value: Any) -> PublishGrant:
    targets = value["targets"]
    return PublishGrant(_filters(value["topics"]), None if targets is None else frozenset(_strings(targets)))


def _texts(filters: Filters | None) -> list[str] | None:
    if filters is not None and filters.partial:
        raise ValueError("a grant leaves something out of a prefix")
    return None if filters is None else list(filters)


def _filters(value: Any) -> Filters:
    return of(tuple(_strings(value)))


# JSON that merely looks right must not become a right: text is iterable like a list, and much is true that is not True.


def _list(value: Any) -> list[Any]:
    return _of_type(value, list)


def _strings(value: Any) -> list[str]:
    return [_of_type(each, str) for each in _list(value)]


def _flag(value: Any) -> bool:
    return _of_type(value, bool)


def _text(value: Any) -> str | None:
    return None if value is None else _of_type(value, str)


def _time(value: Any) -> int | None:
    return None if value is None else _of_type(value, int)


def _of_type(value: Any, expected: type[_Expected]) -> _Expected:
    if type(value) is not expected:
        raise TypeError(f"{type(value).__name__} instead of {expected.__name__}")
    return value

"""Grants as a token carries them."""

from __future__ import annotations

from typing import Any, Final

from sse_signals.auth.causes import quoted, refused
from sse_signals.errors import InvalidInput, NotAuthenticated
from sse_signals.grants import Grants, PublishGrant
from sse_signals.refs import ref_pattern
from sse_signals.topics import of, plugin_filters

_MEMBERS: Final = frozenset({"publish", "subscribe", "admin"})
_PUBLISH_MEMBERS: Final = frozenset({"topics", "plugins", "targets"})
_MOST: Final = 256  # entries of one array


def read_grants(claim: Any) -> Grants:
    """Return the grants in a token's claim.

    ::

        {"publish": ["orders/*", {"topics": ["a"], "plugins": ["catalog"], "targets": ["group:default/*"]}],
         "subscribe": ["orders/*"], "admin": true}

    A text under ``publish`` is a topic filter. An object grants its topic filters and everything of its plugins, to its
    targets only if it names some. Without ``subscribe`` the rules decide what may be read; an empty array is nothing.

    Raises:
        NotAuthenticated: ``bad-grants``: a part has a wrong type or an unknown name. Nothing is then granted at all.
    """
    members = _object(claim, "the claim", _MEMBERS)
    admin = members.get("admin", False)
    if not isinstance(admin, bool):
        raise _bad("'admin' is neither true nor false")
    try:
        return Grants(
            publish=tuple(_publish(entry) for entry in _array(members.get("publish", []), "publish")),
            subscribe=of(_texts(members["subscribe"], "subscribe")) if "subscribe" in members else None,
            admin=admin,
        )
    except InvalidInput as error:
        raise _bad(f"a name breaks the rules ({error.field}): {error.detail.rstrip('.')}") from None


def _publish(entry: Any) -> PublishGrant:
    if isinstance(entry, str):
        return PublishGrant(of((entry,)))
    members = _object(entry, "an entry of 'publish'", _PUBLISH_MEMBERS)
    filters = [*_texts(members.get("topics", []), "topics")]
    for plugin in _texts(members.get("plugins", []), "plugins"):
        filters += plugin_filters(plugin)
    if not filters:
        raise _bad("an entry of 'publish' names neither topics nor plugins")
    if "targets" not in members:
        return PublishGrant(of(tuple(filters)))
    targets = _texts(members["targets"], "targets")
    if not targets:
        raise _bad("'targets' is empty")
    return PublishGrant(of(tuple(filters)), frozenset(ref_pattern(target) for target in targets))


def _object(value: Any, what: str, allowed: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(f"{what} is not an object")
    for name in value:
        if name not in allowed:
            raise _bad(f"{quoted(name)} is unknown: {what} may have {', '.join(sorted(allowed))}")
    return value


def _array(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST:
        raise _bad(f"{name!r} is not an array of at most {_MOST}")
    return value


def _texts(value: Any, name: str) -> tuple[str, ...]:
    texts = _array(value, name)
    if not all(isinstance(text, str) for text in texts):
        raise _bad(f"{name!r} holds something that is not text")
    return tuple(texts)


def _bad(what: str) -> NotAuthenticated:
    return refused("bad-grants", f"In the token's grants {what}.")

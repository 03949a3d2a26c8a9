"""Entity refs: names of users, groups and services as Backstage writes them, and patterns of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sse_signals.errors import InvalidInput
from sse_signals.names import visible

# The shape of an entity ref as Backstage writes it: [kind:][namespace/]name.
_ENTITY_REF: Final = re.compile(r"(?:([^:/\s]+):)(?:([^:/\s]+)/)?([^:/\s]+)")
_PREFIX: Final = re.compile(r"(?:[^:/\s]+:(?:[^:/\s]+/[^:/\s]*)?)?")
_PERSON: Final = re.compile(r"(?i:user|group):(?:[^:/\s]+/)?[^:/\s]+")
DEFAULT_NAMESPACE: Final = "default"


def entity_ref(text: object, field: str = "targetOwnershipEntityRefs") -> str:
    """Return an entity ref in the one form in which refs are compared: lower case ``kind:namespace/name``.

    Refs are case-insensitive, and a missing namespace means ``default``; see "Entity references" in Backstage's
    software catalog documentation.

    Raises:
        InvalidInput: It is no entity ref.
    """
    return _entity_ref(text, field) if isinstance(text, str) else visible(text, field)  # which then raises


@lru_cache(maxsize=10_000)  # the same few groups stand in very many tokens and targets
def _entity_ref(text: str, field: str) -> str:
    match = _ENTITY_REF.fullmatch(visible(text, field))
    if match is None:
        raise InvalidInput(
            "It is not an entity ref.", field=field, hint="Write kind:namespace/name, for example group:default/team-a."
        )
    kind, namespace, ref_name = match.groups()
    # Once more, since it may be longer now: what comes out has to be good to go in again.
    return visible(f"{kind}:{namespace or DEFAULT_NAMESPACE}/{ref_name}".lower(), field)


def subject_form(text: str) -> str:
    """Return a subject in the form in which subjects are compared: users and groups as entity refs, others as they are.

    The case of what is no ref of a user or group may mean something to its issuer.
    """
    try:
        return entity_ref(text, "subject") if _PERSON.fullmatch(text) else text
    except InvalidInput:  # it would be too long with its namespace
        return text


def ref_pattern(text: str, field: str = "targets") -> str:
    """Return a pattern of entity refs in its one form: a ref, or a lower-case prefix of refs that ends in ``*``.

    Raises:
        InvalidInput: It is neither.
    """
    if "*" not in text:
        return entity_ref(text, field)
    prefix, star, rest = visible(text, field).lower().partition("*")
    if rest or not _PREFIX.fullmatch(prefix):
        hint = "Write '*', 'group:*' or 'group:default/team-*': in refs the namespace is never left out."
        raise InvalidInput("It is no pattern of entity refs.", field=field, hint=hint)
    return prefix + star

"""Who is listening, what they own, and which targeted signals they may therefore receive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sse_signals.errors import InvalidInput
from sse_signals.names import visible

# The shape of an entity ref as Backstage writes it: [kind:][namespace/]name.
_ENTITY_REF: Final = re.compile(r"(?:([^:/\s]+):)(?:([^:/\s]+)/)?([^:/\s]+)")
_DEFAULT_NAMESPACE: Final = "default"


def entity_ref(text: str, field: str = "targetOwnershipEntityRefs") -> str:
    """Return an entity ref in the one form in which refs are compared: lower case ``kind:namespace/name``.

    Refs are case-insensitive, and a missing namespace means ``default``; see "Entity references" in Backstage's
    software catalog documentation.

    Raises:
        InvalidInput: It is no entity ref.
    """
    match = _ENTITY_REF.fullmatch(visible(text, field))
    if match is None:
        raise InvalidInput(
            "It is not an entity ref.", field=field, hint="Write kind:namespace/name, for example group:default/team-a."
        )
    kind, namespace, ref_name = match.groups()
    return f"{kind}:{namespace or _DEFAULT_NAMESPACE}/{ref_name}".lower()


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified subject and the entity refs it owns.

    Attributes:
        subject: Who it is, or None for somebody anonymous.
        owns: Entity refs, brought into the form in which they are compared.

    Raises:
        InvalidInput: What it owns is no entity ref.
    """

    subject: str | None = None
    owns: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "owns", frozenset(entity_ref(ref, "owns") for ref in self.owns))


ANONYMOUS: Final = Identity()


def entitled(identity: Identity, targets: frozenset[str] | None) -> bool:
    """Say whether an identity may receive a signal with these targets.

    It fails closed: only the absence of targets means everyone; an empty set, or none owned, means no.
    """
    return targets is None or not targets.isdisjoint(identity.owns)

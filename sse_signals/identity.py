"""Who is listening or publishing, what they own and may do, and which targeted signals they may therefore receive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sse_signals.grants import ALL_GRANTS, NO_GRANTS, Grants
from sse_signals.refs import entity_ref, subject_form


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified subject, the entity refs it owns, what it may do, and until when.

    Attributes:
        subject: Who it is, in the form in which subjects are compared, or None for somebody anonymous.
        owns: Entity refs, brought into the form in which they are compared.
        grants: What it may do over HTTP. In this process nobody asks for it.
        expires_ms: When what proved it expires, in milliseconds since 1970-01-01 UTC; None for never.
        issued_ms: When what proved it was issued, in milliseconds since 1970-01-01 UTC; None when nobody knows.
        token_id: The name by which what proved it can be revoked, or None.
        issuer: The name of the authenticator that vouches for it, or None.
        stated: The grants that its credentials carry, before any rule, so that rules can be applied again.

    Raises:
        InvalidInput: What it owns is no entity ref.

    Example:
        >>> ann = Identity("user:default/ann", frozenset({"user:default/ann", "Group:Ops"}))
        >>> sorted(ann.owns)
        ['group:default/ops', 'user:default/ann']
    """

    subject: str | None = None
    owns: frozenset[str] = frozenset()
    grants: Grants = NO_GRANTS
    expires_ms: int | None = None
    issued_ms: int | None = None
    token_id: str | None = None
    issuer: str | None = None
    stated: Grants | None = None

    def __post_init__(self) -> None:
        if self.subject is not None:
            object.__setattr__(self, "subject", subject_form(self.subject))
        object.__setattr__(self, "owns", frozenset(entity_ref(ref, "owns") for ref in self.owns))

    def expired(self, now_ms: int) -> bool:
        """Say whether what proved it has expired at ``now_ms`` (milliseconds since 1970-01-01 UTC)."""
        return self.expires_ms is not None and now_ms >= self.expires_ms


ANONYMOUS: Final = Identity()
ANYBODY: Final = Identity(grants=ALL_GRANTS)  # where nobody has to authenticate


def entitled(identity: Identity, targets: frozenset[str] | None) -> bool:
    """Say whether an identity may receive a signal with these targets.

    It fails closed: only the absence of targets means everyone; an empty set, or none owned, means no.
    """
    return targets is None or not targets.isdisjoint(identity.owns)

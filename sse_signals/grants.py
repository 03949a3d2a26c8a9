"""Grants: what somebody may publish and read. Pure rules; who somebody is stands in `sse_signals.identity`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sse_signals.errors import NotGranted
from sse_signals.topics import EVERYTHING, NOTHING, Filters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.model import Signal


@dataclass(frozen=True, slots=True)
class PublishGrant:
    """Leave to publish.

    Attributes:
        filters: To which addresses. A broadcast, which has none, needs the filter ``*``.
        targets: Patterns of entity refs, one of which each target of a signal has to fit; a signal without targets,
            which reaches everyone, is then not covered. None leaves the targets free.
    """

    filters: Filters
    targets: frozenset[str] | None = None

    def covers(self, address: str | None, targets: frozenset[str] | None) -> bool:
        """Say whether a signal with this address and these targets is within the grant."""
        return self.reaches(address) and self._may_target(targets)

    def reaches(self, address: str | None) -> bool:
        """Say whether an address is within the grant."""
        return "" in self.filters.prefixes if address is None else self.filters.match(address)

    def _may_target(self, targets: frozenset[str] | None) -> bool:
        if self.targets is None:
            return True
        if targets is None:
            return False
        prefixes = tuple(pattern[:-1] for pattern in self.targets if pattern.endswith("*"))
        return all(ref in self.targets or ref.startswith(prefixes) for ref in targets)


@dataclass(frozen=True, slots=True)
class Grants:
    """All that somebody may do.

    Attributes:
        publish: What may be published: whatever one of these covers.
        subscribe: What may be read because it is granted by name, even if it is private; None when no grant names
            anything.
        unmarked: Whether everything that is not private may be read too.
        private: What is private.
        within: The only addresses that may be published to at all, whatever else is granted; None sets no bound.
        admin: Whether revocations, drains and explanations are allowed.
    """

    publish: tuple[PublishGrant, ...] = ()
    subscribe: Filters | None = None
    unmarked: bool = False
    private: Filters = NOTHING
    within: Filters | None = None
    admin: bool = False


NO_GRANTS: Final = Grants()
ALL_GRANTS: Final = Grants(publish=(PublishGrant(EVERYTHING),), subscribe=EVERYTHING, admin=True)


def readable(asked: Filters, grants: Grants) -> Filters:
    """Return the effective filters: what of the asked ones may be read.

    A prefix that is wider than the grants means all of it that may be read. Nothing else is narrowed.

    Raises:
        NotGranted: Nothing of one of the filters may be read; it is named.
    """
    effective = _allowed(asked, grants.subscribe or NOTHING, grants.private if grants.unmarked else EVERYTHING)
    if effective != asked:  # or nothing is left out
        _check_each(asked, effective)
    return effective


def check_publish(signals: Iterable[Signal], grants: Grants, *, batch: bool) -> None:
    """Check that every signal may be published where it goes and to whom it goes.

    Raises:
        NotGranted: One may not; it is named.
    """
    for index, signal in enumerate(signals):
        refused = _refused(signal, grants)
        if refused is not None:
            field, detail, hint = refused
            raise NotGranted(detail, field=field, hint=hint, index=index if batch else None)


def _refused(signal: Signal, grants: Grants) -> tuple[str, str, str] | None:
    address, targets = signal.address, signal.targets
    within = grants.within is None or PublishGrant(grants.within).reaches(address)
    if within and any(grant.covers(address, targets) for grant in grants.publish):
        return None
    what = "A broadcast" if address is None else f"Publishing to {address!r}"
    if grants.within is not None and not within:
        own = ", ".join(grants.within)
        return "topic", f"{what} is not granted: a plugin publishes as itself only.", f"Publish to one of: {own}."
    if any(grant.reaches(address) for grant in grants.publish):
        hint = "Target only those whom your grants for this topic name."
        who = "everyone" if targets is None else "these recipients"
        return "targetOwnershipEntityRefs", f"{what} is granted, but not for {who}.", hint
    return "topic", f"{what} is not granted.", "Ask the operator of the hub for a grant to publish there."


def _check_each(asked: Filters, effective: Filters) -> None:
    entries = (*effective.exact, *effective.prefixes)
    for text in asked:
        # What may be read is inside of what is asked for, so that its entries begin like those of the latter.
        if not (any(entry.startswith(text[:-1]) for entry in entries) if text.endswith("*") else text in entries):
            raise NotGranted(
                f"Listening to {text!r} is not granted.",
                field="topic",
                value=text,
                hint="Leave it out, or ask the operator of the hub for a grant to subscribe to it.",
            )


@lru_cache(maxsize=256)  # most streams ask for the same, and most people may read the same
def _allowed(asked: Filters, named: Filters, private: Filters) -> Filters:
    """Return the addresses that are asked for and may be read, in the one form that equal sets of addresses have.

    What may be read changes only at entries of these filters. Going from wide to narrow, an entry is kept where it
    decides otherwise than what covers it.
    """
    sources = (asked, named, private)

    def allowed(text: str, *, prefix: bool) -> bool:
        if not _includes(asked, text, prefix=prefix):
            return False
        return _includes(named, text, prefix=prefix) or not _includes(private, text, prefix=prefix)

    wide: dict[str, bool] = {}
    for text in sorted({text for source in sources for text in (*source.prefixes, *source.not_prefixes)}, key=len):
        decision = allowed(text, prefix=True)
        if decision != _inherited(text, wide):
            wide[text] = decision
    exact = {text for source in sources for text in (*source.exact, *source.not_exact)}
    narrow = {text: allowed(text, prefix=False) for text in exact}
    narrow = {text: decision for text, decision in narrow.items() if decision != _inherited(text, wide)}
    return Filters(
        exact=frozenset(text for text, kept in narrow.items() if kept),
        prefixes=frozenset(text for text, kept in wide.items() if kept),
        not_exact=frozenset(text for text, kept in narrow.items() if not kept),
        not_prefixes=frozenset(text for text, kept in wide.items() if not kept),
    )


def _includes(filters: Filters, text: str, *, prefix: bool) -> bool:
    """Say whether an address is within filters; or of a prefix, what follows from its entries and those around it."""
    if not prefix:
        return filters.match(text)
    if not filters.not_prefixes:
        return text.startswith(tuple(filters.prefixes))
    kept, left_out = (
        max((len(entry) for entry in entries if text.startswith(entry)), default=-1)
        for entries in (filters.prefixes, filters.not_prefixes)
    )
    return kept > left_out


def _inherited(text: str, wide: dict[str, bool]) -> bool:
    starts = (text[:length] for length in range(len(text), -1, -1))
    return next((wide[start] for start in starts if start in wide), False)

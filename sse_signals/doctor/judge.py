"""The verdict on what an examination has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.doctor.finding import ORDER, Finding, Fine, Unchecked
from sse_signals.doctor.rules.delivery import delivery
from sse_signals.doctor.rules.entrance import REFUSED, entrance
from sse_signals.doctor.rules.limits import limits
from sse_signals.doctor.rules.pages import pages
from sse_signals.doctor.rules.rates import rates
from sse_signals.doctor.rules.tickets import tickets
from sse_signals.doctor.rules.ways import connections, publishing, resuming, timekeeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sse_signals.doctor.finding import Said
    from sse_signals.doctor.seen import Seen

RULES: Final[tuple[Callable[[Seen], Iterator[Said]], ...]] = (
    *(entrance, rates, delivery, limits, pages, connections),
    *(resuming, publishing, tickets, timekeeping),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said in the end.

    Attributes:
        findings: What is not as it should be, the worst first.
        fine: What is.
        unchecked: What nobody knows.
    """

    findings: tuple[Finding, ...]
    fine: tuple[Fine, ...]
    unchecked: tuple[Unchecked, ...]

    @property
    def bad(self) -> bool:
        """Whether there is anything worse than a note."""
        return any(finding.severity != "note" for finding in self.findings)

    @property
    def refused(self) -> bool:
        """Whether the hub, or who stands before it, lets nobody in who asks like this."""
        return any(finding.name == REFUSED for finding in self.findings)


def judge(seen: Seen) -> Verdict:
    """Return the verdict."""
    said = [one for rule in RULES for one in rule(seen)]
    if not seen.inside:
        said.append(Unchecked("streams", "there is no stream to be looked at"))
    findings = sorted((one for one in said if isinstance(one, Finding)), key=lambda one: ORDER.index(one.severity))
    fine = tuple(one for one in said if isinstance(one, Fine))
    return Verdict(tuple(findings), fine, tuple(one for one in said if isinstance(one, Unchecked)))

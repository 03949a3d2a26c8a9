"""What a case is, and how it may end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sse_signals.conformance.hub import Hub

    Check = Callable[[Hub], Awaitable[str]]


class Verdict(StrEnum):
    """How a case ended."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_OFFERED = "not offered"
    NOT_TRIED = "not tried"


class Ended(Exception):
    """A case that ends before its end; the text is what was seen."""

    verdict: ClassVar[Verdict]


class Failed(Ended):
    """The hub does not do what the case asks for."""

    verdict = Verdict.FAIL


class NotOffered(Ended):
    """The hub does not claim what the case is about."""

    verdict = Verdict.NOT_OFFERED


class NotTried(Ended):
    """What the case needs was not given; the text says what."""

    verdict = Verdict.NOT_TRIED


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that a hub should do.

    Attributes:
        group: What it belongs to: ``format``, ``ids`` and so on.
        name: Its name within the group.
        must: The requirement, one sentence.
        source: Where that comes from.
        check: Tries it; returns what was seen, or raises one of the `Ended`.
        alone: Whether nothing else may go on meanwhile.
        longer: Seconds that it may take beyond what all have, by what the hub promises.
    """

    group: str
    name: str
    must: str
    source: str
    check: Check
    alone: bool = False
    longer: Callable[[Hub], float] | None = None

    @property
    def full_name(self) -> str:
        """Group and name: ``format.status``."""
        return f"{self.group}.{self.name}"


@dataclass(frozen=True, slots=True)
class Result:
    """How a case ended.

    Attributes:
        case: Which.
        verdict: How.
        seen: What was seen; it may hold what the hub has said.
    """

    case: Case
    verdict: Verdict
    seen: str


def require(condition: object, seen: str) -> None:
    """Go on if a condition is true.

    Raises:
        Failed: It is not.
    """
    if not condition:
        raise Failed(seen)


def offered(condition: object, seen: str) -> None:
    """Go on if a hub claims something.

    Raises:
        NotOffered: It does not.
    """
    if not condition:
        raise NotOffered(seen)

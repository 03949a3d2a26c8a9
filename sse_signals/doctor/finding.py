"""What an examination comes to: findings, what is fine, and what could not be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["fault", "warning", "note"]
ORDER: Final[tuple[Severity, ...]] = ("fault", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        name: Its name, for programs; also what `remedies` has lines for.
        severity: How bad it is.
        seen: What was seen, with figures; it may hold what a server has said.
        effect: What that does to users.
        hub: The setting of the hub to change, if that may be the cause or the cure.
    """

    name: str
    severity: Severity
    seen: str
    effect: str
    hub: str | None = None


@dataclass(frozen=True, slots=True)
class Fine:
    """Something that was checked and is as it should be.

    Attributes:
        name: What was checked.
        text: What was seen, with figures.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Something that could not be checked.

    Attributes:
        name: What.
        reason: Why.
    """

    name: str
    reason: str


Said = Finding | Fine | Unchecked


def seconds(value: float) -> str:
    """Return a duration for people."""
    if value < 0.9995:
        return f"{max(1, round(value * 1000))} ms"
    return f"{value:.1f} s" if value < 99.95 else f"{value:.0f} s"

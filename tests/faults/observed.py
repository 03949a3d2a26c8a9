"""What publishers and clients saw, in their own words, and what the checker says of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

VERDICTS: Final = ("lost", "duplicate", "nonmonotonic", "skip", "unexpected", "inconsistent", "leak", "late")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A signal that somebody wanted to publish; ``outcome`` is acknowledged, unknown or refused.

    ``answers`` are those to all tries, in order: a status, or the name of what went wrong.
    """

    content: str
    outcome: str
    sent: float
    answered: float
    id: str | None = None
    topic: str | None = None
    targets: frozenset[str] | None = None
    tries: int = 1
    request: str | None = None  # those of one request are one record, each at its index
    index: int = 0
    answers: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """What a client read up to an empty line; ``kind`` is event, gap, open, heartbeat or another control's name."""

    kind: str
    time: float
    id: str | None = None
    content: str = ""
    gap_from: str | None = None
    reason: str = ""


@dataclass(slots=True)
class Session:
    """One response that a client got, from a node, and what it said it had."""

    node: str
    resume: str | None
    opened: float
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Client:
    """One logical reader: what it may see, and its sessions in order."""

    name: str
    topics: tuple[str, ...] = ("*",)
    owns: frozenset[str] = frozenset()
    sessions: list[Session] = field(default_factory=list)

    def may_see(self, attempt: Attempt) -> bool:
        """Say whether it is entitled to a signal."""
        if attempt.targets is not None and not attempt.targets & self.owns:
            return False
        topic = attempt.topic
        return topic is None or any(
            topic.startswith(asked[:-1]) if asked.endswith("*") else topic == asked for asked in self.topics
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    verdict: str
    client: str
    subject: str
    detail: str


@dataclass(slots=True)
class Report:
    """All findings, and how much was looked at: a zero is worth as much as what stands beside it."""

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def found(self, verdict: str, client: str, subject: str, detail: str) -> None:
        self.findings.append(Finding(verdict, client, subject, detail))

    @property
    def verdicts(self) -> set[str]:
        return {finding.verdict for finding in self.findings}

"""What a run has shown: for programs, and for documentation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sse_signals.conformance.outcome import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.conformance.outcome import Case, Result


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many cases ended how."""
    counted = Counter(result.verdict for result in results)
    return {verdict.value: counted[verdict] for verdict in Verdict}


def document(url: str, adapter: str, results: Sequence[Result], *, whole: bool) -> dict[str, Any]:
    """Return a run as a JSON object.

    Args:
        url: Where the hub is.
        adapter: The name of its description.
        results: What was found.
        whole: Whether all cases that were asked for have been tried.
    """
    return {
        "url": url,
        "adapter": adapter,
        "whole": whole,
        "counts": counts(results),
        "results": [
            {**described(result.case), "result": result.verdict.value, "seen": result.seen} for result in results
        ],
    }


def described(case: Case) -> dict[str, str]:
    """Return a case as a JSON object."""
    return {
        "case": case.full_name,
        "group": case.group,
        "name": case.name,
        "must": case.must,
        "source": case.source,
    }


def summary(results: Sequence[Result]) -> str:
    """Return a run in one line."""
    return ", ".join(f"{number} {verdict}" for verdict, number in counts(results).items() if number) or "nothing tried"


def markdown(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a table for documentation."""
    yield "| case | result | seen |"
    yield "|---|---|---|"
    for result in results:
        yield f"| `{result.case.full_name}` | {result.verdict} | {_cell(result.seen)} |"


def markdown_of_cases(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the lines of a table that says what is asked for."""
    yield "| case | what a hub must do | source |"
    yield "|---|---|---|"
    for case in cases:
        yield f"| `{case.full_name}` | {_cell(case.must)} | {_cell(case.source)} |"


def _cell(text: str) -> str:
    return text.translate({ord("|"): "\\|", ord("\n"): " ", ord("\r"): " ", ord("<"): "&lt;"})

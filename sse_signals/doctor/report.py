"""The verdict, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sse_signals.doctor.finding import ORDER
from sse_signals.doctor.proxies import PROXIES, named
from sse_signals.doctor.remedies import place, remedies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sse_signals.doctor.finding import Finding
    from sse_signals.doctor.judge import Verdict
    from sse_signals.doctor.seen import Seen

    Wrap = Callable[[str, str], Iterator[str]]
    Paint = Callable[[str, str], str]

COLOURS: Final = {"fault": "red", "warning": "yellow", "note": "cyan"}
PROTOCOLS: Final = {"h2": "HTTP/2", "http/1.1": "HTTP/1.1"}
_INDENT: Final = "  "
_CODE: Final = "      "
_COMMENT: Final = "# "


def document(seen: Seen, verdict: Verdict, proxies: tuple[str, ...]) -> dict[str, Any]:
    """Return the report as one JSON object."""
    return {
        "url": seen.target.url,
        "proxy": named(seen),
        "protocol": PROTOCOLS.get(seen.protocol),
        "interrupted": seen.interrupted,
        "findings": [_members(finding, proxies) for finding in verdict.findings],
        "fine": [{"name": one.name, "seen": one.text} for one in verdict.fine],
        "notChecked": [{"name": one.name, "reason": one.reason} for one in verdict.unchecked],
    }


def lines(seen: Seen, verdict: Verdict, proxies: tuple[str, ...], wrap: Wrap, paint: Paint) -> Iterator[str]:
    """Yield the report's lines.

    Args:
        seen: What was seen.
        verdict: What it means.
        proxies: Which proxies lines are given for.
        wrap: Breaks a paragraph into lines, each indented by the second argument; makes it plain, too.
        paint: Colours a text.
    """
    by = named(seen)
    between = f"{by} stands between" if by else "nothing between names itself"
    protocol = PROTOCOLS.get(seen.protocol, "nothing spoken")
    yield from wrap(f"{seen.target.url}: {protocol}, {between}.", "")
    for finding in verdict.findings:
        yield ""
        yield f"{paint(finding.severity.upper(), COLOURS[finding.severity])}  {paint(finding.name, 'bold')}"
        yield from wrap(finding.seen, _INDENT)
        yield from wrap(finding.effect, _INDENT)
        yield from _advice(finding, seen.target.path, proxies, wrap, paint)
    if verdict.fine:
        yield ""
        yield paint("Fine", "green")
        for fine in verdict.fine:
            yield from wrap(f"{fine.name}: {fine.text}", _INDENT)
    if verdict.unchecked:
        yield ""
        yield paint("Not checked", "yellow")
        for unchecked in verdict.unchecked:
            yield from wrap(f"{unchecked.name}: {unchecked.reason}", _INDENT)
    yield ""
    yield _sum(seen, verdict)


def _members(finding: Finding, proxies: tuple[str, ...]) -> dict[str, Any]:
    members = {name: getattr(finding, name) for name in ("name", "severity", "seen", "effect")}
    told = _remedies(finding, proxies)
    return members | {"remedies": ({"hub": finding.hub} if finding.hub else {}) | told}


def _remedies(finding: Finding, proxies: tuple[str, ...]) -> dict[str, str]:
    if finding.severity == "note" and len(proxies) > 1:  # nobody knows whether there is any proxy at all
        return {}
    return remedies(finding.name, proxies)


def _advice(finding: Finding, path: str, proxies: tuple[str, ...], wrap: Wrap, paint: Paint) -> Iterator[str]:
    if finding.hub:
        yield from wrap(f"The hub: {finding.hub}.", _INDENT)
    for proxy, line in _remedies(finding, proxies).items():
        code, _, note = line.removeprefix(_COMMENT).partition(f"  {_COMMENT}")
        if line.startswith(_COMMENT):
            yield from wrap(f"{PROXIES[proxy]}: {code}.", _INDENT)
            continue
        where = place(finding.name, proxy, path)
        yield from wrap(f"{PROXIES[proxy]}{where}{f' ({note})' if note else ''}:", _INDENT)
        yield f"{_CODE}{paint(code, 'cyan')}"  # whole, so that it can be copied


def _sum(seen: Seen, verdict: Verdict) -> str:
    counts = []
    for severity in ORDER:
        count = sum(finding.severity == severity for finding in verdict.findings)
        counts.append(f"{count} {severity}{'' if count == 1 else 's'}")
    ended = "Interrupted; so far " if seen.interrupted else ""
    return f"{ended}{', '.join(counts)}."

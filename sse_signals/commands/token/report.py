"""What is told of a token: as text for people, and as JSON for programs. Never the token itself."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sse_signals.logs import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sse_signals.auth.verifier import Check
    from sse_signals.errors import NotRecognised
    from sse_signals.grants import Grants, PublishGrant
    from sse_signals.identity import Identity

    Paint = Callable[[str, str], str]

_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_RESULTS: Final = {True: "passed", False: "failed", None: "not reached"}
_COLOURS: Final = {True: "green", False: "red", None: "yellow"}
_RESULT: Final = max(len(text) for text in _RESULTS.values())
_LABEL: Final = 11  # columns of a label, or of a check's name
_GAP: Final = "  "
_NARROWEST: Final = 20  # columns of what is told


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a token.

    Attributes:
        method: The way of authenticating that took it for its own, or None.
        passed_over: Those that did not, and why.
        checks: How it fared in each check.
        identity: Who showed it and what they may do, rules included; None if it was not accepted.
        now_ms: When, in milliseconds since 1970-01-01 UTC.
    """

    method: str | None
    passed_over: Sequence[tuple[str, NotRecognised]]
    checks: Sequence[Check]
    identity: Identity | None
    now_ms: int


def span(seconds: int) -> str:
    """Return a time as its two largest units: ``1 h``, ``59 min 58 s``."""
    parts = []
    for name, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def document(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON."""
    return {
        "accepted": verdict.identity is not None,
        "method": verdict.method,
        "notRecognised": [
            {"method": name, "cause": error.cause, "detail": error.detail} for name, error in verdict.passed_over
        ],
        "checks": [
            {
                "check": check.name,
                "result": _RESULTS[check.passed],
                "detail": check.detail,
                "cause": check.cause,
                "hint": check.hint,
            }
            for check in verdict.checks
        ],
        "identity": None if verdict.identity is None else _identity(verdict.identity),
    }


def lines(verdict: Verdict, width: int, paint: Paint) -> Iterator[str]:
    """Return a verdict as lines of text.

    Args:
        verdict: What to tell.
        width: Columns.
        paint: Gives a text a colour, or ``bold``.
    """
    if verdict.checks:
        yield from _table(verdict.checks, width, paint)
        yield ""
    for name, error in verdict.passed_over:
        yield from _told(f"not {name}", escape(f"{error.detail} {error.hint}"), width, paint)
    if verdict.passed_over:
        yield ""
    sentence, colour = _sentence(verdict)
    yield from (paint(line, colour) for line in _wrapped(sentence, width))
    if verdict.identity is not None:
        yield ""
        for label, text in _facts(verdict.identity, verdict.now_ms):
            yield from _told(label, escape(text), width, paint)


def _table(checks: Sequence[Check], width: int, paint: Paint) -> Iterator[str]:
    yield paint(f"{'Check':<{_LABEL}}{_GAP}{'Result':<{_RESULT}}{_GAP}Why", "bold")
    margin = " " * (_LABEL + _RESULT + 2 * len(_GAP))
    for check in checks:
        result = paint(f"{_RESULTS[check.passed]:<{_RESULT}}", _COLOURS[check.passed])
        why = _wrapped(escape(check.detail), width - len(margin))
        yield f"{check.name:<{_LABEL}}{_GAP}{result}{_GAP}{why[0]}"
        yield from (margin + more for more in why[1:])
        if check.hint is not None:
            yield from (margin + paint(more, "cyan") for more in _wrapped(escape(check.hint), width - len(margin)))


def _told(label: str, text: str, width: int, paint: Paint) -> Iterator[str]:
    margin = " " * (_LABEL + len(_GAP))
    first, *rest = _wrapped(text, width - len(margin))
    yield f"{paint(f'{label:<{_LABEL}}', 'bold')}{_GAP}{first}"
    yield from (margin + more for more in rest)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, _NARROWEST), break_on_hyphens=False) or [""]


def _sentence(verdict: Verdict) -> tuple[str, str]:
    if verdict.identity is not None:
        return f"The hub would accept it ({verdict.method}).", "green"
    if verdict.method is None:
        return "The hub would refuse it: none of its ways of authenticating knows this kind of token.", "red"
    causes = [check.cause for check in verdict.checks if check.cause is not None]
    if causes:
        return f"The hub would refuse it ({verdict.method}): {', '.join(causes)}.", "red"
    return f"Whether the hub would accept it ({verdict.method}) cannot be told now.", "yellow"


def _facts(identity: Identity, now_ms: int) -> Iterator[tuple[str, str]]:
    grants = identity.grants
    yield "Subject", str(identity.subject)
    yield "Owns", ", ".join(sorted(identity.owns)) or "nothing"
    yield "Expires", "never" if identity.expires_ms is None else _expiry(identity.expires_ms, now_ms)
    yield "Token id", str(identity.token_id)
    publishing = [_publishing(grant) for grant in grants.publish]
    yield "Publish", publishing[0] if publishing else "nothing"
    yield from (("", text) for text in publishing[1:])
    if grants.within is not None:
        yield "", f"of all that, only {', '.join(grants.within)}"
    yield "Subscribe", _reading(grants)
    yield "Admin", "yes: revoke, drain, explain" if grants.admin else "no"


def _expiry(expires_ms: int, now_ms: int) -> str:
    at = datetime.fromtimestamp(expires_ms / 1000, UTC)
    left = (expires_ms - now_ms) // 1000
    return (
        f"{f'in {span(left)}' if left >= 0 else f'{span(-left)} ago, within the leeway'} ({at:%Y-%m-%d %H:%M:%S} UTC)"
    )


def _publishing(grant: PublishGrant) -> str:
    filters = ", ".join(grant.filters)
    if grant.targets is None:
        return filters
    return f"{filters}, only to {', '.join(sorted(grant.targets)) or 'nobody'}"


def _reading(grants: Grants) -> str:
    private = ", ".join(grants.private)
    parts = [f"everything but {private}" if private else "everything"] if grants.unmarked else []
    if grants.subscribe is not None:
        parts.append(", ".join(grants.subscribe) or "nothing")
    return "; by name ".join(parts) or "nothing"


def _identity(identity: Identity) -> dict[str, Any]:
    grants = identity.grants
    return {
        "subject": identity.subject,
        "owns": sorted(identity.owns),
        "expiresMs": identity.expires_ms,
        "issuedMs": identity.issued_ms,
        "tokenId": identity.token_id,
        "publish": [
            {"topics": list(grant.filters), "targets": None if grant.targets is None else sorted(grant.targets)}
            for grant in grants.publish
        ],
        "publishWithin": None if grants.within is None else list(grants.within),
        "subscribe": None if grants.subscribe is None else list(grants.subscribe),
        "subscribeToAllNotPrivate": grants.unmarked,
        "private": list(grants.private),
        "admin": grants.admin,
    }

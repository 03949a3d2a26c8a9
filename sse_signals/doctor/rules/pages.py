"""What pages of other origins are told (CORS): by the hub, and by those who think they have to help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.doctor.finding import Finding, Fine, Said, Unchecked
from sse_signals.doctor.rules.delivery import shared
from sse_signals.doctor.target import FOREIGN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.doctor.facts import Answer, Crossing
    from sse_signals.doctor.seen import Seen

_ALLOW: Final = "access-control-allow-origin"
_WITH: Final = "access-control-allow-credentials"
_BLOCKED: Final = "Browsers give the page nothing, and say no more than 'network error' or 'CORS'."
_REFUSED: Final = "origin-not-allowed"
_NEEDED: Final = ("authorization", "content-type", "last-event-id")


def pages(seen: Seen) -> Iterator[Said]:
    """Say what pages are told."""
    crossing = seen.crossing
    if shared(seen):
        yield Unchecked("cors", "answers are kept, and it would be an old one")
        return
    said = [*_own(seen, crossing.own), *_foreign(crossing.foreign)]
    if seen.origin is not None and all(one.name != "origin-lost" for one in said):
        said += _allowed(seen.origin, crossing)
    yield from said
    asked = (crossing.foreign, *(() if seen.origin is None else (crossing.stream,)))
    if any(answer is not None and answer.elsewhere for answer in asked):
        yield Unchecked("cors", "not all pages were answered by the hub")
    elif not said and crossing.foreign is not None:
        whom = f"{seen.origin} may use the hub, and a" if seen.origin else "a"
        yield Fine("cors", f"{whom} foreign page may not")
    if seen.origin is None and seen.inside:
        yield Unchecked("cors", "no page was named that shall be allowed (--origin)")


def _own(seen: Seen, answer: Answer | None) -> Iterator[Finding]:
    if answer is not None and answer.status == 403 and answer.kind == _REFUSED:
        text = f"The hub takes a page of its own ({seen.target.origin}) for a foreign one: the Host header is changed."
        yield Finding("host-rewritten", "fault", text, "Pages of the hub's own origin get no stream, nor publish.")


def _foreign(answer: Answer | None) -> Iterator[Finding]:
    if answer is None or answer.head is None or answer.elsewhere or answer.status == 403:  # it may read the refusal
        return
    allowed, credentials = answer.head.all(_ALLOW), answer.head.get(_WITH).lower() == "true"
    if FOREIGN in allowed and credentials:
        text = f"Any page is allowed, with cookies: {FOREIGN} was."
        effect = "Every page on the web may read what its visitor may read here, and publish as them."
        yield Finding("cors-foreign", "fault", text, effect)
    elif FOREIGN in allowed or "*" in allowed:
        text = f"Any page is allowed: {FOREIGN} got a stream, and Access-Control-Allow-Origin {', '.join(allowed)!r}."
        effect = "Every page on the web may read what can be reached from its visitor's machine."
        yield Finding("cors-foreign", "fault", text, effect)
    elif answer.receipt and not allowed:
        text = f"The header Origin does not reach the hub: a page of {FOREIGN} got a stream, and was not refused."
        effect = "The hub takes pages for programs: foreign ones may publish as their visitor, and none may read."
        yield Finding("origin-lost", "fault", text, effect)


def _allowed(origin: str, crossing: Crossing) -> list[Finding]:
    preflights = [(route, answer) for route, answer in crossing.preflights if not answer.elsewhere]
    if any(answer is not None and answer.kind == _REFUSED for answer in (crossing.stream, *dict(preflights).values())):
        setting = f"SIGNALS_CORS_ORIGINS={origin}"
        return [Finding("cors-not-allowed", "fault", f"The hub does not allow {origin}.", _BLOCKED, setting)]
    found: dict[str, list[str]] = {}
    for what, answer in (("a stream", crossing.stream), ("an error (404)", crossing.error)):
        if answer is not None and not answer.elsewhere and (bad := _wrong(origin, answer)) is not None:
            found.setdefault(bad, []).append(what)
    if list(found) == ["cors-missing"] and _right(origin, crossing.stream):
        found = {"cors-errors": found["cors-missing"]}  # whoever answers errors itself, or the hub's, forgets them
    refused = []
    for route, answer in preflights:
        wrong = _wrong(origin, answer)
        if wrong is not None and wrong in found:
            found[wrong].append(f"the preflight of {route}")
        else:
            refused += _preflight(route, answer, wrong)
    return [*_findings(origin, found), *_preflights(refused)]


def _preflights(refused: list[str]) -> list[Finding]:
    if not refused:
        return []
    effect = "Pages of other origins cannot send a token, nor publish JSON, nor resume."
    return [Finding("cors-preflight", "fault", " ".join(refused), effect)]


def _preflight(route: str, answer: Answer, wrong: str | None) -> list[str]:
    """Return what is wrong with a preflight; nothing if a browser is content."""
    if not 200 <= answer.status < 300:
        return [f"The preflight of {route} is answered with {answer.status or 'nothing'} instead of the hub's 204."]
    if wrong is not None:
        return [f"The answer to the preflight of {route} {_SAYS[wrong]}."]
    said = "" if answer.head is None else answer.head.get("access-control-allow-headers")
    words = [word.strip() for word in said.lower().split(",")]
    missing = [name for name in _NEEDED if name not in words]
    return [f"The preflight of {route} does not allow {_listed(missing)}."] if missing else []


def _wrong(origin: str, answer: Answer) -> str | None:
    """Return which header is wrong in which way; None if a browser is content, or there is no answer."""
    head = answer.head
    if head is None:
        return None
    allowed = head.all(_ALLOW)
    if not allowed:
        return "cors-missing"
    if len(allowed) > 1 or "," in allowed[0]:
        return "cors-doubled"
    if allowed[0] not in {origin, "*"}:
        return "cors-wrong"
    return "cors-credentials" if head.get(_WITH).lower() != "true" or allowed[0] == "*" else None


def _right(origin: str, answer: Answer | None) -> bool:
    return answer is not None and answer.status == 200 and _wrong(origin, answer) is None


_SAYS: Final = {
    "cors-errors": "has no Access-Control-Allow-Origin, while streams have it",
    "cors-missing": "has no Access-Control-Allow-Origin",
    "cors-doubled": "has Access-Control-Allow-Origin twice",
    "cors-wrong": "allows another origin",
    "cors-credentials": "does not allow cookies (Access-Control-Allow-Credentials and the exact origin)",
}


def _findings(origin: str, found: dict[str, list[str]]) -> list[Finding]:
    return [_finding(origin, wrong, whats) for wrong, whats in found.items()]


def _finding(origin: str, wrong: str, whats: list[str]) -> Finding:
    effect = _BLOCKED if wrong != "cors-credentials" else "Streams that bring a cookie or a ticket are blocked."
    hub = f"SIGNALS_CORS_ORIGINS={origin}" if wrong == "cors-missing" else None
    text = f"For a page of {origin}, the answer to {_listed(whats)} {_SAYS[wrong]}."
    return Finding(wrong, "fault", text, effect, hub)


def _listed(whats: list[str]) -> str:
    return whats[0] if len(whats) == 1 else f"{', '.join(whats[:-1])} and {whats[-1]}"

"""Whether there is a hub where it is said to be, and who else answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.doctor.finding import Finding, Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.doctor.facts import Answer
    from sse_signals.doctor.seen import Seen

REFUSED: Final = "refused"
_NOTHING: Final = "Clients never get a stream."
_LOST: Final = frozenset({"no-credentials", "bad-authorization"})


def entrance(seen: Seen) -> Iterator[Said]:
    """Say what is at the door."""
    if seen.certificate is not None:
        text = f"The certificate of {seen.target.authority} is not valid: {seen.certificate}."
        effect = "Browsers show a warning instead of the page, and open no stream at all."
        yield Finding("certificate", "fault", text, effect)
    if seen.redirected is not None:
        text = f"The URL leads on to {seen.redirected}."
        effect = "The hub's clients follow no redirect, since a token is for one server alone; POST may become GET."
        yield Finding("redirect", "fault", text, effect)
    if seen.prefixed is not None:
        text = f"There is no hub at {seen.target.url}, but there is one at {seen.prefixed}."
        yield Finding("prefix", "fault", text, f"{_NOTHING} Use that URL, or let the proxy pass the path on as it is.")
    elif not seen.inside and seen.entrance.head is not None:
        yield _refusal(seen, seen.entrance)
    elif not seen.inside and seen.entrance.failed is not None:
        yield Finding("no-answer", "fault", f"Asked for what the hub holds, {seen.entrance.failed}.", _NOTHING)


def _refusal(seen: Seen, answer: Answer) -> Finding:
    status = answer.status
    if status == 401 and seen.given and answer.kind in _LOST:
        text = "A token was sent, but the hub says that none came: the Authorization header is lost on the way."
        return Finding("authorization-lost", "fault", text, "Nobody who shows a token is let in.")
    if status in {401, 403}:
        return _no_entry(seen, answer)
    if 300 <= status < 400:
        to = answer.head.get("location") if answer.head is not None else ""
        text = f"The answer is {status} and leads on to {to or 'nowhere'}, where there is no hub."
        return Finding("redirect", "fault", text, f"{_NOTHING} It may be a login page.")
    if status >= 500:
        return _unavailable(answer)
    if status == 404:
        by = "The hub" if answer.kind is not None else "Whoever answers there"
        text = f"{by} says that there is nothing at {seen.target.url}/stream (404)."
        return Finding(
            "prefix", "fault", text, f"{_NOTHING} The URL ends with the prefix of the hub's routes.", _PREFIX
        )
    said = answer.media_type or "something without a type"
    text = f"The answer to a stream's request is {status} and {said}, not an event stream of a hub."
    return Finding("no-hub", "fault", text, f"{_NOTHING} It may be a login page, or another service at this URL.")


_PREFIX: Final = "SIGNALS_PREFIX is what all routes of the hub begin with; by default /signals"


def _no_entry(seen: Seen, answer: Answer) -> Finding:
    if answer.kind is None:
        text = f"Whoever stands before the hub refuses with {answer.status}."
        return Finding(REFUSED, "fault", text, "Nobody is let in who does not know what it asks for.")
    own = {
        "host-not-allowed": "--insecure lets a hub without authentication answer to any host; SIGNALS_AUTH is better"
    }
    token = "" if seen.given else " Give a token with --token."
    text = f"The hub refuses with {answer.status}: {answer.detail}{token if answer.status == 401 else ''}"
    return Finding(REFUSED, "fault", text, "Whoever asks like this gets no stream.", own.get(answer.kind))


def _unavailable(answer: Answer) -> Finding:
    if answer.kind is not None:
        return Finding("hub-unavailable", "fault", f"The hub answers {answer.status}: {answer.detail}", _NOTHING)
    text = f"The answer is {answer.status}, and not from the hub: the proxy does not reach it."
    return Finding("no-hub-behind", "fault", text, f"{_NOTHING} A browser's EventSource gives up for good.")

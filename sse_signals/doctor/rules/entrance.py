"""Whether there is a hub where it is said to be, and who else answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sse_signals.client.answers import shown
from sse_signals.doctor.finding import Finding, Said
from sse_signals.doctor.rules.limits import SETTINGS

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
    if seen.inside and seen.before is not None and not seen.before.limited:
        text = f"Of two questions the first was answered with {seen.before.status}, and not by the hub."
        effect = "One of several hubs behind the proxy may not be reached: each so many streams fail."
        yield Finding("no-hub-behind", "warning", text, effect)
    if seen.query_lost:
        yield _without_query(seen)
    elif seen.prefixed is not None:
        text = f"There is no hub at {seen.target.url}, but there is one at {seen.prefixed}."
        yield Finding("prefix", "fault", text, f"{_NOTHING} Use that URL, or let the proxy pass the path on as it is.")
    elif not seen.inside and seen.entrance.head is not None:
        yield _refusal(seen, seen.entrance)
    elif not seen.inside and seen.entrance.failed is not None:
        yield Finding("no-answer", "fault", f"Asked for what the hub holds, {seen.entrance.failed}.", _NOTHING)


def _refusal(seen: Seen, answer: Answer) -> Finding:
    if answer.status == 404:
        by = "The hub" if answer.kind is not None else "Whoever answers there"
        text = f"{by} says that there is nothing at {seen.target.url}/stream (404)."
        return Finding(
            "prefix", "fault", text, f"{_NOTHING} The URL ends with the prefix of the hub's routes.", _PREFIX
        )
    return _of_hub(seen, answer) if answer.kind is not None else _of_another(seen, answer)


_PREFIX: Final = "SIGNALS_PREFIX is what all routes of the hub begin with; by default /signals"


def _of_hub(seen: Seen, answer: Answer) -> Finding:
    status = answer.status
    if status == 401 and seen.given and answer.kind in _LOST:
        text = "A token was sent, but the hub says that none came: the Authorization header is lost on the way."
        return Finding("authorization-lost", "fault", text, "Nobody who shows a token is let in.")
    if status >= 500:
        return Finding("hub-unavailable", "fault", f"The hub answers {status}: {answer.detail}", _NOTHING)
    token = " Give a token with --token." if status == 401 and not seen.given else ""
    text = f"The hub refuses with {status}: {answer.detail}{token}"
    return Finding(REFUSED, "fault", text, "Whoever asks like this gets no stream.", _OWN.get(answer.kind or ""))


_OWN: Final = SETTINGS | {
    "host-not-allowed": "--insecure lets a hub without authentication answer to any host; SIGNALS_AUTH is better"
}


def _of_another(seen: Seen, answer: Answer) -> Finding:
    status = answer.status
    if status in {401, 403}:
        text = f"Whoever stands before the hub refuses with {status}."
        return Finding(REFUSED, "fault", text, "Nobody is let in who does not know what it asks for.")
    if 300 <= status < 400:
        return _redirect(seen, answer)
    if status == 429:
        text = "The answer is 429, and not from the hub: something before it lets only so many requests through."
        return Finding("rate-limit", "fault", text, f"{_NOTHING} A browser's EventSource gives up for good.")
    if status >= 500:
        text = f"The answer is {status}, and not from the hub: the proxy does not reach it."
        return Finding("no-hub-behind", "fault", text, f"{_NOTHING} A browser's EventSource gives up for good.")
    if status == 400 and not seen.target.tls and b"HTTPS" in answer.body:
        text = "Plain HTTP was spoken to a port that wants TLS."
        return Finding("no-hub", "fault", text, f"{_NOTHING} Try {seen.target.with_tls}.")
    said = answer.media_type or "something without a type"
    text = f"The answer to a stream's request is {status} and {said}, not an event stream of a hub."
    return Finding("no-hub", "fault", text, f"{_NOTHING} It may be a login page, or another service at this URL.")


def _redirect(seen: Seen, answer: Answer) -> Finding:
    to = answer.head.get("location") if answer.head is not None else ""
    if seen.given:
        text = f"The answer is {answer.status} and leads on to {to or 'nowhere'}."
        effect = f"{_NOTHING} A token is shown to no other server: if that is the hub, give its URL."
        return Finding("redirect", "fault", text, effect)
    text = f"The answer is {answer.status} and leads on to {to or 'nowhere'}, where there is no hub."
    return Finding("redirect", "fault", text, f"{_NOTHING} It may be a login page.")


def _without_query(seen: Seen) -> Finding:
    topics = shown(json.dumps(seen.entrance.receipt.get("topics")))
    text = f"The query does not reach the hub: a stream of {seen.asked!r} was asked for, and one of {topics} given."
    return Finding("query-lost", "fault", text, "Everybody gets all signals, or none, whatever they ask for.")

"""Connections, what is resumed, what may be published, and clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.client.answers import document
from sse_signals.doctor.facts import GAP, OPEN
from sse_signals.doctor.finding import Finding, Fine, Said, Unchecked, seconds
from sse_signals.doctor.rules.delivery import missing, numbers, shared
from sse_signals.doctor.rules.rates import limited
from sse_signals.doctor.target import OVERSIZED
from sse_signals.doctor.terms import CROWD, LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.doctor.facts import Answer, Stream
    from sse_signals.doctor.seen import Seen

APART: Final = 2.0  # seconds by which clocks may differ
HTTP2: Final = "h2"
_SHARED: Final = "SIGNALS_BROKER has to be a log that all nodes share: redis://… or nats://…"
_TRIMMED: Final = "trimmed"
_MISSED: Final = "Users miss signals without knowing."


def connections(seen: Seen) -> Iterator[Said]:
    """Say how many streams a browser can have."""
    if not seen.inside:
        return
    if seen.protocol == HTTP2:
        yield Fine("six-connections", "HTTP/2: all tabs share one connection")
    else:
        yield _six(seen)
    yield from _crowd(seen)


def _six(seen: Seen) -> Finding:
    local = seen.target.local and not seen.target.tls
    offered = "TLS offers no HTTP/2" if seen.target.tls else "browsers speak HTTP/2 over TLS only"
    text = f"Streams come over HTTP/1.1: {offered}."
    effect = "A browser opens six connections to an origin, for all its tabs: the seventh stream, or request, hangs."
    return Finding("six-connections", "note" if local else "warning", text, effect)


def _crowd(seen: Seen) -> Iterator[Said]:
    crowd = seen.crowded_again or seen.crowd
    shut = [stream for stream in crowd if stream.first(OPEN) is None]
    if not crowd:
        yield Unchecked("stream-limit", "not even single streams begin at once")
    elif not shut:
        yield Fine("stream-limit", f"{CROWD} streams at once")
    elif limited(seen):
        yield Unchecked("stream-limit", "single requests were turned away, too")
    elif not any(stream.goodbye for stream in crowd):
        text = f"Of {CROWD} streams at once only {CROWD - len(shut)} were opened, tried twice: {_reasons(shut)}."
        yield Finding("stream-limit", "fault", text, "Whoever comes when it is full gets nothing, and is not told why.")


def _reasons(shut: list[Stream]) -> str:
    reasons = []
    for stream in shut:
        if stream.refused is not None:
            reasons.append(stream.refused)
        elif stream.head is not None and stream.head.status != 200:
            reasons.append(f"the others were answered with {stream.head.status}")
        else:
            reasons.append("the others had to wait")
    return ", ".join(dict.fromkeys(reasons))


def resuming(seen: Seen) -> Iterator[Said]:
    """Say whether a client can go on where it was, and whether it gets everything at all."""
    answer = seen.resume
    if answer is None or answer.status != 200 or not answer.receipt:
        if seen.inside:
            yield Unchecked("resume", "no event had an id" if answer is None else "the hub was not reached")
        return
    if shared(seen):
        yield Unchecked("resume", "answers are kept, and it would be an old one")
        return
    if "recovered" not in answer.receipt:
        text = "The header Last-Event-ID does not reach the hub: asked to go on after an id, it began anew."
        yield Finding("resume-lost", "fault", text, "What is published while a client reconnects is lost to it.")
    else:
        yield _resumed(seen, answer)


def _resumed(seen: Seen, answer: Answer) -> Said:
    """Return what came after an id that the hub has read."""
    arrivals = list(answer.arrivals)
    if seen.replay is not None and not any(stream.goodbye for stream in (*seen.quiet, *seen.busy)):
        arrivals += seen.replay[1].arrivals
    gaps = [document(one.data.encode()).get("reason") for one in arrivals if one.event == GAP]
    unknown = [reason for reason in gaps if reason != _TRIMMED]
    if unknown or (answer.receipt["recovered"] is False and not gaps):
        text = f"The hub does not know an id that it gave a moment ago (it says {(*unknown, None)[0]!r})."
        effect = f"{_MISSED} Requests go to nodes that know nothing of each other."
        return Finding("resume-gap", "fault", text, effect, _SHARED)
    if lost := _lost(seen):
        text = (
            f"Of the signals that were published {_listed(lost)} did not come: neither live nor when asked for again."
        )
        return Finding("signals-lost", "fault", text, _MISSED, _SHARED)
    if gaps:
        reason = "the hub had already let go of what came after an id that it gave, as it may (SIGNALS_HISTORY_…)"
        return Unchecked("resume", reason)
    replayed = f", {len(_replayed(seen))} signals replayed" if seen.replay is not None else ""
    return Fine("resume", f"Last-Event-ID arrives{replayed}")


def _lost(seen: Seen) -> list[int]:
    """Return the signals that neither came on a stream where later ones came, nor with a replay."""
    gone = missing(seen)
    if seen.replay is not None and seen.replay[1].status == 200:
        after, answer = seen.replay
        if len(answer.body) >= LONGEST or any(one.event == GAP for one in answer.arrivals):
            return sorted(gone)  # it is no whole answer
        due = {one.number for one in seen.signals if one.number > after and one.known <= answer.asked}
        gone |= due - _replayed(seen)
    return sorted(gone)


def _replayed(seen: Seen) -> set[int]:
    return set() if seen.replay is None else set(numbers(seen.replay[1].arrivals))


def _listed(some: list[int]) -> str:
    return f"{len(some)} (the first is number {some[0] + 1})"


def publishing(seen: Seen) -> Iterator[Said]:
    """Say whether signals can be published from here."""
    answer, large = seen.unpublished, seen.oversized
    if answer is not None:
        if answer.kind is not None:
            reason = f"the hub does not take signals from whoever asks ({answer.status}: {answer.detail})"
            yield Unchecked("signals", reason)
        elif 400 <= answer.status < 500 and not answer.limited:
            text = f"Whoever stands before the hub refuses to publish ({answer.status})."
            yield Finding("publish-blocked", "warning", text, "Nobody can publish by this way.")
        else:
            yield Unchecked("signals", f"publishing failed: {answer.failed or answer.status}")
    if large is None or large.status == 0 or large.elsewhere:
        if seen.inside:
            yield Unchecked("body-limit", "a large body was not answered by the hub")
    elif large.status == 413 and large.kind is None:
        text = (
            f"A body of {OVERSIZED // 1024} KiB is refused with 413, and not by the hub, which takes 1 MiB by default."
        )
        yield Finding("body-limit", "warning", text, "Large messages and batches cannot be published.")
    elif answer is None or answer.kind is not None:
        yield Fine("body-limit", f"bodies of {OVERSIZED // 1024} KiB pass")


def timekeeping(seen: Seen) -> Iterator[Said]:
    """Say whether clocks agree."""
    clocks = seen.clocks
    if clocks is None:
        if seen.inside:
            yield Unchecked("clock", "the hub did not tell its time")
        return
    apart = {"hub": clocks.hub, "answer's Date header": clocks.proxy}
    wrong = {
        name: time - clocks.here
        for name, time in apart.items()
        if time is not None and abs(time - clocks.here) - clocks.margin > APART
    }
    if not wrong:
        known = [abs(time - clocks.here) for time in (clocks.hub,) if time is not None]
        yield Fine("clock", f"the hub's clock is within {seconds(max([*known, clocks.margin]))} of this one")
        return
    told = " and ".join(
        f"the {name} is {seconds(abs(by))} {'ahead' if by > 0 else 'behind'}" for name, by in wrong.items()
    )
    text = f"Clocks differ: {told}, measured by this machine's clock."
    effect = "Tokens are refused as expired or not yet valid, and streams end at the wrong time."
    yield Finding(
        "clock", "warning", text, effect, "SIGNALS_LEEWAY is what the hub forgives; NTP on all machines is better"
    )

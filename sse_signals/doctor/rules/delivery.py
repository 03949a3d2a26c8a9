"""Whether what the hub writes comes at once, and as it was written."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

from sse_signals.client.answers import document
from sse_signals.doctor.facts import HEARTBEAT, MESSAGE, OPEN
from sse_signals.doctor.finding import Finding, Fine, Said, Unchecked, seconds
from sse_signals.doctor.terms import MARK, TIMES, patience

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sse_signals.doctor.facts import Answer, Arrival, Stream
    from sse_signals.doctor.seen import Seen

LATE: Final = 0.5  # seconds after which a signal is late, where short answers are quick
_SLACK: Final = 1.5  # seconds by which a heartbeat may be late
_HELD: Final = "Users see nothing, or everything late and at once; what is live is not."


def delivery(seen: Seen) -> Iterator[Said]:
    """Say whether streams are held back, packed, changed or shared."""
    buffered = held(seen)
    late = lateness(seen)
    if buffered is not None:
        yield buffered
    elif late and max(late) > max(LATE, TIMES * seen.quick):
        text = (
            f"of {len(late)} signals some came late, by {seconds(max(late))} at most: watch longer (--for) to tell why"
        )
        yield Unchecked("buffering", text)
    elif receipt := _receipt_time(seen):
        yield Fine("buffering", f"streams are not buffered: receipt after {seconds(receipt)}{_signal_times(seen)}")
    elif seen.inside:
        slow = f"no receipt came, but short answers took {seconds(seen.quick)}, too"
        yield Unchecked("buffering", slow if _began(seen) else "no stream began")
    yield from _rare_heartbeats(seen)
    yield from _compression(seen)
    yield from _cache_control(seen)
    yield from _shared(seen)


def held(seen: Seen) -> Finding | None:
    """Return the finding that streams are held back on the way; None where they are not, or nobody knows."""
    return _late_receipt(seen) or _late_signals(seen) or _late_heartbeats(seen)


def lateness(seen: Seen) -> list[float]:
    """Return by how many seconds each signal came later than it was known to be in the log.

    What never came counts from when it was known to when it was no longer waited for. Signals count only where they
    had a stream to come on, and time enough to come.
    """
    late = []
    limit = patience(seen.quick)
    for stream in seen.busy:
        came = numbers(stream.arrivals)
        last = max(came, default=-1)
        end = stream.asked + (stream.watched if stream.ended is None else stream.ended)
        for one in seen.signals:
            if not (stream.asked <= one.answer.asked and one.known <= end):
                continue
            if one.number in came:
                late.append(max(0.0, stream.asked + came[one.number] - one.known))
            elif end - one.known > limit and last < one.number:
                late.append(end - one.known)
    return late


def missing(seen: Seen) -> set[int]:
    """Return the signals that did not come on a stream on which earlier and later ones came."""
    gone: set[int] = set()
    for stream in seen.busy:
        came = numbers(stream.arrivals)
        if came:
            gone |= {one.number for one in seen.signals if min(came) < one.number < max(came)} - set(came)
    return gone


def numbers(arrivals: Iterable[Arrival]) -> dict[int, float]:
    """Return after how many seconds each of the examination's own signals came."""
    found = {}
    for arrival in arrivals:
        text = document(arrival.data.encode()).get("message") if arrival.event == MESSAGE else None
        if isinstance(text, str) and text.startswith(MARK) and text.removeprefix(MARK).isdigit():
            found[int(text.removeprefix(MARK))] = arrival.after
    return found


def _late_receipt(seen: Seen) -> Finding | None:
    limit = patience(seen.quick)
    streams = [stream for stream in (*seen.quiet[:1], *seen.busy[:1]) if stream.refused is None]
    late = [stream for stream in streams if _receipt_after(stream) > limit]
    if not late or len(late) < len(streams):
        return None
    times = [_receipt_after(stream) for stream in late]
    when = (
        f"came only after {seconds(min(times))}"
        if any(stream.first(OPEN) for stream in late)
        else f"did not come within {seconds(min(times))}"
    )
    quick = f"while short answers took {seconds(seen.quick)}"
    return Finding("buffering", "fault", f"The receipt that begins a stream {when}, {quick}.", _HELD)


def _receipt_after(stream: Stream) -> float:
    found = stream.first(OPEN)
    if found is not None:
        return found.after
    if stream.ended is None:
        return stream.watched
    return stream.ended if stream.cut else 0.0  # what ended properly, or never began, is told elsewhere


def _late_signals(seen: Seen) -> Finding | None:
    late, limit = lateness(seen), max(LATE, TIMES * seen.quick)
    if len(late) < 2 or median(late) <= limit:
        return None
    text = (
        f"The receipt comes at once, but signals do not: {len(late)} of them came {seconds(median(late))} "
        f"(median; at most {seconds(max(late))}) after the hub had taken them, or not at all."
    )
    return Finding("buffering", "fault", text, _HELD)


def _late_heartbeats(seen: Seen) -> Finding | None:
    beat, limit = seen.heartbeat, 2 * seen.heartbeat + _SLACK
    for stream in seen.quiet:
        if stream.first(OPEN) is None:
            continue
        beats = [one.after for one in stream.every(HEARTBEAT)]
        if stream.ended is None and not beats and stream.watched >= limit:
            text = f"No heartbeat came within {seconds(stream.watched)}, although the hub sends one every {beat:g} s."
            return Finding("buffering", "fault", text, _HELD)
        lumps = sum(late - early < beat / 4 for early, late in pairwise(beats))
        if lumps >= 2 and lumps * 2 >= len(beats) - 1:
            text = f"Heartbeats come in lumps: {lumps + 1} of {len(beats)} within {seconds(beat / 4)} of each other."
            return Finding("buffering", "fault", text, _HELD)
    return None


def _rare_heartbeats(seen: Seen) -> Iterator[Unchecked]:
    quiet = seen.quiet[-1] if seen.quiet else None
    if quiet is not None and quiet.ended is None and quiet.watched < seen.heartbeat and not seen.interrupted:
        text = f"the hub sends one every {seen.heartbeat:g} s, and it was watched for {seconds(quiet.watched)} (--for)"
        yield Unchecked("heartbeats", text)


def _began(seen: Seen) -> bool:
    return any(stream.began or stream.head is None for stream in seen.quiet)


def _receipt_time(seen: Seen) -> float:
    found = seen.quiet[0].first(OPEN) if seen.quiet else None
    return 0.0 if found is None else found.after


def _signal_times(seen: Seen) -> str:
    late = lateness(seen)
    if late:
        return f", {len(late)} signals within {seconds(max(late))}"
    return "" if seen.unpublished is None else ", heartbeats as they are due"


def _compression(seen: Seen) -> Iterator[Said]:
    first = seen.first
    if first is None or first.head is None or not first.began:
        return
    coding = first.head.get("content-encoding")
    if not coding:
        yield Fine("compression", "streams are not compressed")
        return
    stuck = first.first_byte is None or (first.first(OPEN) is None and coding.lower() in {"gzip", "deflate"})
    text = f"A stream comes as {coding} when it is asked for as browsers do"
    if stuck:
        text += f", and nothing readable came of it within {seconds(first.watched)}."
        effect = "Users see nothing until the packer's buffer is full, which takes thousands of signals."
    elif (first.first_byte or 0.0) > patience(seen.quick):
        text += f"; its beginning came only after {seconds(first.first_byte or 0.0)}."
        effect = "Whether that holds it, too, shows when it is no longer buffered."
    else:
        text += "; its beginning came at once all the same."
        effect = "Each open stream costs the packer's memory (some 300 KB), and other packers wait for more to come."
    yield Finding("compression", "fault" if stuck else "warning", text, effect)


def _cache_control(seen: Seen) -> Iterator[Said]:
    head = next((stream.head for stream in seen.quiet if stream.began), None)
    if head is None:
        return
    said = head.get("cache-control")
    lost = [word for word in ("no-store", "no-transform") if word not in said.lower()]
    if lost:
        was = f"it is {said!r}" if said else "there is none"
        text = f"Cache-Control of a stream has lost {' and '.join(lost)}: {was}."
        effect = "A cache, or a proxy further out, may keep a stream or pack it."
        yield Finding("cache-control", "warning", text, effect)


def shared(seen: Seen) -> int:
    """Return how many answers were one and the same, if more than one."""
    most = max(_names(seen).values(), default=0)
    return most if most > 1 else 0


def _shared(seen: Seen) -> Iterator[Said]:
    if same := shared(seen):
        text = f"{same} answers were one and the same: their receipts name the same stream."
        effect = "Users get what was written for somebody else, and nothing new. That may be a leak."
        yield Finding("cached", "fault", text, effect)
    elif len(names := _names(seen)) > 1:
        yield Fine("cached", f"{len(names)} streams and polls were each their own")


def _names(seen: Seen) -> Counter[str]:
    receipts = [stream.receipt for stream in (*seen.quiet, *seen.busy, *seen.crowd, *seen.crowded_again)]
    receipts += [answer.receipt for answer in _polls(seen)]
    return Counter(receipt["stream"] for receipt in receipts if isinstance(receipt.get("stream"), str))


def _polls(seen: Seen) -> list[Answer]:
    some = (seen.entrance, seen.crossing.own, seen.crossing.stream, seen.resume)
    return [answer for answer in some if answer is not None]

"""Whether something ends streams that should stay open: after a silence, after a time, or otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.doctor.finding import Finding, Fine, Said, Unchecked, seconds
from sse_signals.doctor.rules.delivery import held

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.doctor.facts import Stream
    from sse_signals.doctor.seen import Seen

_ALIKE: Final = 0.15  # how much two times may differ, of the longer one
_SLACK: Final = 1.0  # seconds by which they may differ in any case
_JITTER: Final = 0.2  # seconds by which a silence may seem longer than it is
_FLOWING: Final = 1.5  # seconds without a signal that are still one a second
SETTINGS: Final = {
    "full": "SIGNALS_MAX_STREAMS is how many streams the hub has open at most",
    "identity-streams": "SIGNALS_MAX_STREAMS_PER_IDENTITY is how many streams somebody may have open",
    "address-streams": (
        "SIGNALS_TRUSTED_PROXIES has to name the proxy, or all clients share its address; "
        "SIGNALS_MAX_STREAMS_PER_ADDRESS is how many an address may have open"
    ),
    "failed-authentications": "SIGNALS_TRUSTED_PROXIES has to name the proxy, or all clients share its address",
}
_AGAIN: Final = "Clients come back and miss nothing, but each time costs a connection, and a moment without signals."


def limits(seen: Seen) -> Iterator[Said]:
    """Say what has ended the streams that were watched."""
    yield from _goodbyes(seen)
    quiet, busy = _cut(seen.quiet), _cut(seen.busy)
    if not any(stream.began for stream in seen.quiet) and not busy:
        if seen.inside:
            yield Unchecked("time-limits", "no stream began that could be cut")
    elif held(seen) is not None or any(map(_held_to_its_end, (*quiet, *busy))):
        yield _unknown((*quiet, *busy))
    elif not quiet and not busy:
        yield from _none(seen)
    elif len(quiet) >= 2:
        yield _limit(seen, quiet, busy)
    elif len(busy) >= 2:
        yield _total(busy)
    else:
        yield _once((*quiet, *busy)[0], len(seen.quiet) + len(seen.busy))


def _unknown(cut: Sequence[Stream]) -> Unchecked:
    """Return why nothing is said of limits where streams are held back: what came late says nothing of silences."""
    were = f" ({len(cut)} were cut)" if cut else ""
    reason = f"streams are held back, so that nobody can tell how long they were silent{were}: mend that, and try again"
    return Unchecked("time-limits", reason)


def _none(seen: Seen) -> Iterator[Said]:
    """Say that nothing was cut, unless the hub has ended streams itself."""
    if _any_goodbye(seen):
        yield Unchecked("time-limits", "the hub ended streams itself")
    else:
        watched = min(stream.watched for stream in (*seen.quiet[:1], *seen.busy[:1]))
        text = f"no stream was cut within {seconds(watched)}; limits beyond that show with a longer --for"
        yield Fine("time-limits", text)


def _limit(seen: Seen, quiet: Sequence[Stream], busy: Sequence[Stream]) -> Finding:
    """Return the limit that has cut the quiet streams: on the whole time, if a longer silence was survived."""
    cut = (*quiet, *busy)
    silence, lasted = min(stream.silence for stream in cut), [_ended(stream) for stream in cut]
    if max(stream.longest_silence for stream in cut) > silence * (1 + _ALIKE) + _JITTER:
        return _total(cut)
    if seen.signals and len(busy) >= 2 and min(stream.silence for stream in busy) < _FLOWING and _alike(lasted):
        return _total(cut)
    if not _alike(lasted) or (seen.signals and not busy):
        return _idle(seen, cut)
    why = "nothing could be published to tell which"
    if seen.signals:
        why = "signals came too seldom to tell which"
    text = (
        f"Streams are cut after {seconds(min(lasted))} to {seconds(max(lasted))}, {len(cut)} of {len(cut)}: the last "
        f"{cut[-1].ending}. That is a limit on silence ({seconds(silence)}) or on the whole time: {why}."
    )
    return Finding("time-limit", "fault", text, _AGAIN, _heartbeat(silence))


def _idle(seen: Seen, cut: Sequence[Stream]) -> Finding:
    silence = min(stream.silence for stream in cut)
    stays = " One with a signal a second stays open." if seen.signals and not _cut(seen.busy) else ""
    text = (
        f"Streams are cut after {seconds(silence)} of silence, each of {len(cut)} times: the last {cut[-1].ending}."
        f"{stays} The hub's heartbeat is {seen.heartbeat:g} s."
    )
    return Finding("idle-limit", "fault", text, _AGAIN, _heartbeat(silence))


def _total(streams: Sequence[Stream]) -> Finding:
    lasted = [_ended(stream) for stream in streams]
    text = (
        f"Streams are cut {seconds(min(lasted))} to {seconds(max(lasted))} after they began, however busy they are "
        f"({len(lasted)} of {len(lasted)}): the last {streams[-1].ending}."
    )
    return Finding("total-limit", "warning", text, _AGAIN)


def _once(stream: Stream, of: int) -> Finding:
    text = (
        f"One of {of} streams was cut after {seconds(_ended(stream))}: it {stream.ending}. The next was not: it may "
        "have been a restart, or the network."
    )
    return Finding("cut", "warning", text, _AGAIN)


def _heartbeat(silence: float) -> str:
    half = silence / 2
    return (
        f"SIGNALS_HEARTBEAT={half:.0f} keeps streams below it" if half >= 1 else "SIGNALS_HEARTBEAT has to be below it"
    )


def _cut(streams: Sequence[Stream]) -> list[Stream]:
    return [stream for stream in streams if stream.cut]


def _ended(stream: Stream) -> float:
    return stream.ended or 0.0


def _held_to_its_end(stream: Stream) -> bool:
    """Say whether all of a cut stream came with its end, as what holds it lets it go: also where nothing is quick."""
    first = stream.first_byte or 0.0
    return first > _SLACK and _ended(stream) - first <= _JITTER


def _alike(times: Sequence[float]) -> bool:
    return max(times) - min(times) <= max(_SLACK, _ALIKE * max(times))


def _any_goodbye(seen: Seen) -> bool:
    return any(stream.goodbye for stream in (*seen.quiet, *seen.busy))


def _goodbyes(seen: Seen) -> Iterator[Said]:
    reasons = [stream.goodbye for stream in (*seen.quiet, *seen.busy, *seen.crowd) if stream.goodbye is not None]
    for reason in dict.fromkeys(reasons):
        text = f"The hub itself ended {reasons.count(reason)} streams, with the reason {reason!r}."
        effect = "Clients come back by themselves, as often as that is the case."
        yield Finding("goodbye", "warning", text, effect, SETTINGS.get(reason))

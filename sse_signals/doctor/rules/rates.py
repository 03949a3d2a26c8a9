"""Whether something before the hub lets only so many requests or connections through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.doctor.finding import Finding, Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.doctor.facts import Answer, Stream
    from sse_signals.doctor.seen import Seen

_MANY: Final = 429  # it says so itself
_DOUBT: Final = 2  # answers of 503 from which on they are no passing failure


def rates(seen: Seen) -> Iterator[Said]:
    """Say whether requests were turned away while others passed."""
    if found := limited(seen):
        statuses = " and ".join(map(str, sorted(set(found))))
        count = sum(1 for _ in (*_answers(seen), *_streams(seen)))
        text = (
            f"{len(found)} of {count} streams and questions were answered with {statuses}, and not by the hub: "
            "something before it lets only so many requests, or connections at once, through."
        )
        yield Finding("rate-limit", "fault", text, "A browser's EventSource that is turned away gives up for good.")


def limited(seen: Seen) -> list[int]:
    """Return the statuses with which streams and questions were turned away; empty if that may have been a failure.

    What is turned away of many streams at once is another matter, unless single ones are, too.
    """
    if not seen.inside:
        return []
    found = [one.status for one in _answers(seen) if one.limited]
    found += [stream.head.status for stream in _streams(seen) if stream.limited and stream.head is not None]
    return found if _MANY in found or len(found) >= _DOUBT else []


def _answers(seen: Seen) -> Iterator[Answer]:
    crossing = seen.crossing
    some = (
        *(seen.before, seen.entrance, *seen.polls, seen.resume, seen.oversized, seen.unpublished),
        *(crossing.own, crossing.foreign, crossing.stream, crossing.error),
        *(answer for _, answer in crossing.preflights),
        None if seen.replay is None else seen.replay[1],
    )
    return (answer for answer in some if answer is not None)


def _streams(seen: Seen) -> tuple[Stream, ...]:
    return (*seen.quiet, *seen.busy)

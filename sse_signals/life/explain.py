"""Explain: who on this node gets what is published, in numbers, and why somebody in particular does or does not."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sse_signals.identity import entitled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sse_signals.hub.stream import Stream
    from sse_signals.model import Signal

MOST_STREAMS: Final = 100  # streams of one subject that are told of one by one
_SLICE: Final = 200  # streams looked at before the loop goes round


class Verdict(StrEnum):
    """Whether a stream gets a signal, and if not, why: a closed list, from the best to the worst."""

    RECEIVES = "receives"
    RECEIVES_LATER = "receives-later"
    NOT_OWNER = "not-owner"
    TOPIC_NOT_READABLE = "topic-not-readable"
    TOPIC_NOT_ASKED = "topic-not-asked"
    ENDS_BEFORE = "ends-before"
    ENDED = "ended"
    NO_SUCH_STREAM = "no-such-stream"
    NO_STREAM_OPEN = "no-stream-open"


DETAILS: Final[Mapping[Verdict, str]] = {
    Verdict.RECEIVES: "It asked for the topic, may have the signal, and is written to at once.",
    Verdict.RECEIVES_LATER: "It may have the signal, and gets it once it has caught up with what came before.",
    Verdict.NOT_OWNER: "It asked for the topic and may read it, but owns none of the signal's targets.",
    Verdict.TOPIC_NOT_READABLE: "It asked for the topic, but is not granted to read it.",
    Verdict.TOPIC_NOT_ASKED: "None of the topic filters that it asked for matches the topic.",
    Verdict.ENDS_BEFORE: "It was opened with poll=1, so it ends with what was published before.",
    Verdict.ENDED: "It has ended, and its connection is about to be closed.",
    Verdict.NO_SUCH_STREAM: "No stream of this name is open on this node; another node may have it.",
    Verdict.NO_STREAM_OPEN: "The subject has no stream open on this node; it may have one on another node.",
}
_RANKS: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}


def verdict(stream: Stream, signal: Signal) -> Verdict:
    """Return whether an open stream gets a signal that is published now, and if not, why.

    The order of the reasons is that of their weight: who did not ask is not told whether it could have the signal.
    """
    if stream.ended is not None:
        return Verdict.ENDED
    if stream.until is not None:
        return Verdict.ENDS_BEFORE
    if not stream.asked.match(signal.address):
        return Verdict.TOPIC_NOT_ASKED
    if not stream.filters.match(signal.address):
        return Verdict.TOPIC_NOT_READABLE
    if not entitled(stream.identity, signal.targets):
        return Verdict.NOT_OWNER
    return Verdict.RECEIVES if stream.live else Verdict.RECEIVES_LATER


async def explain(
    hub_streams: Iterable[Stream],
    signals: Sequence[Signal],
    *,
    node: str | None,
    stream: str | None = None,
    subject: str | None = None,
) -> dict[str, Any]:
    """Return who on this node gets signals, as a JSON object. Without a stream or a subject it holds numbers only.

    Args:
        hub_streams: All streams of the node, as they are now. They are looked at in slices: who comes or goes meanwhile
            may be missed.
        signals: What is published.
        node: The name of this node, if it has one.
        stream: The name of a stream of which to say why it gets each signal or not.
        subject: A subject of whose streams to say so.
    """
    counts: list[Counter[Verdict]] = [Counter() for _ in signals]
    named = _Said(stream, [Verdict.NO_SUCH_STREAM] * len(signals))
    theirs = _Said(subject, [Verdict.NO_STREAM_OPEN] * len(signals))
    for number, each in enumerate(list(hub_streams)):
        if number and not number % _SLICE:
            await asyncio.sleep(0)
        verdicts = [verdict(each, signal) for signal in signals]
        for count, found in zip(counts, verdicts, strict=True):
            count[found] += 1
        if stream is not None and each.name == stream:
            named.add(each.name, verdicts)
        if subject is not None and each.identity.subject == subject:
            theirs.add(each.name, verdicts)
    said: dict[str, Any] = {"node": node, "signals": [_numbers(count) for count in counts]}
    if stream is not None:
        said["stream"] = {"name": stream, "signals": _told(named.best)}
    if subject is not None:
        said["subject"] = theirs.to_json()
    return said


@dataclass(slots=True)
class _Said:
    """What is said of a subject, or of a stream: the best that can be said of any of its streams, and of each."""

    name: str | None
    best: list[Verdict]
    streams: list[tuple[str, list[Verdict]]] = field(default_factory=list)
    more: int = 0

    def add(self, name: str, verdicts: list[Verdict]) -> None:
        """Take in one of its streams."""
        self.best = [min(pair, key=_RANKS.__getitem__) for pair in zip(self.best, verdicts, strict=True)]
        if len(self.streams) < MOST_STREAMS:
            self.streams.append((name, verdicts))
        else:
            self.more += 1

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        streams = [{"name": name, "signals": _told(verdicts)} for name, verdicts in self.streams]
        said = {"name": self.name, "signals": _told(self.best), "streams": streams}
        return {**said, "more": self.more} if self.more else said


def _told(verdicts: Sequence[Verdict]) -> list[dict[str, str]]:
    return [{"verdict": found.value, "detail": DETAILS[found]} for found in verdicts]


def _numbers(count: Counter[Verdict]) -> dict[str, int]:
    live, behind, filtered = count[Verdict.RECEIVES], count[Verdict.RECEIVES_LATER], count[Verdict.NOT_OWNER]
    return {
        "streams": count.total() - count[Verdict.ENDED],
        "matched": live + behind + filtered,
        "entitled": live + behind,
        "filtered": filtered,
        "behind": behind,
        "live": live,
    }

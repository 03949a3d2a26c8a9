"""Compares the decoder with parsers that others wrote. By hand: ``python -m tests.wire.agreement 200000 [SEED]``."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING

from tests.wire.parsers import BLIND_TO_EMPTY, KNOWN, PYTHON, TELL_RETRY, Read, blocks, by_node, ours
from tests.wire.streams import Stream, streams

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNT, SEED = 6_000, 926  # so many that each known difference is seen ten times at least
LONGEST = 10**15  # milliseconds; the decoder ignores a delay beyond, which the standard would take


@dataclass
class Tally:
    """How a parser compares.

    Attributes:
        alike: Streams that were read alike and to which no known difference applies.
        known: By known difference: streams to which it applies.
        seen: By known difference: streams to which it alone applies and that were really read otherwise.
        unlike: Streams that were read otherwise for no known reason, with what the two made of them; the first few.
    """

    alike: int = 0
    known: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    unlike: list[tuple[Stream, Read | str, Read]] = field(default_factory=list)


def read_python(name: str, stream: Stream) -> Read | str:
    """Read with a parser of Python, which may fail."""
    try:
        return PYTHON[name](stream.pieces)
    except UnicodeDecodeError as error:
        return repr(error)


def same(name: str, theirs: Read | str, own: Read) -> bool:
    """Whether two made the same of a stream, as far as the parser tells."""
    messages = own.messages
    if name in BLIND_TO_EMPTY:
        messages = [message for message in messages if message[1]]
    if isinstance(theirs, str) or theirs.messages != messages:
        return False
    return name not in TELL_RETRY or theirs.retry == own.retry or (theirs.retry or 0) >= LONGEST


def compare(made: Iterable[Stream], *, node: bool) -> tuple[dict[str, Tally], Counter[int]]:
    """Read streams with every parser, those of Node.js if there is one.

    Returns:
        What became of it, by parser, and how many streams so many parsers read alike without any known difference.
    """
    alike: Counter[int] = Counter()
    tallies = {name: Tally() for name in KNOWN if node or name in PYTHON}
    made = iter(made)
    while some := list(islice(made, 5000)):
        others = by_node(some) if node else repeat({})
        for stream, read in zip(some, others, strict=False):
            own, found, count = ours(stream.pieces), blocks(stream.data), 0
            for name, tally in tallies.items():
                theirs = read_python(name, stream) if name in PYTHON else read[name]
                agree = same(name, theirs, own)
                reasons = [reason for reason, applies in KNOWN[name].items() if applies(stream.data, found)]
                tally.known.update(reasons)
                if not reasons:
                    tally.alike += agree
                    count += agree
                    if not agree and len(tally.unlike) < 5:
                        tally.unlike.append((stream, theirs, own))
                elif len(reasons) == 1:
                    tally.seen[reasons[0]] += not agree
            alike[count] += 1
    return tallies, alike


def main(count: str = str(COUNT), seed: str = str(SEED)) -> int:
    """Compare, print how it went, and return the exit code."""
    tallies, alike = compare(streams(int(count), int(seed)), node=True)
    print(f"read alike by three parsers or more: {sum(alike[many] for many in alike if many >= 3):,} of {int(count):,}")
    for name, tally in tallies.items():
        print(f"{name}: {tally.alike:,} of {int(count):,} compared and alike; {len(tally.unlike)} unlike")
        for reason, streams_ in tally.known.items():
            print(f"    {reason}: applies to {streams_:,}, seen alone in {tally.seen[reason]:,}")
        for stream, theirs, own in tally.unlike:
            print(f"    {stream.pieces}\n        theirs: {theirs}\n        ours:   {own}")
    return int(any(chain.from_iterable(tally.unlike for tally in tallies.values())))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

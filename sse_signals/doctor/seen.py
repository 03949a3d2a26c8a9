"""All that an examination has seen, out of which `rules` makes sense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sse_signals.doctor.facts import Answer, Crossing, usual

if TYPE_CHECKING:
    from sse_signals.doctor.facts import Clocks, Published, Stream
    from sse_signals.doctor.target import Target

SLOWEST: Final = 3600.0  # seconds between two heartbeats, at most: what a receipt says beyond that is not believed


@dataclass(frozen=True, slots=True)
class Seen:
    """All that an examination has seen.

    Attributes:
        target: Where.
        given: Whether a token was given.
        entrance: The first answer, to a poll.
        protocol: ``h2`` or ``http/1.1``.
        before: An answer that came before the first, from a proxy that reached no hub.
        asked: The topic that it was asked for.
        certificate: What is wrong with the certificate.
        redirected: Where the first answer led on to, if it did.
        prefixed: A hub was found below the usual prefix instead.
        origin: The page that shall be allowed.
        polls: Further answers to polls; how quick the way is.
        first: The first stream, asked for as browsers do.
        quiet: Streams without signals, one after the other.
        busy: Streams with a signal a second, one after the other.
        crowd: Streams opened at once besides these.
        crowded_again: The same again, if not all of them came.
        signals: What was published.
        unpublished: The last answer to a signal that was not taken.
        crossing: What pages are answered.
        resume: The answer to a resume after the first id.
        replay: The answer to a resume in the middle of the signals, and the number after which.
        oversized: The answer to a large body.
        ticket: The answer to whoever has a token and asks for a one-time ticket. It holds that ticket, a secret.
        clocks: Clocks.
        interrupted: Whether it was ended early.
    """

    target: Target
    given: bool = False
    entrance: Answer = field(default_factory=Answer)
    protocol: str = "http/1.1"
    before: Answer | None = None
    asked: str = ""
    certificate: str | None = None
    redirected: str | None = None
    prefixed: str | None = None
    origin: str | None = None
    polls: tuple[Answer, ...] = ()
    first: Stream | None = None
    quiet: tuple[Stream, ...] = ()
    busy: tuple[Stream, ...] = ()
    crowd: tuple[Stream, ...] = ()
    crowded_again: tuple[Stream, ...] = ()
    signals: tuple[Published, ...] = ()
    unpublished: Answer | None = None
    crossing: Crossing = field(default_factory=Crossing)
    resume: Answer | None = None
    replay: tuple[int, Answer] | None = None
    oversized: Answer | None = None
    ticket: Answer | None = field(default=None, repr=False)
    clocks: Clocks | None = None
    interrupted: bool = False

    @property
    def inside(self) -> bool:
        """Whether there is a hub that gives streams."""
        return self.first is not None

    @property
    def quick(self) -> float:
        """Seconds that short answers take (the median): what counts as late depends on it."""
        return usual((*self.polls, *(one.answer for one in self.signals)))

    @property
    def heartbeat(self) -> float:
        """Seconds between two heartbeats, as the hub's first receipt has it; 15 if it has none that can be."""
        said = self.entrance.receipt.get("heartbeat")
        if isinstance(said, int | float) and not isinstance(said, bool) and 0 < said <= SLOWEST:
            return float(said)
        return 15.0

    @property
    def query_lost(self) -> bool:
        """Whether the hub was not told which topics a stream is asked for."""
        topics = self.entrance.receipt.get("topics")
        return isinstance(topics, list) and bool(self.asked) and self.asked not in topics

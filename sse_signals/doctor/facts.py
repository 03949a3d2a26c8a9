"""Facts: streams that were watched, answers, what was published, clocks. They are frozen."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from sse_signals.client.answers import document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.doctor.exchange import Ending, Head

OPEN: Final = "signals.open"
HEARTBEAT: Final = "signals.heartbeat"
GAP: Final = "signals.gap"
GOODBYE: Final = "signals.goodbye"
MESSAGE: Final = "message"
LIMITED: Final = frozenset({429, 503})  # statuses with which proxies turn away what is too much


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that has come.

    Attributes:
        after: Seconds since its stream was asked for.
        event: Its name.
        data: Its data.
        id: The id to resume with after it.
    """

    after: float
    event: str
    data: str = "{}"
    id: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream that was watched.

    Attributes:
        asked: When it was asked for, on the examination's clock, in seconds.
        watched: Seconds for which it was watched.
        head: The head of the answer, if there was one.
        arrivals: What came.
        first_byte: Seconds until anything of its body came.
        last_byte: Seconds until the last of its body came.
        ending: How it ended; None if it was still open.
        ended: Seconds until then.
        refused: Why there is no answer, as the end of a sentence; None if there is one or may still be.
        body: The beginning of a body that is no event stream.
        longest_silence: Seconds of the longest silence that it survived.
    """

    asked: float = 0.0
    watched: float = 0.0
    head: Head | None = None
    arrivals: tuple[Arrival, ...] = ()
    first_byte: float | None = None
    last_byte: float | None = None
    ending: Ending | None = None
    ended: float | None = None
    refused: str | None = None
    body: bytes = b""
    longest_silence: float = 0.0

    def first(self, event: str) -> Arrival | None:
        """Return the first event of a name."""
        return next((arrival for arrival in self.arrivals if arrival.event == event), None)

    def every(self, event: str) -> tuple[Arrival, ...]:
        """Return the events of a name."""
        return tuple(arrival for arrival in self.arrivals if arrival.event == event)

    @property
    def receipt(self) -> dict[str, Any]:
        """What its receipt says; empty without one."""
        found = self.first(OPEN)
        return {} if found is None else dict(document(found.data.encode()))

    @property
    def goodbye(self) -> str | None:
        """The hub's own reason for its end."""
        found = self.first(GOODBYE)
        return None if found is None else str(document(found.data.encode()).get("reason", "?"))

    @property
    def silence(self) -> float:
        """Seconds without a byte before its end, or before it was no longer watched."""
        return (self.ended if self.ended is not None else self.watched) - (self.last_byte or 0.0)

    @property
    def began(self) -> bool:
        """Whether it is a stream at all, and no answer that says why there is none."""
        return self.head is not None and self.head.begins_stream

    @property
    def limited(self) -> bool:
        """Whether somebody before the hub turned it away, as limits on requests and connections do."""
        return self.head is not None and self.head.status in LIMITED and _kind(self.body) is None

    @property
    def cut(self) -> bool:
        """Whether something ended it, and not the hub."""
        return self.ended is not None and self.began and self.goodbye is None


@dataclass(frozen=True, slots=True)
class Answer:
    """A short answer, read to its end.

    Attributes:
        after: Seconds until its end.
        asked: When it was asked for, on the examination's clock, in seconds.
        head: Its head; None if there was none.
        body: The beginning of its body.
        failed: Why there is none, or only a part, as the end of a sentence.
        arrivals: The events in it, if it is an event stream.
    """

    after: float = 0.0
    asked: float = 0.0
    head: Head | None = None
    body: bytes = b""
    failed: str | None = None
    arrivals: tuple[Arrival, ...] = ()

    @property
    def status(self) -> int:
        """The HTTP status; 0 without one."""
        return 0 if self.head is None else self.head.status

    @property
    def kind(self) -> str | None:
        """The hub's short name for a refusal; None if it is no hub's."""
        return _kind(self.body)

    @property
    def limited(self) -> bool:
        """Whether somebody before the hub turned it away, as limits on requests and connections do."""
        return self.status in LIMITED and self.kind is None

    @property
    def elsewhere(self) -> bool:
        """Whether it is a proxy's own, which has none of the hub's: it tells nothing of the rest."""
        return (self.status >= 500 or self.limited) and self.kind is None

    @property
    def detail(self) -> str:
        """What a problem document says, and what it advises."""
        found = document(self.body)
        return " ".join(text for name in ("detail", "hint") if isinstance(text := found.get(name), str))

    @property
    def receipt(self) -> dict[str, Any]:
        """What the receipt in it says; empty without one."""
        return next((dict(document(one.data.encode())) for one in self.arrivals if one.event == OPEN), {})

    @property
    def media_type(self) -> str:
        """The media type; empty without one."""
        return "" if self.head is None else self.head.get("content-type").partition(";")[0].strip().lower()


def _kind(body: bytes) -> str | None:
    found = document(body).get("type")
    prefix = "urn:sse-signals:problem:"
    return found.removeprefix(prefix) if isinstance(found, str) and found.startswith(prefix) else None


def usual(answers: Iterable[Answer]) -> float:
    """Return the seconds that answers take (the median); 0 for none."""
    return median(times) if (times := [answer.after for answer in answers]) else 0.0


@dataclass(frozen=True, slots=True)
class Published:
    """A signal that was published.

    Attributes:
        number: Which.
        answer: What the hub said.
    """

    number: int
    answer: Answer

    @property
    def known(self) -> float:
        """When it was known to be in the log, on the examination's clock."""
        return self.answer.asked + self.answer.after


@dataclass(frozen=True, slots=True)
class Clocks:
    """Clocks, in seconds since 1970-01-01 UTC.

    Attributes:
        here: This machine's, in the middle between question and answer.
        margin: Seconds by which that may be wrong.
        hub: The hub's, out of JSON lines.
        proxy: The ``Date`` of the answer, which whatever is nearest has set.
    """

    here: float
    margin: float
    hub: float | None = None
    proxy: float | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """What pages of other origins are answered.

    Attributes:
        own: A page of the hub's own origin asks for a stream.
        foreign: A page asks that no hub allows.
        stream: The page asks for a stream that shall be allowed to.
        error: It asks for what is not there.
        preflights: What its browser asks before, by route.
    """

    own: Answer | None = None
    foreign: Answer | None = None
    stream: Answer | None = None
    error: Answer | None = None
    preflights: tuple[tuple[str, Answer], ...] = ()

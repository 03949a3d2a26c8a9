"""The hub's overview of its streams as ``top`` reads it: what a hub says is checked once, and then plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sse_signals.commands.top.members import Members

if TYPE_CHECKING:
    from collections.abc import Mapping

# More than any hub tells of. Whatever is drawn or compared takes a time that grows with these.
_MOST_NODES: Final = 1_000
_MOST_STREAMS: Final = 1_000
_MOST_TOPICS: Final = 100
_MOST_REASONS: Final = 100


@dataclass(frozen=True, slots=True)
class Node:
    """What one node counts; all but `open`, `behind` and what is held only grows while it lives.

    Attributes:
        name: What it is called.
        time: When it counted, in seconds since 1970-01-01 UTC.
        started: When it started, likewise.
        state: ``ready``, ``draining`` or ``not ready``.
        open: Streams.
        behind: Of these, those that are catching up.
        opened: Streams ever opened.
        closed: Streams that ended, by reason.
        refused: Streams that were refused, by reason.
        signals: Signals that came from the log.
        delivered: Events written to streams.
        size: Bytes written to streams.
        held: Events that its history holds.
        held_size: Their bytes.
        oldest: When the oldest of them was published, in seconds since 1970-01-01 UTC; None if there is none.
    """

    name: str
    time: float
    started: float
    state: str
    open: int
    behind: int
    opened: int
    closed: Mapping[str, int]
    refused: Mapping[str, int]
    signals: int
    delivered: int
    size: int
    held: int
    held_size: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream, open or closed.

    Attributes:
        name: What it is called.
        node: Where it is.
        subject: Who listens; None for nobody in particular.
        remote: From which address.
        topics: Its filters, as one text.
        age: Seconds for which it is, or was, open.
        delivered: Events written to it.
        size: Bytes written to it.
        state: ``live`` or ``behind``; of a closed one, why it ended.
        records: How many records of the log it has still to pass.
        seconds: How long ago the oldest of these was published.
        buffered: Bytes that its connection has not taken.
        closed: When it ended, in seconds since 1970-01-01 UTC; None while it is open.
    """

    name: str
    node: str
    subject: str | None
    remote: str
    topics: str
    age: float
    delivered: int
    size: int
    state: str
    records: int = 0
    seconds: float = 0.0
    buffered: int = 0
    closed: float | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Who is connected, and why others no longer are.

    Attributes:
        time: What the answering hub's clock says, in seconds since 1970-01-01 UTC.
        node: Who answered.
        nodes: All nodes.
        streams: Open streams, the slowest first; not all, if there are many.
        closed: Closed ones, the newest first.
        incomplete: What is missing, one sentence; None if nothing is.
    """

    time: float
    node: str
    nodes: tuple[Node, ...]
    streams: tuple[Stream, ...]
    closed: tuple[Stream, ...]
    incomplete: str | None


def overview(document: Any) -> Overview:
    """Read an overview.

    Args:
        document: The JSON of ``GET {prefix}/streams``.

    Raises:
        Unreadable: It is none.
    """
    members = Members(document, "the answer")
    return Overview(
        time=members.time("time"),
        node=members.text("node"),
        nodes=tuple(_node(each) for each in members.entries("nodes", most=_MOST_NODES)),
        streams=tuple(_open(each) for each in members.entries("streams", most=_MOST_STREAMS)),
        closed=tuple(_closed(each) for each in members.entries("closed", most=_MOST_STREAMS)),
        incomplete=members.text("incomplete") if members.has("incomplete") else None,
    )


def _node(members: Members) -> Node:
    streams, traffic, history = (members.of(name) for name in ("streams", "traffic", "history"))
    draining, ready = members.flag("draining"), members.flag("ready")
    return Node(
        name=members.text("node"),
        time=members.time("time"),
        started=members.time("started"),
        state="draining" if draining else "ready" if ready else "not ready",
        open=streams.count("open"),
        behind=streams.count("behind"),
        opened=streams.count("opened"),
        closed=streams.counts("closed", most=_MOST_REASONS),
        refused=streams.counts("refused", most=_MOST_REASONS),
        signals=traffic.count("signals"),
        delivered=traffic.count("delivered"),
        size=traffic.count("bytes"),
        held=history.count("held"),
        held_size=history.count("bytes"),
        oldest=history.time("oldest") if history.has("oldest") else None,
    )


def _open(members: Members) -> Stream:
    lag = members.of("lag")
    return Stream(
        **_stream(members),
        state=members.text("state"),
        records=lag.count("records"),
        seconds=lag.number("seconds"),
        buffered=members.count("buffered"),
    )


def _closed(members: Members) -> Stream:
    return Stream(**_stream(members), state=members.text("reason"), closed=members.time("closed"))


def _stream(members: Members) -> dict[str, Any]:
    """Return what open and closed streams have in common."""
    more = members.count("moreTopics")
    topics = members.texts("topics", most=_MOST_TOPICS)
    return {
        "name": members.text("stream"),
        "node": members.text("node"),
        "subject": members.text("subject") if members.has("subject") else None,
        "remote": members.text("remote") if members.has("remote") else "",
        "topics": ", ".join(topics) + (f" and {more} more" if more else ""),
        "age": members.number("age"),
        "delivered": members.count("delivered"),
        "size": members.count("bytes"),
    }

"""Facts as an examination of a good hub has them, to be changed one at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sse_signals.doctor.exchange import Ending, Head, How
from sse_signals.doctor.facts import HEARTBEAT, MESSAGE, OPEN, Answer, Arrival, Clocks, Crossing, Published, Stream
from sse_signals.doctor.judge import judge
from sse_signals.doctor.seen import Seen
from sse_signals.doctor.target import Target

if TYPE_CHECKING:
    from sse_signals.doctor.judge import Verdict

ORIGIN = "https://app.example.com"
OK = Head(200, (("content-type", "text/event-stream"), ("cache-control", "no-store, no-transform")))
ALLOWED = (("access-control-allow-origin", ORIGIN), ("access-control-allow-credentials", "true"))
PREFLIGHT = Head(204, (*ALLOWED, ("access-control-allow-headers", "Authorization, Content-Type, Last-Event-ID")))
PROBLEM = {"type": "urn:sse-signals:problem:origin-not-allowed", "detail": "No.", "hint": "Yes."}
_names = iter(range(1_000_000))


def receipt(after: float = 0.01, **members: Any) -> Arrival:
    """Return a receipt of a stream of its own."""
    return Arrival(after, OPEN, json.dumps({"stream": f"s-{next(_names)}", "heartbeat": 15, **members}), "e-1")


def stream(*arrivals: Arrival, ended: float | None = None, how: How = How.INCOMPLETE, **changes: Any) -> Stream:
    """Return a stream that was watched for 35 seconds."""
    come = arrivals or (receipt(), beat(10.0), beat(25.0))
    times = [0.0, *(one.after for one in come)]
    known: dict[str, Any] = {
        "watched": 35.0,
        "head": OK,
        "arrivals": come,
        "first_byte": come[0].after,
        "last_byte": times[-1],
        "longest_silence": max(late - early for early, late in pairwise(times)),
        "ended": ended,
    }
    return Stream(**(known | {"ending": None if ended is None else Ending(how)} | changes))


def nothing(**changes: Any) -> Stream:
    """Return a stream on which nothing came."""
    return Stream(**({"watched": 35.0} | changes))


def beat(after: float) -> Arrival:
    """Return a heartbeat."""
    return Arrival(after, HEARTBEAT, "{}", "e-1")


def message(number: int, after: float) -> Arrival:
    """Return a signal of the examination."""
    return Arrival(
        after, MESSAGE, json.dumps({"topic": "t/busy", "message": f"signals-doctor {number}"}), f"e-{number}"
    )


def published(*numbers: int) -> tuple[Published, ...]:
    """Return signals that were published when as many seconds had passed, and answered at once."""
    return tuple(Published(number, Answer(0.0, float(number), Head(202), b'{"id": "e-1"}')) for number in numbers)


def answer(status: int = 200, body: Any = None, fields: tuple[tuple[str, str], ...] = (), **changes: Any) -> Answer:
    """Return an answer: of the hub, if it has a body."""
    kind = () if body is None else (("content-type", "application/problem+json"),)
    raw = b"" if body is None else json.dumps(body).encode()
    known: dict[str, Any] = {"after": 0.01, "head": Head(status, (*kind, *fields)), "body": raw}
    return Answer(**(known | changes))


def polled(*arrivals: Arrival, **members: Any) -> Answer:
    """Return the answer to a poll."""
    return Answer(0.01, 0.0, OK, b"", None, (receipt(**members), *arrivals))


def crossing(**changes: Any) -> Crossing:
    """Return what pages are told by a good hub."""
    page = replace(polled(), head=Head(200, ALLOWED))
    good: dict[str, Any] = {
        "own": polled(), "foreign": answer(403, PROBLEM), "stream": page, "error": answer(404, {}, ALLOWED),
        "preflights": (("stream", Answer(head=PREFLIGHT)), ("publish", Answer(head=PREFLIGHT))),
    }  # fmt: skip
    return Crossing(**(good | changes))


def seen(**changes: Any) -> Seen:
    """Return what is seen of a good hub over HTTP/2, with some things changed."""
    signals = published(*range(1, 30))
    good: dict[str, Any] = {
        "target": Target("https", "hub.example.com", 443, "/signals"), "entrance": polled(), "protocol": "h2",
        "origin": ORIGIN, "polls": (polled(), polled()), "first": stream(), "quiet": (stream(),),
        "busy": (stream(receipt(), *(message(one.number, one.number + 0.01) for one in signals)),),
        "crowd": tuple(stream() for _ in range(5)), "signals": signals, "crossing": crossing(),
        "resume": polled(recovered=True), "oversized": answer(400, {"type": "urn:sse-signals:problem:bad-parameter"}),
        "clocks": Clocks(1000.0, 0.01, 1000.0, 1000.0),
    }  # fmt: skip
    return Seen(**(good | changes))


def verdict(**changes: Any) -> Verdict:
    """Return the verdict on a good hub with some things changed."""
    return judge(seen(**changes))


def outside(entrance: Answer, **changes: Any) -> Verdict:
    """Return the verdict where nobody is let in."""
    return judge(Seen(Target("https", "hub.example.com", 443, "/signals"), entrance=entrance, **changes))


def names(found: Verdict) -> list[str]:
    """Return the names of findings."""
    return [finding.name for finding in found.findings]

r"""What a record looks like in a shared log: one line that says what it is, and the messages as they are.

A record of two signals, where ``\n`` is a line feed, which compact JSON text never holds::

    {"v":1,"kind":"signals","signals":[["a:b",null,null],[null,["user:default/x"],"created"]]}\n{"x":1}\n"text"

Each signal is its address, its targets (sorted) and its event name. If signals belong to a trace, the head has the
member ``traceparent``: that of all of them, or a list of one for each, with null where there is none. Readers pass over
members that they do not know. Kinds that a node does not know are passed over,
so that nodes of two versions can share a log; their place counts. A version is raised only when a known kind changes
its meaning: a node that cannot read a record leaves it out, and the ids show the hole. So a version is first read by
one release and written by the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.model import INDEX_BITS, INDEX_MASK, ControlRecord, Event, EventId, Signal, position
from sse_signals.tracing import TRACEPARENT, traceparent_of
from sse_signals.wire.frames import event

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION: Final = 1
_SIGNALS: Final = "signals"
_CONTROL: Final = "control"
_NOBODY: Final = frozenset[str]()
_TEXT: Final = (str, type(None))
_LIST: Final = (list, type(None))


def encode(signals: Sequence[Signal]) -> bytes:
    """Return the record of one publish request."""
    said = [[each.address, None if each.targets is None else sorted(each.targets), each.name] for each in signals]
    head: dict[str, Any] = {"v": VERSION, "kind": _SIGNALS, "signals": said}
    for each in signals:
        if each.traceparent is not None:
            traces = [other.traceparent for other in signals]
            head[TRACEPARENT] = traces if len(set(traces)) > 1 else each.traceparent
            break
    return b"\n".join((orjson.dumps(head), *(each.data for each in signals)))


def encode_control(data: bytes) -> bytes:
    """Return a record of kind ``control``.

    Args:
        data: JSON text.
    """
    return b'{"v":%d,"kind":"control"}\n%b' % (VERSION, data)


def encode_note(kind: str, said: Any) -> bytes:
    """Return a record that no node passes on: what a broker keeps in the log for itself.

    Args:
        kind: Its kind, other than ``signals`` and ``control``.
        said: Any JSON value.
    """
    return orjson.dumps({"v": VERSION, "kind": kind, "said": said})


def decode(data: bytes, epoch: str, record: int, time_ms: int) -> Sequence[Event] | None:
    """Return the events of a record; None for one that cannot be read, which is left out so that the ids show a hole.

    Args:
        data: What `encode` or a later version has written.
        epoch: The epoch of the record.
        record: Its number.
        time_ms: When the log took it, in milliseconds since 1970-01-01 UTC.
    """
    try:
        head, *lines = data.split(b"\n")
        said = orjson.loads(head)
        if said["v"] != VERSION:
            return None
        if said["kind"] == _SIGNALS:
            if b"\r" in data or not 0 < len(lines) <= INDEX_MASK:  # a line break would end a line of the stream too
                return None
            traces = _traces(said[TRACEPARENT], len(lines)) if TRACEPARENT in said else (None,) * len(lines)
            return [
                event(EventId(epoch, position(record, index)), time_ms, _signal(what, line, trace))
                for index, (what, line, trace) in enumerate(zip(said["signals"], lines, traces, strict=True))
            ]
        control = lines[0] if said["kind"] == _CONTROL else None
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    place = position(record)
    if control is None:
        return [Event(epoch, place, time_ms, None, _NOBODY, b"")]
    return [ControlRecord(epoch, place, time_ms, None, _NOBODY, b"", control)]


def record_of(place: int) -> int:
    """Return the number of the record that a position lies in."""
    return place >> INDEX_BITS


def _traces(said: Any, count: int) -> Sequence[str | None]:
    """Return the traces of so many signals; what is none is passed over, since the signals are good without it."""
    if isinstance(said, list) and len(said) == count:
        return [traceparent_of(each) for each in said]
    return [traceparent_of(said)] * count


def _signal(said: Sequence[Any], data: bytes, trace: str | None) -> Signal:
    """Return what was encoded.

    Raises:
        ValueError: It was something else.
        TypeError: Likewise.
    """
    address, targets, name = said
    if not (isinstance(address, _TEXT) and isinstance(name, _TEXT) and isinstance(targets, _LIST)):
        raise TypeError(f"{said!r} is not an address, targets and a name")
    orjson.loads(data)  # one message that is no JSON would be the end of every reader
    return Signal(data, address, None if targets is None else frozenset[str](targets), name, traceparent=trace)

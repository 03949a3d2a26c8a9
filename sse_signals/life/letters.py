"""Letters: what a node says of itself to the others, of bounded size, and read as strictly as all from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.life.ledger import MOST_TOPICS
from sse_signals.life.nodes import is_stream_of
from sse_signals.life.shapes import by_reason, flag, items, maybe, members, one_of, seconds, text, time, whole
from sse_signals.life.survey import Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION: Final = 1
MOST: Final = 200  # open streams that a letter tells of, and closed ones
BYTES: Final = 96 * 1024  # of both together
_OPEN_BYTES: Final = 60 * 1024  # of the open ones, as long as there are closed ones that have no room
_LONGEST: Final = 2 * BYTES  # bytes of a letter that is read

_OF_ANY: Final = {
    "stream": text,
    "node": text,
    "subject": maybe(text),
    "remote": text,
    "topics": items(text, MOST_TOPICS),
    "moreTopics": whole,
    "format": one_of("sse", "ndjson"),
    "opened": time,
    "age": seconds,
    "delivered": whole,
    "bytes": whole,
    "timesBehind": whole,
}
_OPEN: Final = members(
    {
        **_OF_ANY,
        "state": one_of("live", "behind"),
        "lag": members({"records": whole, "seconds": seconds}),
        "buffered": whole,
        "expires": maybe(time),
    }
)
_CLOSED: Final = members({**_OF_ANY, "closed": time, "reason": text})
_NODE: Final = members(
    {
        "node": text,
        "time": time,
        "started": time,
        "ready": flag,
        "draining": flag,
        "streams": members(
            {"open": whole, "behind": whole, "opened": whole, "closed": by_reason, "refused": by_reason}
        ),
        "traffic": members({"signals": whole, "delivered": whole, "bytes": whole}),
        "history": members({"held": whole, "bytes": whole, "oldest": maybe(time)}),
    }
)
_LETTER: Final = members(
    {
        "node": _NODE,
        "streams": items(_OPEN, MOST),
        "closed": items(_CLOSED, MOST),
        "moreStreams": flag,
        "moreClosed": flag,
    }
)


def encode(part: Part) -> bytes:
    """Return what a node says of itself, with as many of its slowest streams and of the newest closed ones as fit."""
    streams, closed = [_rows(rows[:MOST]) for rows in (part.streams, part.closed)]
    first = _fitting(streams, _OPEN_BYTES)
    gone = _fitting(closed, BYTES - sum(map(len, first)))
    told = _fitting(streams, BYTES - sum(map(len, gone)))
    return orjson.dumps(
        {
            "v": VERSION,
            "node": part.node,
            "streams": [orjson.Fragment(row) for row in told],
            "closed": [orjson.Fragment(row) for row in gone],
            "moreStreams": part.more_streams or len(told) < len(part.streams),
            "moreClosed": part.more_closed or len(gone) < len(part.closed),
        }
    )


def decode(letter: bytes, name: str) -> Part:
    """Read a letter of another node.

    Args:
        letter: The letter.
        name: Whose it is.

    Raises:
        ValueError: It cannot be read, since a newer version has written it or something is wrong with it.
    """
    if len(letter) > _LONGEST:
        raise ValueError("it is too long")
    said = orjson.loads(letter)
    if type(said) is not dict or type(said.get("v")) is not int or said["v"] != VERSION:
        raise ValueError("it is of another version")
    read = _LETTER(said)
    if read["node"]["node"] != name:
        raise ValueError("it is of another node")
    for row in (*read["streams"], *read["closed"]):
        if row["node"] != name or not is_stream_of(row["stream"], name):
            raise ValueError("it tells of streams of another node")
    return Part(read["node"], read["streams"], read["closed"], read["moreStreams"], read["moreClosed"])


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    return [orjson.dumps(row) for row in rows]


def _fitting(rows: Sequence[bytes], room: int) -> Sequence[bytes]:
    """Return the first rows that have room."""
    for count, row in enumerate(rows):
        room -= len(row) + 1
        if room < 0:
            return rows[:count]
    return rows

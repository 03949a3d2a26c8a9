"""What a JetStream stream says of itself: its state, its messages, and from which logs its own goes on."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.brokers.nats_answers import NO_MESSAGE, Refused
from sse_signals.lineage import MAX_FORKS, Lineage
from sse_signals.model import INDEX_MASK, position

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sse_signals.brokers.nats_link import Link

NOTES: Final = "epoch"  # where in the log its lineage is noted
HERE: Final = "here"  # where a log gets another epoch if that is with the very note that says so
LINEAGE: Final = "sse_signals_lineage"  # where in the stream's metadata
_ALPHABET: Final = "0123456789abcdefghijkmnpqrstuvwxyz"
_SECOND: Final = 10**9


@dataclass(frozen=True, slots=True)
class Found:
    """What a stream says of itself.

    Attributes:
        name: Its name.
        epoch: Follows from when it was made, so that all nodes find the same.
        first: The number of the oldest record that is held; one more than `last` if there is none.
        last: The number of the newest record there was.
        last_ns: When the server took it, in nanoseconds since 1970-01-01 UTC.
        now_ns: What the server's clock says, likewise.
        config: Its configuration.
        subjects: What it holds messages of, if that was asked.
    """

    name: str
    epoch: str
    first: int
    last: int
    last_ns: int
    now_ns: int
    config: Mapping[str, Any]
    subjects: Mapping[str, int]

    @property
    def lineage(self) -> Lineage:
        """Which logs this one goes on from, as far as its configuration knows."""
        return newer(Lineage(self.epoch), _lineage(self._written, self.epoch))

    @property
    def server(self) -> str:
        """The server that was last seen to have lost nothing of it, as far as its configuration knows."""
        return _server(self._written, self.epoch)

    @property
    def _written(self) -> Any:
        return _json((self.config.get("metadata") or {}).get(LINEAGE, ""))


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it is stored.

    Attributes:
        record: Its number.
        time_ns: When the server took it, in nanoseconds since 1970-01-01 UTC.
        data: What it is.
        headers: What was sent with it.
    """

    record: int
    time_ns: int
    data: bytes
    headers: str


async def look(link: Link, name: str, *, subjects: str = "", deadline: float | None = None) -> Found:
    """Return what a stream says of itself.

    Args:
        link: The connection.
        name: Which stream.
        subjects: Of which subjects it shall say whether it holds messages; a filter.
        deadline: See `Link.request`.

    Raises:
        Refused: There is no such stream.
        BrokerUnavailable: There is no answer.
    """
    found: dict[str, int] = {}
    while True:
        question = {"subjects_filter": subjects, "offset": len(found)} if subjects else None
        said = await link.ask(f"STREAM.INFO.{name}", question, deadline=deadline)
        state = said["state"]
        more = state.get("subjects") or {}
        found.update(more)
        if not more or len(found) >= said.get("total", 0):
            break
    return Found(
        name,
        _epoch(f"{name} {said['created']}"),
        state["first_seq"],
        state["last_seq"],
        nanoseconds(state["last_ts"]),
        nanoseconds(said["ts"]),
        said["config"],
        found,
    )


async def stored(link: Link, name: str, which: Mapping[str, Any], deadline: float | None = None) -> Stored | None:
    """Return one message, as the stream's leader has it; None if there is none.

    Args:
        link: The connection.
        name: Which stream.
        which: ``{"seq": …}`` or ``{"last_by_subj": …}``.
        deadline: See `Link.request`.

    Raises:
        BrokerUnavailable: There is no answer.
    """
    try:
        said = (await link.ask(f"STREAM.MSG.GET.{name}", which, deadline=deadline))["message"]
    except Refused as error:
        if error.code == NO_MESSAGE:
            return None
        raise
    data, headers = (base64.b64decode(said.get(field, "")) for field in ("data", "hdrs"))
    return Stored(said["seq"], nanoseconds(said["time"]), data, headers.decode("ascii", "replace"))


def newer(one: Lineage, other: Lineage | None) -> Lineage:
    """Return which of two lineages goes on from the other; the first if neither does."""
    return one if other is None or other.shared(one.epoch) is None else other


def spoken(lineage: Lineage, root: str, server: str) -> dict[str, Any]:
    """Return a lineage as a JSON value that says for which log it holds, lest it be taken for that of a copy.

    Args:
        lineage: Of the log.
        root: The epoch that the log began with.
        server: The one that has lost nothing of it since.
    """
    return {**lineage.to_json(), "root": root, "server": server}


def spoken_here(lineage: Lineage, root: str, server: str, epoch: str) -> dict[str, Any]:
    """Return the same of a log that gets another epoch with the very note that says so."""
    said = spoken(lineage, root, server)
    return {**said, "epoch": epoch, "forks": [*said["forks"], [lineage.epoch, HERE]][-MAX_FORKS:]}


def noted(data: bytes, root: str, record: int) -> tuple[Lineage | None, str]:
    """Return the lineage and the server that a note in the log says; None if it says something else.

    Args:
        data: What it says.
        root: The epoch that the log began with.
        record: The note's number.
    """
    try:
        said = orjson.loads(data)["said"]
        here = position(record - 1, INDEX_MASK)
        ends = [[epoch, here if last == HERE else last] for epoch, last in said["forks"]]
        return _lineage({**said, "forks": ends}, root), _server(said, root)
    except (ValueError, KeyError, TypeError):
        return None, ""


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _lineage(said: Any, root: str) -> Lineage | None:
    try:
        return Lineage.from_json(said) if said["root"] == root else None
    except (ValueError, KeyError, TypeError):
        return None


def _server(said: Any, root: str) -> str:
    return str(said.get("server", "")) if isinstance(said, dict) and said.get("root") == root else ""


def nanoseconds(text: str) -> int:
    """Return an RFC 3339 time in nanoseconds since 1970-01-01 UTC, of which it may have all nine digits."""
    whole, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if dot else ""
    moment = datetime.fromisoformat(whole + rest[len(digits) :])
    return int(moment.timestamp()) * _SECOND + int(digits.ljust(9, "0"))


def _epoch(text: str) -> str:
    number = int.from_bytes(blake2b(text.encode(), digest_size=16).digest())
    letters = []
    for _ in range(8):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return "".join(letters)

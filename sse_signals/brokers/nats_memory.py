"""What a process knows of a log on NATS, and how it sees that the log has lost some of it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from sse_signals.brokers.epochs import new_epoch
from sse_signals.brokers.nats_answers import WRONG_LAST, Refused, answer
from sse_signals.brokers.nats_found import NOTES, look, newer, noted, spoken, spoken_here, stored
from sse_signals.brokers.nats_stream import remember
from sse_signals.brokers.records import encode_note
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import INDEX_BITS, INDEX_MASK, position

if TYPE_CHECKING:
    from sse_signals.brokers.nats_found import Found, Stored
    from sse_signals.brokers.nats_link import Link
    from sse_signals.lineage import Lineage

EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_TRIES: Final = 10  # how often others may be faster


class Memory:
    """The records that this process has seen or was acknowledged, with what tells each from any other of its number.

    Attributes:
        lineage: The log's, as this process knew it last; None before.
    """

    def __init__(self, most: int) -> None:
        """Know nothing.

        Args:
            most: Records of which to know that they are the same.
        """
        self._most = most
        self._records = array("q")
        self._times = array("q")
        self._acknowledged = (0, b"")
        self._joined = (0, 0)  # the newest record when the connection was made, and its time
        self.lineage: Lineage | None = None

    @property
    def highest(self) -> int:
        """The highest number of a record that is known."""
        return max(self._records[-1] if self._records else 0, self._acknowledged[0], self._joined[0])

    def saw(self, record: int, time_ns: int) -> None:
        """Remember a record by when the server took it, which it says to the nanosecond."""
        if not self._records or record > self._records[-1]:
            self._records.append(record)
            self._times.append(time_ns)
            if len(self._records) > 2 * self._most:
                del self._records[: -self._most], self._times[: -self._most]

    def acknowledged(self, record: int, data: bytes) -> None:
        """Remember a record by what it is: when the server took it is not said to who published it."""
        if record > self._acknowledged[0]:
            self._acknowledged = record, data

    def joined(self, record: int, time_ns: int) -> None:
        """Remember the newest record of a log that nobody may have read yet; what comes before it may be read later."""
        self._joined = record, time_ns

    def time_ns(self, record: int) -> int:
        """Return the latest time of the records up to one, as far as they are known; else 0."""
        return max(self._times[: bisect_right(self._records, record)], default=0)

    def forget_above(self, record: int) -> None:
        """Know nothing of the records above one."""
        keep = bisect_right(self._records, record)
        del self._records[keep:], self._times[keep:]
        if self._acknowledged[0] > record:
            self._acknowledged = (0, b"")
        if self._joined[0] > record:
            self._joined = (0, 0)

    def whole(self, found: Found) -> bool:
        """Say whether this process has known of all that a log holds."""
        return self.lineage is not None and self.highest == found.last

    async def last_same(self, link: Link, found: Found) -> int | None:
        """Return the last record that is in the log as it was; None if all that is known is.

        Raises:
            BrokerUnavailable: There is no answer.
        """
        joined_is_same = self._joined[0] <= found.last and await self._is_same(link, found, *self._joined)
        if (
            self.highest <= found.last
            and joined_is_same
            and await self._acknowledged_is_same(link, found)
            and (not self._records or await self._is_same(link, found, self._records[-1], self._times[-1]))
        ):
            return None
        low, high = 0, bisect_right(self._records, found.last)
        while low < high:  # the first low ones are the same, those from high on are not
            middle = (low + high) // 2
            if await self._is_same(link, found, self._records[middle], self._times[middle]):
                low = middle + 1
            else:
                high = middle
        return max(self._records[low - 1] if low else 0, self._joined[0] if joined_is_same else 0)

    async def _is_same(self, link: Link, found: Found, record: int, time_ns: int) -> bool:
        there = await stored(link, found.name, {"seq": record}) if record else None
        return there is None or there.time_ns == time_ns  # it may have been trimmed or deleted

    async def _acknowledged_is_same(self, link: Link, found: Found) -> bool:
        record, data = self._acknowledged
        there = await stored(link, found.name, {"seq": record}) if record else None
        return there is None or there.data == data


async def reckon(link: Link, found: Found, memory: Memory, logger: Any) -> tuple[Lineage, int]:
    """Compare a log with what is known of it; give it another epoch if it has lost something that nobody has noticed.

    A server that was started anew may have lost what it held last. Unless this process has known of all that it holds,
    the log gets another epoch then too: that costs nobody a gap who has read no further.

    Whoever gives it one does so only if nobody else did meanwhile; who comes second takes what the first has said.

    Returns:
        The log's lineage, and the number of the newest note about it, 0 if there is none.

    Raises:
        BrokerUnavailable: There is no answer.
    """
    for _ in range(_TRIES):
        note = await stored(link, found.name, {"last_by_subj": f"{found.name}.{NOTES}"})
        said, server = noted(note.data, found.epoch, note.record) if note else (None, "")
        there = newer(found.lineage, said)
        known = _carried_on(memory, there)
        last = await memory.last_same(link, found)
        lost = last is not None or known is not there
        if not lost and (link.server in ("", server, found.server) or not found.server or memory.whole(found)):
            break
        if lost:
            last = min(found.last, memory.highest) if last is None else last
            there = known.fork(new_epoch(), position(last, INDEX_MASK))
            if await _say(link, found, note, spoken(there, found.epoch, link.server)):
                note = await stored(link, found.name, {"last_by_subj": f"{found.name}.{NOTES}"})
                logger.warning("the log has lost records and got a new epoch", epoch=there.epoch, last_same_record=last)
                memory.forget_above(last)
                break
        elif await _say(link, found, note, spoken_here(there, found.epoch, link.server, new_epoch())):
            logger.warning("the log may have lost records and got a new epoch")
        found = await look(link, found.name)
    else:
        raise BrokerUnavailable("the nodes do not agree on an epoch of the log")
    memory.lineage = there
    memory.joined(found.last, found.last_ns)
    if there != found.lineage or link.server not in ("", found.server):
        found = await look(link, found.name)  # others may have been faster
        await remember(link, found, newer(found.lineage, there), logger)
    return there, note.record if note is not None else 0


def _carried_on(memory: Memory, there: Lineage) -> Lineage:
    """Return the lineage from which a log goes on, and forget of it what is not in it."""
    mine = memory.lineage or there
    shared = there.shared(mine.epoch)
    if mine.epoch == there.epoch:
        return there
    if shared is not None:
        memory.forget_above(shared >> INDEX_BITS)
        return there
    if mine.shared(there.epoch) is not None:
        return mine  # what the log has lost is the very note of its epoch
    memory.forget_above(0)
    return there


async def _say(link: Link, found: Found, note: Stored | None, what: dict[str, Any]) -> bool:
    """Give a log another epoch; False if somebody else has done so since the last note."""
    said, since = encode_note(NOTES, what), str(note.record if note is not None else 0)
    try:
        answer(await link.request(f"{found.name}.{NOTES}", said, {EXPECTED: since}))
    except Refused as error:
        if error.code == WRONG_LAST:
            return False
        raise
    return True

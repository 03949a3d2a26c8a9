"""A log in a file, for one thread: opens it, appends within transactions, and says what is in it.

The newest records, as many as the history's limits allow, are also held in memory, ready to be given out: the file is
read when it is opened, and from then on only written.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from sse_signals.brokers import records
from sse_signals.brokers.records import record_of
from sse_signals.brokers.sqlite_keys import Keys, Remembered
from sse_signals.brokers.sqlite_layout import connect
from sse_signals.brokers.sqlite_origin import closed_well, lineage_of, tail_of
from sse_signals.brokers.sqlite_place import Claim, Known
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import ControlRecord, EventId, Receipt, position
from sse_signals.wire.frames import event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.broker_options import BrokerOptions
    from sse_signals.brokers.sqlite_place import Place
    from sse_signals.history import History
    from sse_signals.lineage import Lineage
    from sse_signals.model import Event, HistoryLimits, IdempotencyKey, Signal

_AT_ONCE: Final = 5000  # old records that one transaction removes, so that none takes long
_SPARE: Final = 256  # free pages that the file may hold, besides a quarter of it
_GIVEN_BACK: Final = 256  # pages that one transaction gives back to the disk
# What failed for these reasons has left the file as it was, and may work the next time.
_HARMLESS: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR_WRITE)


class LogFile:
    """The file of a log. It is not open until `open`; and not any more after a failure, until `open` again.

    Attributes:
        connection: To the file, for what belongs into the same transaction.
        clock: Returns milliseconds since 1970-01-01 UTC.
        path: Of the file.
        forked: Whether the log had to get a new epoch when it was opened.
    """

    connection: sqlite3.Connection
    _history: History
    _keys: Keys
    _lineage: Lineage

    def __init__(self, place: Place, limits: HistoryLimits, options: BrokerOptions, clock: Callable[[], int]) -> None:
        """Do nothing yet.

        Args:
            place: Where it is.
            limits: How much of it is kept.
            options: How idempotency keys are remembered, and whether commits wait for the disk.
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self.clock = clock
        self._place = place
        self.path = str(place.path)
        self._limits = limits
        self._options = options
        self._claim = Claim(place.path)
        self._known: Known | None = None  # what this process knows of the log
        self._open = False
        self.forked = False
        self._inode = 0
        self._first = self._floor = 0  # number of the oldest record, and of what it will be
        self._head = self._committed = 0  # number of the newest record, with and without what is not committed yet
        self._time_ms = 0  # the newest record's
        self._appended: list[Event] = []

    @property
    def usable(self) -> bool:
        """Whether it is open, and still the file that was opened."""
        try:
            return self._open and self._place.path.stat().st_ino == self._inode
        except OSError:
            return False

    def open(self) -> History:
        """Open the file, anew if it was open, and return the log's tail.

        Raises:
            ConfigurationError: It cannot be used, and will not without somebody's doing.
            BrokerUnavailable: It cannot be used at the moment.
        """
        self._let_go()
        self._claim.take()
        self.connection = connect(self._place)
        try:
            return self._read()
        except (sqlite3.Error, OSError, ValueError, KeyError) as error:
            self.connection.close()
            raise BrokerUnavailable(f"the log {str(self._place.path)!r} cannot be read: {error}") from None

    def begin(self) -> None:
        """Begin a transaction, and drop what the limits do not allow any more."""
        self.connection.execute("BEGIN IMMEDIATE")
        self._time_ms = max(self._time_ms, self.clock())
        self._keys.forget(self._time_ms)
        # The record that the floor lies in stays: it says where the log begins, and is perhaps held in part.
        self._floor = min(record_of(self._history.floor), self._first + _AT_ONCE)
        if self._floor > self._first:
            self.connection.execute("DELETE FROM records WHERE record < ?", (self._floor,))
            self._give_back()

    def commit(self) -> Sequence[Event]:
        """End the transaction, and return the events that are in the log now."""
        self.connection.execute("COMMIT")
        self._keys.settle(kept=True)
        self._first = max(self._first, self._floor)
        appended, self._appended = self._appended, []
        if appended:
            self._note()
        return appended

    def roll_back(self, error: Exception) -> bool:
        """Take back the transaction, after an error; return whether it is certain that nothing of it is in the log."""
        code = error.sqlite_errorcode if isinstance(error, sqlite3.OperationalError) else None
        harmless = code in _HARMLESS
        if harmless:
            self._keys.settle(kept=False)
            self._appended = []
            self._head = self._committed
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        else:
            self._let_go()
        return harmless

    def publish(self, signals: Sequence[Signal], data: bytes, key: IdempotencyKey | None) -> Receipt:
        """Append a record of signals, within a transaction, unless it was appended under the same key before.

        Args:
            signals: The signals.
            data: The record of them.
            key: Under which they are published.

        Raises:
            IdempotencyConflict: The key was used for something else.
            IdempotencyTableFull: The key cannot be remembered.
        """
        known = None if key is None else self._keys.find(key, self._time_ms)
        if known is not None:
            return Receipt(self._ids(known.record, known.count), repeated=True)
        record = self._append(data)
        ids = self._ids(record, len(signals))
        self._appended += (event(one, self._time_ms, signal) for one, signal in zip(ids, signals, strict=True))
        if key is not None:
            until_ms = self._time_ms + round(self._options.idempotency_window * 1000)
            self._keys.remember(key, Remembered(key.digest, record, len(signals), until_ms))
        return Receipt(ids)

    def control(self, data: bytes) -> EventId:
        """Append a control record, within a transaction."""
        (place,) = self._ids(self._append(records.encode_control(data)), 1)
        self._appended.append(ControlRecord(place.epoch, place.position, self._time_ms, None, frozenset(), b"", data))
        return place

    def close(self) -> None:
        """Let go of the file, all of which is on the disk then, and leave it to others."""
        if self._open and self._options.sqlite_synchronous == "normal":
            closed_well(self.connection)
        self._let_go()
        self._claim.drop()

    def _let_go(self) -> None:
        if self._open:
            self._open = False
            self.connection.close()

    def _read(self) -> History:
        self._inode = self._place.path.stat().st_ino
        waits = self._options.sqlite_synchronous == "full"
        first, head = self.connection.execute(
            "SELECT (SELECT min(record) FROM records), (SELECT max(record) FROM records)"
        ).fetchone()
        self._first, self._head = first or 1, head or 0
        self._time_ms = 0
        for (time_ms,) in self.connection.execute("SELECT time_ms FROM records WHERE record = ?", (self._head,)):
            self._time_ms = time_ms
        self._lineage, self.forked = lineage_of(
            self.connection, self._head, known=self._known or self._claim.known(), inode=self._inode, waits=waits
        )
        self._note()
        self._keys = Keys(self.connection, self._options.idempotency_keys)
        self._appended = []
        if not waits:  # only now, so that what tells this to the next start is on the disk
            self.connection.execute("PRAGMA synchronous = NORMAL")
        now_ms = max(self._time_ms, self.clock())
        self._history = tail_of(self.connection, self._head, self._lineage, self._limits, now_ms)
        self._open = True
        return self._history

    def _append(self, data: bytes) -> int:
        self._head += 1
        self.connection.execute("INSERT INTO records VALUES (?, ?, ?)", (self._head, self._time_ms, data))
        return self._head

    def _ids(self, record: int, count: int) -> Sequence[EventId]:
        """Return the ids of a record. One that was published before the log got its present epoch has the earlier."""
        epoch = self._lineage.epoch_at(position(record))
        return [EventId(epoch, position(record, index)) for index in range(count)]

    def _give_back(self) -> None:
        """Give pages back to the disk if many are free, so that the file does not stay as large as it ever was."""
        (free,), (pages,) = (
            self.connection.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_count")
        )
        if free > _SPARE + pages // 4:
            for _ in range(_GIVEN_BACK):
                self.connection.execute("PRAGMA incremental_vacuum(1)")  # which is not run to its end for more than one

    def _note(self) -> None:
        self._committed = self._head
        self._known = Known(self._lineage.epoch, self._head)
        self._claim.note(self._known)

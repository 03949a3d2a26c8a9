"""What is in the file of a log: its tables, their version, and how a connection to it is set up."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import orjson

from sse_signals.brokers.epochs import new_epoch
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.lineage import Lineage

if TYPE_CHECKING:
    from sse_signals.brokers.sqlite_place import Place

VERSION: Final = 1
_OURS: Final = 0x53534553  # "SSES": the application_id of the files this package makes
_BUSY: Final = 0.2  # seconds to wait for a tool that has the file locked, such as one that copies it
_JOURNAL: Final = 16 * 1024 * 1024  # bytes that the write-ahead log keeps once it was larger

_TABLES: Final = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE records (record INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, data BLOB NOT NULL)",
    # A key belongs to the record that was published under it: keys come and go at the two ends of the table.
    """CREATE TABLE keys (record INTEGER PRIMARY KEY, publisher BLOB NOT NULL, key BLOB NOT NULL,
    digest BLOB NOT NULL, count INTEGER NOT NULL, until_ms INTEGER NOT NULL)""",
    "CREATE INDEX keys_end ON keys (until_ms)",
    "CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX state_end ON state (until_ms)",
    f"PRAGMA application_id = {_OURS}",
    f"PRAGMA user_version = {VERSION}",
)


def connect(place: Place) -> sqlite3.Connection:
    """Return a connection to the file of a log, which is made if it is not there. It waits for the disk at each commit.

    Raises:
        ConfigurationError: The file is something else.
        BrokerUnavailable: It cannot be used at the moment.
    """
    _create(place)
    try:
        connection = sqlite3.connect(place.path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unavailable(place, error) from None
    try:
        _set_up(connection, place)
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorcode in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise _refused(place, str(error)) from None
        raise _unavailable(place, error) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _create(place: Place) -> None:
    """Make the file if it is not there: nobody else may read it, since it holds what is meant for some people only.

    SQLite gives the files that it makes beside it the same rights.
    """
    with suppress(OSError):  # which SQLite will say more of
        os.close(os.open(place.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _set_up(connection: sqlite3.Connection, place: Place) -> None:
    (version,), (application,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id")
    )
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != _OURS and (application or version or tables):
        raise _refused(place, "it belongs to another program")
    if version > VERSION:
        raise _refused(place, f"it was made by a newer version, with layout {version} where this one knows {VERSION}")
    if place.max_pages is not None:
        connection.execute(f"PRAGMA max_page_count = {place.max_pages}")
    for pragma in (
        "auto_vacuum = INCREMENTAL",  # it must come before the file is made
        "journal_mode = WAL",
        "synchronous = FULL",
        "secure_delete = FAST",
        f"journal_size_limit = {_JOURNAL}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    if not tables:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        lineage = orjson.dumps(Lineage(new_epoch()).to_json()).decode()
        connection.execute("INSERT INTO about VALUES ('lineage', ?)", (lineage,))
        connection.execute("COMMIT")


def _refused(place: Place, why: str) -> ConfigurationError:
    return ConfigurationError(f"The file {str(place.path)!r} cannot be a log: {why}.")


def _unavailable(place: Place, error: sqlite3.Error) -> BrokerUnavailable:
    return BrokerUnavailable(f"the log {str(place.path)!r} cannot be opened: {error}")

"""Which files can be a log, and who may have them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.sqlite import SqliteBroker
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.model import HistoryLimits
from tests.brokers.sqlite_logs import Files, a_folder, messages, publish  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = BrokerOptions()


async def test_one_at_a_time(files: Files, tmp_path: Path) -> None:
    """A second log on the same file is refused, under whatever name, until the first is closed."""
    first = await files.open()
    link = tmp_path / "link.db"
    await asyncio.to_thread(link.symlink_to, files.path)
    for path in (files.path, link):
        with pytest.raises(ConfigurationError, match=rf"'{path}' is in use by another hub"):
            await files.open(path)
    await publish(first, 1)
    await first.close()
    assert messages((await (await files.open(link)).tail(HistoryLimits())).events) == [1]


def other_program(path: Path) -> None:
    """Make a file that is somebody else's."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def newer(path: Path) -> None:
    """Make a log of a later version of this package."""

    async def make() -> None:
        log = await Files(path.parent).open()
        await log.close()

    asyncio.run(make())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_bytes(b"no database at all" * 100), "file is not a database"),
        (lambda path: path.mkdir(), "it is a folder"),
        (other_program, "it belongs to another program"),
        (newer, "made by a newer version, with layout 7"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, make: object, why: str) -> None:
    """The path is named, and nothing is written there; who does not open first is told that the log is unavailable."""
    files = Files(tmp_path)
    make(files.path)  # type: ignore[operator]
    before = files.path.read_bytes() if files.path.is_file() else None

    async def attempt() -> None:
        log = files.broker()
        with pytest.raises(ConfigurationError, match=rf"{files.path}.*{why}"):
            await log.open()
        with pytest.raises(BrokerUnavailable, match=why):
            await publish(log, 1)
        with pytest.raises(BrokerUnavailable, match=why):
            await log.head()
        await log.close()

    asyncio.run(attempt())
    assert before is None or files.path.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (
            "sqlite:///no/such.db",
            "'no/such.db' would be in the folder .* which does not exist.*write sqlite:////no/such",
        ),
        ("sqlite:////no/such.db", "'/no/such.db' would be in the folder '/no'.*make it first"),
        ("sqlite:////sys/x.db", "'/sys/x.db' cannot be used"),
    ],
)
async def test_a_place_that_is_no_good_is_named(url: str, why: str) -> None:
    """A folder that is not there, with a hint for who has forgotten a slash, or where nobody may write."""
    log = SqliteBroker(url, HistoryLimits(), OPTIONS, logger=None)
    with pytest.raises(ConfigurationError, match=why):
        await log.open()
    await log.close()


async def test_a_place_that_is_no_good_now() -> None:
    """What may be better the next time is not called a mistake."""
    log = SqliteBroker("sqlite:////proc/x.db", HistoryLimits(), OPTIONS, logger=None)
    with pytest.raises(BrokerUnavailable, match=r"'/proc/x\.db' cannot be used"):
        await log.open()
    await log.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite://x.db", "is sqlite:///relative.db"),
        ("sqlite:///", "is sqlite:///relative.db"),
        ("sqlite:///:memory:", "one without a file is memory://"),
        ("sqlite:///a\0b", "is sqlite:///relative.db"),
        ("sqlite:///x.db?timeout=5", "may only be max_page_count"),
        ("sqlite:///x.db?max_page_count=0", "a whole number of pages"),
        ("sqlite:///x.db?max_page_count=many", "a whole number of pages"),
    ],
)
def test_urls_that_are_no_good(url: str, why: str) -> None:
    """They are refused at once."""
    with pytest.raises(ConfigurationError, match=why):
        SqliteBroker(url, HistoryLimits(), OPTIONS, logger=None)

"""The file of ``--cursor``: what it takes for one, what it never loses, and that nobody else has it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from sse_signals.commands.listen.cursor_file import CursorFile, Subscription
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

OURS = Subscription("http://h/signals", ("a", "b/*"))
GOOD = {"url": OURS.url, "topics": list(OURS.topics), "lastEventId": "e-1"}
NOWHERE = {**GOOD, "lastEventId": None}


def cursor(path: Path, *, durable: bool = False) -> AbstractContextManager[CursorFile]:
    """Open the cursor of a subscription."""
    return closing(CursorFile(path, OURS, durable=durable))


def test_a_place_is_kept(tmp_path: Path) -> None:
    """Also where the file is reached by a link, which stays one; None and the same again write nothing."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "cursor")
    with cursor(link) as ours:
        assert ours.last_event_id is None
        ours.keep(None)
        assert json.loads(link.read_bytes()) == NOWHERE
        ours.keep("e-1")
        assert json.loads(link.read_bytes()) == GOOD
        link.resolve().unlink()
        ours.keep("e-1")
        assert not link.exists()
        ours.keep("e-2")
    assert link.is_symlink()
    with cursor(link) as ours:
        assert ours.last_event_id == "e-2"
    assert [each.name for each in (tmp_path / "real").iterdir()] == ["cursor"]


def test_a_cursor_without_a_place(tmp_path: Path) -> None:
    """It is what a run leaves that has found no hub, and is a good beginning for the next."""
    with cursor(tmp_path / "f"):
        pass
    with cursor(tmp_path / "f") as ours:
        assert ours.last_event_id is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        json.dumps({**GOOD, "lastEventId": 1}).encode(),
        json.dumps({**GOOD, "lastEventId": 0}).encode(),
        json.dumps({**GOOD, "url": None}).encode(),
        json.dumps({**GOOD, "topics": "a"}).encode(),
        json.dumps({**GOOD, "topics": [1]}).encode(),
        json.dumps({**GOOD, "more": 1}).encode(),
        json.dumps(GOOD).encode() + b" " * 100_000,
    ],
)
def test_a_file_that_is_no_cursor_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    """It is refused, and not written over."""
    file = tmp_path / "f"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is no cursor; name another one, or remove it"):
        cursor(file)
    assert file.read_bytes() == content


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A cursor is small: of anything else no more is read than shows that."""
    (tmp_path / "f").touch()
    os.truncate(tmp_path / "f", 1 << 42)
    with pytest.raises(ConfigurationError, match="is no cursor"):
        cursor(tmp_path / "f")


@pytest.mark.parametrize("other", [{"url": "http://i/signals"}, {"topics": ["a"]}])
def test_the_place_of_something_else(tmp_path: Path, other: dict[str, Any]) -> None:
    """Another hub, or other topics, is refused, and the sentence names both."""
    file = tmp_path / "f"
    file.write_text(json.dumps(GOOD | other))
    with pytest.raises(ConfigurationError, match=r"is that of .* and not of a b/\* at http://h/signals"):
        cursor(file)


def test_what_is_no_file(tmp_path: Path) -> None:
    """The sentence says why, and nothing is waited for."""
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        cursor(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigurationError, match="is no cursor"):
        cursor(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigurationError, match="cannot be opened: Too many levels of symbolic links"):
        cursor(tmp_path / "loop")


def test_two_that_use_the_same(tmp_path: Path) -> None:
    """The second is told, whenever it comes, and the first goes on; once that has ended, there is no need to clean."""
    file = tmp_path / "f"
    with cursor(file) as ours:
        for place in ("e-1", "e-2"):
            with pytest.raises(ConfigurationError, match="Another listen uses the cursor"):
                cursor(file)
            ours.keep(place)
    with cursor(file) as ours:
        assert ours.last_event_id == "e-2"


@pytest.mark.parametrize("becomes", ["replaced", "removed"])
def test_one_that_is_replaced_while_it_is_opened(tmp_path: Path, becomes: str) -> None:
    """A lock on a file that is not there any more keeps nobody away: it counts as taken."""
    file = tmp_path / "f"
    file.write_text(json.dumps(GOOD))

    def meanwhile(*_: object) -> None:
        file.unlink()
        if becomes == "replaced":
            (tmp_path / "other").write_text(json.dumps(GOOD))
            (tmp_path / "other").rename(file)

    with (
        mock.patch.object(fcntl, "flock", side_effect=meanwhile),
        pytest.raises(ConfigurationError, match="Another listen uses the cursor"),
    ):
        cursor(file)
    assert file.exists() is (becomes == "replaced")


def test_where_there_are_no_locks(tmp_path: Path) -> None:
    """It is a cursor all the same."""
    with mock.patch.object(fcntl, "flock", side_effect=OSError(errno.ENOLCK, "No locks")), cursor(tmp_path / "f") as f:
        f.keep("e-1")
    assert json.loads((tmp_path / "f").read_bytes()) == GOOD


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_who_may_read_it_stays_so(tmp_path: Path, mode: int) -> None:
    """A new one is for its owner alone."""
    file = tmp_path / "f"
    with cursor(file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(mode)
    with cursor(file) as ours:
        ours.keep("e-1")
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_no_name_beside_it_is_foreseen(tmp_path: Path) -> None:
    """A link that somebody has put where a new file might be written leads to nothing that is written over."""
    (tmp_path / "victim").write_text("precious")
    for name in ("f.new", ".f.new", "f~", "f.tmp"):
        (tmp_path / name).symlink_to(tmp_path / "victim")
    with cursor(tmp_path / "f") as ours:
        ours.keep("e-1")
    assert (tmp_path / "victim").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("durable", [True, False])
def test_a_place_can_outlive_the_power(tmp_path: Path, durable: bool) -> None:
    """Each is on the disk before it takes the place of the last, if that is wanted."""
    with (
        cursor(tmp_path / "f", durable=durable) as ours,
        mock.patch.object(os, "fsync", wraps=os.fsync) as synced,
    ):
        ours.keep("e-1")
        ours.keep("e-2")
    assert synced.call_count == 2 * durable


def test_a_file_that_cannot_be_replaced(tmp_path: Path) -> None:
    """That is found before anything is handled, and leaves nothing behind."""
    with (
        mock.patch("pathlib.Path.replace", side_effect=OSError(errno.EBUSY, "Device or resource busy")),
        pytest.raises(ConfigurationError, match="cannot be written: Device or resource busy"),
    ):
        cursor(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends for it, does not say so again on its way out, and the place before stays whole."""
    write = os.write
    with cursor(tmp_path / "f") as ours:
        ours.keep("e-1")
        with (
            mock.patch.object(os, "write", side_effect=lambda number, data: write(number, data[:5])),
        ):
            ours.keep("e-2")  # little at a time is enough
        assert json.loads((tmp_path / "f").read_bytes())["lastEventId"] == "e-2"
        with (
            mock.patch.object(os, "write", side_effect=[5, OSError(errno.ENOSPC, "No space left on device")]),
            pytest.raises(SystemExit) as ended,
        ):
            ours.keep("e-3")
        ours.keep("e-4")
    assert ended.value.code == 1
    assert capsys.readouterr().err.count("cannot be written: No space left on device.") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["f"]
    assert json.loads((tmp_path / "f").read_bytes())["lastEventId"] == "e-2"

"""The file of ``--cursor``: what it takes for one, and what it never loses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.commands.listen.cursor_file import CursorFile, Subscription
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

OURS = Subscription("http://h/signals", ("a", "b/*"))
GOOD = {"url": OURS.url, "topics": list(OURS.topics), "lastEventId": "e-1"}


def test_a_place_is_kept(tmp_path: Path) -> None:
    """Also where the file is reached by a link, which stays one; None and the same again write nothing."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "cursor")
    cursor = CursorFile(link, OURS)
    cursor.keep(None)
    assert not link.exists()
    cursor.keep("e-1")
    assert json.loads(link.read_bytes()) == GOOD
    link.resolve().unlink()
    cursor.keep("e-1")
    assert not link.exists()
    cursor.keep("e-2")
    assert link.is_symlink()
    assert CursorFile(link, OURS).last_event_id == "e-2"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        json.dumps({**GOOD, "lastEventId": 1}).encode(),
        json.dumps({**GOOD, "topics": "a"}).encode(),
        json.dumps({**GOOD, "topics": [1]}).encode(),
        json.dumps({**GOOD, "more": 1}).encode(),
        json.dumps(GOOD).encode() + b" " * 100_000 + b"x",
    ],
)
def test_a_file_that_is_no_cursor_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    """It is refused, and not written over."""
    file = tmp_path / "f"
    file.write_bytes(content)
    if not content.endswith(b"x"):
        with pytest.raises(ConfigurationError, match="is no cursor; name another one, or remove it"):
            CursorFile(file, OURS)
    assert file.read_bytes() == content


@pytest.mark.parametrize("other", [{"url": "http://i/signals"}, {"topics": ["a"]}])
def test_the_place_of_something_else(tmp_path: Path, other: dict[str, Any]) -> None:
    """Another hub, or other topics, is refused, and the sentence names both."""
    file = tmp_path / "f"
    file.write_text(json.dumps(GOOD | other))
    with pytest.raises(ConfigurationError, match=r"is that of .* and not of a b/\* at http://h/signals"):
        CursorFile(file, OURS)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The sentence says why."""
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        CursorFile(tmp_path, OURS)


def test_a_disk_that_fails_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends for it, and does not say so again on its way out."""
    cursor = CursorFile(tmp_path / "f", OURS)
    (tmp_path / "f.new").mkdir()
    with pytest.raises(SystemExit):
        cursor.keep("e-1")
    cursor.keep("e-2")
    assert capsys.readouterr().err.count("cannot be written") == 1

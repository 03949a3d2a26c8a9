"""``sse-signals listen --cursor``: going on where it was, in another run, too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sse_signals.testing import hub, signals_hub
from tests.commands.listen.test_command import NOWHERE, listen, messages
from tests.commands.running import assert_told, beside, blockbuster, command, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]


def place(file: Path) -> str:
    """Return where a cursor is."""
    found: str = json.loads(file.read_bytes())["lastEventId"]
    return found


def test_a_cursor_goes_on_where_it_was(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """After the last signal that was handled, in another run, too; the first one starts where it is told to."""
    file = tmp_path / "cursor"
    ids = [signals_hub.publish(number, topic="a") for number in range(5)]
    cursor = ["--cursor", str(file), "a"]
    assert messages(listen(signals_hub, *cursor, "--since", "all", "-n", "2")) == ["0", "1"]
    assert place(file) == ids[1]
    assert messages(listen(signals_hub, *cursor, "-n", "1", "--since", "all")) == ["2"]
    assert messages(listen(signals_hub, *cursor, "--no-follow")) == ["3", "4"]
    assert listen(signals_hub, *cursor, "--no-follow") == (0, "", "")
    assert list(tmp_path.iterdir()) == [file]
    done = listen(signals_hub, "--cursor", str(file), "b")
    assert_told(done, 2, "is that of a at ", "and not of b at ", "remove it")


def test_a_cursor_of_a_run_that_saw_nothing(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """It has a place from the beginning, so that nothing is missed between two runs."""
    cursor = ["--cursor", str(tmp_path / "cursor")]
    assert listen(signals_hub, *cursor, "--timeout", "0.05").status == 0
    signals_hub.publish(1, topic="a")
    assert messages(listen(signals_hub, *cursor, "-n", "1")) == ["1"]


def test_a_cursor_moves_with_heartbeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others publish moves the place of a quiet topic, which otherwise would be trimmed some day."""
    monkeypatch.setattr("sse_signals.commands.listen.follow._QUIET", 0.02)
    file = tmp_path / "cursor"
    with hub(heartbeat=0.1) as running:

        def publish() -> None:
            running.wait_for_streams(1)
            last = running.publish(1, topic="other")
            wait_for(lambda: file.exists() and place(file) == last)
            running.publish(2, topic="a")

        with beside(publish):
            assert messages(listen(running, "a", "--cursor", str(file), "-n", "1")) == ["2"]


def test_a_cursor_that_cannot_be_kept(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """A folder that is not there is told before anything is asked for, a disk that fails when it does."""
    done = command("listen", "--cursor", f"{tmp_path}/no/cursor", SIGNALS_URL=NOWHERE)
    assert_told(done, 2, "its folder is not there")
    (tmp_path / "cursor.new").mkdir()
    done = listen(signals_hub, "--cursor", f"{tmp_path}/cursor")
    assert_told(done, 1, "the cursor ", "cannot be written: Is a directory.")

"""``sse-signals listen --cursor``: going on where it was, in another run, too."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from sse_signals.testing import hub, signals_hub
from tests.commands.listen.test_command import NOWHERE, listen, messages
from tests.commands.running import assert_told, beside, blockbuster, command, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]


def place(file: Path) -> str | None:
    """Return where a cursor is."""
    found: str | None = json.loads(file.read_bytes())["lastEventId"]
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
    assert listen(signals_hub, *cursor, "--timeout", "1").status == 0
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
            last_of_others = running.publish(3, topic="other")
            wait_for(lambda: place(file) == last_of_others)  # also after something was handled
            running.publish(4, topic="a")

        with beside(publish):
            assert messages(listen(running, "a", "--cursor", str(file), "-n", "2")) == ["2", "4"]


def test_a_cursor_that_cannot_be_kept(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """A folder that is not there is told before anything is asked for, a place that is taken away when it is."""
    done = command("listen", "--cursor", f"{tmp_path}/no/cursor", SIGNALS_URL=NOWHERE)
    assert_told(done, 2, "its folder is not there")
    file = tmp_path / "cursor"

    def take_away() -> None:
        signals_hub.wait_for_streams(1)
        wait_for(lambda: place(file) is not None)
        file.unlink()
        file.mkdir()
        signals_hub.publish(1, topic="a")

    with beside(take_away):
        done = listen(signals_hub, "--cursor", str(file), "--exec", "true")
    assert_told(done, 1, "the cursor ", "cannot be written: Is a directory.")


def test_a_cursor_that_another_run_uses(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """The second run is told, with status 2, and the first is not disturbed."""
    cursor = ["--cursor", str(tmp_path / "cursor")]

    def second() -> None:
        signals_hub.wait_for_streams(1)
        for _ in range(2):
            arguments = [sys.executable, "-m", "sse_signals", "listen", *cursor, "--url", signals_hub.url]
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith("sse-signals: Another listen uses the cursor ")
            signals_hub.publish(1, topic="a")

    with beside(second):
        assert messages(listen(signals_hub, *cursor, "-n", "2")) == ["1", "1"]

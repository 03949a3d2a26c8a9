"""``sse-signals listen --exec``: a command for each signal."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from sse_signals.commands.listen.signal_lines import Shown
from sse_signals.testing import signals_hub
from tests.commands.listen.test_cursor import place
from tests.commands.running import Done, beside, blockbuster, command, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]
NAMES = ("SIGNAL_ID", "SIGNAL_TOPIC", "SIGNAL_EVENT", "SIGNAL_TIME")
SHOWN = Shown("e-1", "2026-01-31T12:00:00.000Z", None, "a", 1)


def listen(running: SignalsHub, *arguments: str) -> Done:
    """Run it on all that there is, to its end."""
    return command("listen", "--no-follow", *arguments, SIGNALS_URL=running.url)


def test_a_command_finds_the_signal(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """The message on stdin, the rest in its environment; nothing of it is ever part of the command line."""
    evil = "$(touch hacked)'; touch hacked #`touch hacked`"
    first = signals_hub.publish({"a": evil}, topic=evil, event=evil)
    second = signals_hub.publish("a\nb")
    show = tmp_path / "show"
    show.write_text(
        f"import json, os, sys\nwith open({str(tmp_path / 'seen')!r}, 'a') as file:\n"
        f"    print(json.dumps([sys.stdin.read(), *[os.environ[name] for name in {NAMES!r}]]), file=file)\n"
    )
    run = f"cd {tmp_path} && {sys.executable} -S show"
    seen: dict[str, list[Any]] = {}
    for option in ("", "--raw", "--json"):
        (tmp_path / "seen").unlink(missing_ok=True)
        done = listen(signals_hub, "--exec", run, *filter(None, [option]))
        assert done == (0, "", "")
        seen[option] = [json.loads(line) for line in (tmp_path / "seen").read_text().splitlines()]
    time = seen[""][0][4]
    assert seen[""][0] == [json.dumps({"a": evil}, separators=(",", ":")) + "\n", first, evil, evil, time]
    assert seen[""][1][:4] == ['"a\\nb"\n', second, "", ""]
    assert [each[0] for each in seen["--raw"]] == [seen[""][0][0], "a\nb\n"]
    assert json.loads(seen["--json"][0][0])["topic"] == evil
    assert not (tmp_path / "hacked").exists()


def test_the_place_is_kept_after_each(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """Before the next command runs, so that whatever happens to that, no signal that was handled comes again."""
    ids = [signals_hub.publish(number, topic="a") for number in range(3)]
    file, log = tmp_path / "cursor", tmp_path / "log"
    assert listen(signals_hub, "--cursor", str(file), "--exec", f"cat {file} >> {log}").status == 0
    seen = [json.loads(line)["lastEventId"] for line in log.read_text().splitlines()]
    assert seen[1:] == ids[:2]


def test_a_command_need_not_read(signals_hub: SignalsHub) -> None:
    """A long message that nobody reads holds nothing up, not even if something in the background could."""
    for number in range(3):
        signals_hub.publish(str(number) * 65_000, topic="a")
    assert listen(signals_hub, "--exec", "sleep 30 >/dev/null 2>&1 & exit 0") == (0, "", "")


def test_a_command_that_fails(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """It is said with how it ended and for which signal, the next one follows, and the status at the end is 1."""
    ids = [signals_hub.publish(number, topic="a") for number in range(3)]
    log = tmp_path / "log"
    done = listen(signals_hub, "--exec", f"read n; echo $n >> {log}; case $n in 1) exit 7;; 2) kill -9 $$;; esac")
    assert log.read_text() == "0\n1\n2\n"
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"sse-signals: the command ended with status 7, for {ids[1]}.",
        f"sse-signals: the command was ended by SIGKILL, for {ids[2]}.",
    ]


def test_a_failure_can_stop_it(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """With a cursor, the signal whose command failed comes again next time."""
    ids = [signals_hub.publish(number, topic="a") for number in range(3)]
    file = tmp_path / "cursor"
    arguments = ["--cursor", str(file), "--stop-on-failure"]
    done = listen(signals_hub, *arguments, "--exec", "read n; test $n != 1")
    assert (done.status, place(file)) == (1, ids[0])
    assert done.stderr == f"sse-signals: the command ended with status 1, for {ids[1]}.\n"
    log = tmp_path / "log"
    assert listen(signals_hub, *arguments, "--exec", f"cat >> {log}").status == 0
    assert log.read_text() == "1\n2\n"


def test_a_failure_counts_when_time_is_over(signals_hub: SignalsHub) -> None:
    """Also where nothing else was asked for."""
    signals_hub.publish(1, topic="a")
    done = command(*("listen", "--since", "all", "--exec", "exit 1", "--timeout", "2"), SIGNALS_URL=signals_hub.url)
    assert done.status == 1


@pytest.mark.parametrize(
    ("number", "ends", "status"), [(signal.SIGINT, 0, 130), (signal.SIGTERM, 0, 143), (signal.SIGINT, 3, 130)]
)
def test_the_command_that_runs_is_waited_for(
    signals_hub: SignalsHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    ends: int,
    status: int,
) -> None:
    """Ctrl-C and SIGTERM end it after that; its signal counts as handled if it succeeds, and comes again if not."""
    monkeypatch.setattr("sse_signals.commands.listen.follow._QUIET", 0.01)  # what is under way is not kept then
    ids = [signals_hub.publish(number, topic="a") for number in range(3)]
    begun, go, file = tmp_path / "begun", tmp_path / "go", tmp_path / "cursor"
    wait = f"read n; test $n = 0 && exit; touch {begun}; until test -e {go}; do sleep 0.05; done; exit $(cat {go})"

    def tell() -> None:
        wait_for(begun.exists)
        os.kill(os.getpid(), number)
        (tmp_path / "new").write_text(str(ends))
        (tmp_path / "new").rename(go)

    with mock.patch("signal.raise_signal"), beside(tell):
        done = command(
            *("listen", "--since", "all", "--cursor", str(file), "--exec", wait), SIGNALS_URL=signals_hub.url
        )
    said = f"sse-signals: the command ended with status 3, for {ids[1]}.\n" if ends else ""
    assert done == (status, "", said)
    assert place(file) == ids[0 if ends else 1]

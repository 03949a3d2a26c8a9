"""``sse-signals listen``: which signals count, when it ends, and when it waits for a hub."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

from sse_signals.testing import signals_hub
from tests.commands.listen.test_command import listen, messages
from tests.commands.running import assert_told, blockbuster, command

if TYPE_CHECKING:
    import pytest

    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]


def test_time_that_is_over(signals_hub: SignalsHub) -> None:
    """It ends; with status 1 where less has come than was asked for."""
    assert listen(signals_hub, "--timeout", "1") == (0, "", "")
    done = listen(signals_hub, "--timeout", "1", "-n", "2")
    assert_told(done, 1, "time is over; signals that came within 1 s: 0 of 2.")


def test_fewer_than_were_asked_for(signals_hub: SignalsHub) -> None:
    """With --no-follow, too, it is told and the status is 1."""
    signals_hub.publish(1, topic="a")
    done = listen(signals_hub, "a", "--no-follow", "-n", "3")
    assert (done.status, messages(done), done.stderr) == (1, ["1"], "sse-signals: there are fewer: 1 of 3.\n")
    assert listen(signals_hub, "a", "--no-follow", "-n", "1").status == 0


def test_without_broadcasts(signals_hub: SignalsHub) -> None:
    """They are not shown, and do not count; without the option they do."""
    signals_hub.publish("all", topic=None)
    signals_hub.publish("mine", topic="a")
    signals_hub.publish("all again")
    done = listen(signals_hub, "a", "--since", "all", "--no-broadcast", "-n", "1")
    assert (done.status, messages(done)) == (0, ['"mine"'])
    assert messages(listen(signals_hub, "a", "--no-broadcast", "--no-follow")) == ['"mine"']
    assert messages(listen(signals_hub, "a", "--since", "all", "-n", "1")) == ['"all"']


def test_a_poll_that_is_cut_short(signals_hub: SignalsHub) -> None:
    """An end without the hub's last word is none: it is asked again, and not taken for all."""
    signals_hub.publish(1, topic="a")
    with mock.patch("sse_signals.client.reading.HEARTBEAT_EVENT", "signals.other"):
        done = listen(signals_hub, "--no-follow", "--timeout", "2")
    assert (done.status, messages(done)) == (1, ["1"])
    assert "time is over; signals that came within 2 s: 1." in done.stderr


def test_a_hub_that_is_away_is_told_at_the_first_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads stderr need not wait for the end to know why nothing comes; it is told once."""
    monkeypatch.setattr("sse_signals.client.subscribing.RETRY", 0.01)
    done = command("listen", "--timeout", "1", SIGNALS_URL="http://127.0.0.1:1")
    first, last = done.stderr.splitlines()
    assert (done.status, done.stdout) == (3, "")
    assert first == "sse-signals: http://127.0.0.1:1: Connection refused; trying again."
    assert last.endswith("has given no stream within 1 s: Connection refused.")

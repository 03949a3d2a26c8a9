"""How a signal is shown in a terminal; what is the same everywhere is tested with the command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import click
import pytest

from sse_signals.client.received import RemoteEvent
from sse_signals.commands.listen.signal_lines import Shown, coloured_line, json_text, message_text
from sse_signals.commands.plain import columns_of
from sse_signals.errors import UnexpectedAnswer

TODAY = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)
PARIS = timezone(timedelta(hours=1))


def line(topic: str | None, message: object, *, event: str | None = None, width: int | None = 80, **how: Any) -> str:
    """Return a signal as it is shown today."""
    shown = Shown("e-1", how.pop("time", "2026-01-31T12:00:00.123Z"), event, topic, message)
    return coloured_line(shown, raw=how.pop("raw", False), width=width, zone=PARIS, today=how.pop("today", TODAY))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (line("orders/42", {"a": [1, None]}), '13:00:00  orders/42  {"a":[1,null]}'),
        (line("orders/42", "x", event="paid"), '13:00:00  orders/42  [paid] "x"'),
        (line(None, "x"), '13:00:00  (broadcast)  "x"'),
        (line("a", "x\n\x1b[31m\u202e", raw=True), r"13:00:00  a  x\n\x1b[31m\u202e"),
        (line("a", "x\n\x1b[31m\u202e\x9b"), r'13:00:00  a  "x\n\u001b[31m\u202e\u009b"'),
        (line("a\x1b", 1, event="\x9b"), r"13:00:00  a\x1b  [\x9b] 1"),
        (line("a", 1, time="2026-01-30T12:00:00.000Z"), "2026-01-30 13:00:00  a  1"),
        (line("a", 1, time="2026-01-30T23:30:00.000Z"), "00:30:00  a  1"),
        (line("a" * 40, "b" * 40, width=40), f'13:00:00  {"a" * 12}…  "{"b" * 13}…'),
        (line("a" * 40, "b" * 40, event="c" * 40, width=40), f"13:00:00  {'a' * 12}…  [{'c' * 13}…"),
        (line("a" * 40, 1, width=None), f"13:00:00  {'a' * 40}  1"),
    ],
)
def test_a_line_of_a_terminal(shown: str, expected: str) -> None:
    """Local time, topic, name and message; the date only of other days; nothing in it steers the terminal."""
    assert click.unstyle(shown) == expected


@pytest.mark.parametrize(
    ("time", "hours", "shown"),
    [("9999-12-31T23:59:59.000Z", 9, "9999-12-31 23:59:59"), ("0001-01-01T00:00:00.000Z", -9, "0001-01-01 00:00:00")],
)
def test_a_time_that_no_zone_has(time: str, hours: int, shown: str) -> None:
    """It is told as the hub has it."""
    signal = Shown("e-1", time, None, "a", 1)
    line = coloured_line(signal, raw=False, width=None, zone=timezone(timedelta(hours=hours)), today=TODAY)
    assert click.unstyle(line).lstrip("0").startswith(shown.lstrip("0"))


def test_a_message_deeper_than_any() -> None:
    """What can be read, and not written again, is from no hub."""
    message: list[Any] = []
    for _ in range(300):
        message = [message]
    for text in (json_text, lambda shown: message_text(shown.message, raw=False)):
        with pytest.raises(UnexpectedAnswer, match="nested deeper than any that a hub takes"):
            text(Shown("e-1", "2026-01-31T12:00:00.000Z", None, "a", message))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_line_is_no_wider_than_the_terminal(width: int) -> None:
    """Whatever is in it."""
    wide = line("日本" * 40, "日本" * 100, event="日本" * 20, width=width)
    assert columns_of(click.unstyle(wide)) <= width + 10 * (width < 30)


def test_a_topic_has_its_colour() -> None:
    """The same each time, and not that of all others."""
    colours = [line(f"t{number}", 1)[:40].split("\x1b[")[3].partition("m")[0] for number in range(20)]
    assert line("t1", 1) == line("t1", 1)
    assert len(set(colours)) > 4


@pytest.mark.parametrize("time", ["soon", "", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_is_none(time: str) -> None:
    """It is from no hub."""
    with pytest.raises(UnexpectedAnswer, match="The time of a signal is none"):
        Shown.of(RemoteEvent("e-1", "message", "a", time, 1))

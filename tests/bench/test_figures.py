"""What is told of what was measured, and of what could not be."""

from __future__ import annotations

import resource
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.bench import __main__ as command
from tests.bench.figures import Figures, What, number
from tests.bench.scale import QUICK
from tests.bench.scenarios import fan_out, opening, publishing, targeted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.scale import Scale

COST = What("S1 calm", "cost", "us")


def test_what_is_asked_beside_what_was_measured() -> None:
    """As ratios within each run; what has no values is told and not left out."""
    figures = Figures()
    for mine, theirs in ((2.0, 1.0), (3.0, 2.0), (1.0, 4.0)):
        figures.add(COST, "hub", mine)
        figures.add(COST, "nchan", theirs)
    figures.compare(COST, "hub", "nchan", 1.5, "at most 1.5 x nchan's")
    figures.ask(COST, "hub", 2.5, "at least 2.5", at_least=True)
    figures.compare(COST, "hub", "floor", 1.5, "at most 1.5 x the floor's")
    assert figures.judged().splitlines()[2:] == [
        "| S1 calm | at most 1.5 x nchan's | 1.500 [0.250, 2.000] | met |",
        "| S1 calm | at least 2.5 | 2.000 [1.000, 3.000] | **missed** |",
        "| S1 calm | at most 1.5 x the floor's | not measured |  |",
    ]


def test_how_one_stands_to_another() -> None:
    """As ratios within each run, in a column of their own; empty where one of them was not measured."""
    figures, alone = Figures(), What("S2 busy", "rate", "/s")
    for one, other in ((2.0, 1.0), (3.0, 2.0), (1.0, 4.0)):
        figures.add(COST, "hub, authenticated", one)
        figures.add(COST, "hub", other)
    figures.add(alone, "hub", 7.0)
    assert figures.measured(("hub, authenticated", "hub")).splitlines() == [
        "| | median [min, max] | hub, authenticated | hub | hub, authenticated : hub |",
        "|---|---|---|---|---|",
        "| S1 calm | cost, us | 2.000 [1.000, 3.000] | 2.000 [1.000, 4.000] | 1.500 [0.250, 2.000] |",
        "| S2 busy | rate, /s |  | 7.000 [7.000, 7.000] |  |",
    ]


def test_what_is_asked_with_authentication_is_named_so() -> None:
    """The bars are those of the hub without, and in both cases the hub is compared with the same peers."""
    figures, scale = Figures(), replace(QUICK, runs=0)
    for scenario in (fan_out.measure_calm, fan_out.measure_busy, opening.measure, publishing.measure, targeted.measure):
        scenario(scale.with_authentication(), figures)
    asked = [bar.asked for bar in figures.bars]
    plain = [each for each in asked if not each.endswith(", authenticated")]
    assert sorted(asked) == sorted([*plain, *(f"{each}, authenticated" for each in plain)])
    alone = Figures()
    for scenario in (fan_out.measure_calm, fan_out.measure_busy, opening.measure, publishing.measure, targeted.measure):
        scenario(scale, alone)
    assert [bar.asked for bar in alone.bars] == plain


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.012"), (9.87, "9.870"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12,346")]
)
def test_numbers(value: float, text: str) -> None:
    """As many digits as count."""
    assert number(value) == text


def test_a_scenario_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told with its error, the others are measured, and what was measured before it is written by then."""

    def measure(_scale: Scale, figures: Figures) -> None:
        figures.add(COST, "hub", 1.0)

    def fail(_scale: Scale, _figures: Figures) -> None:
        assert "| S1 calm | cost, us | 1.000" in (tmp_path / "figures.md").read_text()
        raise RuntimeError("1 lost")

    monkeypatch.setattr(command, "SCENARIOS", {"S1": measure, "S2": fail, "S3": measure})
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--out", str(tmp_path), "--quick")
    assert ended.value.code == 1
    table = (tmp_path / "figures.md").read_text()
    assert "- **failed**: S2: RuntimeError: 1 lost\n" in table
    assert "| S1 calm | cost, us | 1.000 [1.000, 1.000] |" in table
    shown = capsys.readouterr()
    assert table in shown.out
    assert "S2: failed: RuntimeError('1 lost')" in shown.err
    assert "S3: measured" in shown.err


def test_no_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """They are refused, and not taken for the usual number."""
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--runs", "0")
    assert ended.value.code == 2
    assert "at least one run" in capsys.readouterr().err


def test_to_be_terminated_ends_like_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that every context is left, and with it every server that was started."""
    left = []

    def measure(_scale: Scale, _figures: Figures) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            left.append(True)

    monkeypatch.setattr(command, "SCENARIOS", {"S1": measure})
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--out", str(tmp_path))
    assert ended.value.code == 128 + signal.SIGTERM
    assert left


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the benchmark in this process, whose limits stay as they are."""
    monkeypatch.setattr(sys, "argv", ["run", *arguments])
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    before = signal.getsignal(signal.SIGTERM)
    try:
        command.main()
    finally:
        signal.signal(signal.SIGTERM, before)

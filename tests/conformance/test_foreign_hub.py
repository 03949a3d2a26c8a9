"""A hub that is right in another way than this one: what it should pass it passes."""

from __future__ import annotations

import pytest

from sse_signals.conformance.outcome import Verdict
from tests.conformance.foreign_hub import CLOCK, DESCRIPTION, foreign_hub
from tests.conformance.runs import ended, hub_at, ran, told

PATIENCE = 15.0  # seconds; nothing is waited for in vain
COUNTS = {"gap.unknown", "gap.epoch"}
UNGIVEN = {"gap.trimmed", "drain.prompt", "drain.clean", "drain.lost", "drain.told", "drain.late"}


@pytest.mark.parametrize("form", ["{}", "é\x1b{}"])
async def test_a_hub_that_counts_passes_all_it_claims(form: str) -> None:
    """Where ids are a count of all messages no other id was never given, and any character may stand in one."""
    async with foreign_hub(form) as url:
        results = await ran(hub_at(url, DESCRIPTION, patience=PATIENCE))
    assert not told(results, Verdict.FAIL)
    assert ended(results, Verdict.NOT_TRIED) == COUNTS | UNGIVEN
    assert "which gap.future tries" in results["gap.epoch"].seen


async def test_a_byte_order_mark_is_bad_practice_and_no_more() -> None:
    """The standard allows it, so that nothing but the case that asks for more fails."""
    async with foreign_hub(mark=True) as url:
        results = await ran(hub_at(url, DESCRIPTION, patience=PATIENCE), "format", "http", "resume")
    assert told(results, Verdict.FAIL) == {"format.bytes": "it begins with a byte order mark"}
    assert results["format.bytes"].case.source.startswith("good practice: ")


async def test_ids_of_numbers_may_name_a_place_before_all_messages() -> None:
    """Where all messages come after such an id nothing is missing; what is ahead is told all the same."""
    async with foreign_hub(f"{CLOCK}:{{}}") as url:
        results = await ran(hub_at(url, DESCRIPTION, patience=PATIENCE), "gap")
    assert not told(results, Verdict.FAIL)
    assert results["gap.unknown"].seen == "ids are numbers: it may stand for a place before all messages, and all came"
    assert results["gap.epoch"].verdict is Verdict.PASS


@pytest.mark.parametrize(("form", "untried"), [("{}", COUNTS), (f"{CLOCK}:{{}}", {"gap.unknown"})])
async def test_a_hub_that_counts_has_to_tell_what_it_does_not_know(form: str, untried: set[str]) -> None:
    """That some ids cannot be told from real ones excuses nothing else."""
    async with foreign_hub(form, mute=True) as url:
        results = await ran(hub_at(url, DESCRIPTION, patience=PATIENCE), "gap")
    silent = {"gap.unknown", "gap.epoch", "gap.garbage", "gap.future", "gap.long", "gap.nul"}
    assert ended(results, Verdict.FAIL) == silent - untried

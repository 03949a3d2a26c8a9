"""Hubs that are broken on purpose: each fault fails its own cases, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sse_signals.conformance.outcome import Verdict
from tests.conformance.descriptions import JSON_HUB, TEXT_HUB
from tests.conformance.runs import ended, hub_at, ran, told, unhurried
from tests.conformance.stand_in import stand_in

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

PATIENCE = 1.5  # seconds; what should come here comes within milliseconds, unless the machine is busy
UNTOLD = {"gap.unknown", "gap.garbage", "gap.epoch", "gap.future", "gap.long", "gap.nul"}
RESUMES = {"resume.each", "resume.last", "resume.cuts", "resume.query", "resume.http-1.0"}
CORS = {"cors.allowed", "cors.foreign", "cors.null", "cors.errors", "cors.preflight"}
# By fault, what it fails.
FAULTS = {
    "plain": {"format.status"},
    "latin-1": {"format.status"},
    "cacheable": {"format.caching"},
    "gzip": {"format.compression"},
    "mark": {"format.bytes"},
    "latin": {"format.utf-8"},
    "mixed": {"format.bytes"},
    "splitlines": {"format.unicode"},
    "line-feeds": {"format.lines", "injection.cr"},
    "drops-empty": {"format.empty"},
    "small": {"format.large", "http.slow"},
    "shallow": {"format.deep"},
    "flattens": {"format.deep"},
    "stops-at-nul": {"format.nul"},
    "no-ids": {"ids.present", "ids.unique", "ids.answer", "resume.quiet", "gap.none", "gap.trimmed"} | RESUMES,
    "repeated-ids": {"ids.present", "ids.unique", "ids.answer"},
    "own-ids": {"ids.same", "ids.answer"},
    "loses": {"ids.order"},
    "swaps": {"ids.order"},
    "other-answer": {"ids.answer"},
    "replays-all": {"heartbeat.place"} | RESUMES,
    "repeats-one": RESUMES,
    "skips-one": (RESUMES - {"resume.last"}) | {"resume.quiet"},
    "no-query": {"resume.query", "gap.nul"},
    "no-resume-1.0": {"resume.http-1.0"},
    "no-places": {"resume.quiet"},
    "leaks": {"resume.quiet"},
    "late": {"resume.opening"},
    "stale": {"resume.opening"},
    "no-gap": UNTOLD | {"gap.trimmed"},
    "bad-id-500": UNTOLD,
    "nul-400": {"gap.nul"},
    "false-alarm": {"gap.none"},
    "no-beat": {"heartbeat.comes", "heartbeat.harmless", "heartbeat.place"},
    "beat-message": {"heartbeat.harmless"},
    "beat-open": {"heartbeat.harmless"},
    "beat-back": {"heartbeat.place"},
    "no-credentials": {"cors.allowed"},
    "no-vary": {"cors.vary"},
    "reflects": {"cors.foreign", "cors.null"},
    "takes-null": {"cors.null"},
    "mute-errors": {"cors.errors"},
    "narrow": {"cors.preflight"},
    "preflight-403": {"cors.preflight"},
    "refuses-origin": {"cors.allowed"},
    "star": CORS,
    "raw-json": {"injection.json", "injection.text", "format.lines", "format.large", "format.bytes"},
    "raw-topic": {"injection.topic"},
    "strips": {"injection.topic"},
    "raw-event": {"injection.event"},
    "event-500": {"injection.event"},
    "reserved": {"injection.reserved"},
    "own-names": {"injection.reserved"},
    "keeps": {"http.http-1.0"},
    "chunks-for-all": {"http.http-1.0"},
    "hidden-chunks": {"http.http-1.0"},
    "head-body": {"http.head"},
    "head-500": {"http.head"},
    "head-stream": {"http.head"},
    "lingers": {"http.close"},
    "no-allow": {"http.method"},
    "any-method": {"http.method"},
    "errors-500": {"http.errors"},
    "errors-empty": {"http.errors"},
    "huge-500": {"http.huge-header"},
    "hangs-garbage": {"http.pipelined"},
    "garbage-500": {"http.pipelined"},
    "hangs-half-closed": {"http.half-closed"},
    "fifty": {"http.many"},
    "drops": {"http.slow"},
    "mingles-large": {"http.slow"},
    "stale-slow": {"http.slow"},
    "prefixes": {"isolation.alike"},
    "folds": {"isolation.case"},
    "undecoded": {"isolation.encoding"},
    "decodes-twice": {"isolation.odd"},
    "first-topic": {"isolation.several"},
    "mingles": {"isolation.several"},
    "aborts": {"drain.clean", "drain.told"},
    "stays": {"drain.prompt", "drain.clean", "drain.told"},
    "no-goodbye": {"drain.told"},
    "no-retry": {"drain.told"},
    "forgets": {"drain.lost"},
    "doubles": {"drain.lost"},
    "rude": {"drain.late"},
}
# Those of one line fail different cases, so that one run shows all of them.
TOGETHER = (
    # What never comes is waited for: these are together, so that it is waited for once.
    "drops-empty late first-topic decodes-twice hangs-garbage hangs-half-closed head-stream no-beat stays skips-one",
    "cacheable other-answer no-query false-alarm beat-message no-vary raw-event keeps folds no-goodbye flattens",
    "gzip line-feeds loses no-resume-1.0 beat-open no-credentials reserved no-allow prefixes no-retry garbage-500",
    "plain stops-at-nul shallow own-ids beat-back takes-null event-500 head-500 errors-500 aborts any-method stale",
    "mark hidden-chunks small no-places own-names mute-errors rude huge-500 head-body latin-1 strips",
    "latin swaps no-gap narrow forgets leaks stale-slow",
    "mixed reflects errors-empty fifty doubles mingles nul-400 preflight-403",
    "splitlines replays-all star chunks-for-all",
    "raw-json bad-id-500 raw-topic drops undecoded lingers",
    "no-ids",
    "repeats-one repeated-ids mingles-large refuses-origin",
)
BARE = {
    "raw-event raw-topic": {"injection.event", "injection.topic"},
    "leaks-id": {"injection.text", "injection.cr"},
    "leaks-retry": {"injection.text", "injection.cr"},
    "paragraphs": {"injection.text", "injection.cr", "format.lines", "format.bytes"},
    "cr": {"injection.cr", "format.lines", "format.bytes"},
    "unsplit": {"injection.cr", "injection.text", "format.lines", "format.large", "format.bytes"},
    "no-gap replays-unknown no-beat": UNTOLD
    | {"gap.trimmed", "heartbeat.comes", "heartbeat.harmless", "heartbeat.place"},
}


async def failures(faults: Sequence[str], expected: Collection[str], *, text: bool = False) -> dict[str, str]:
    """Return which cases fail, and what was seen; what should not is tried once more, and not in haste."""
    adapter = TEXT_HUB if text else JSON_HUB
    async with stand_in(*faults, text=text) as url:
        failed = told(await ran(hub_at(url, adapter, patience=PATIENCE)), Verdict.FAIL)
    strange = failed.keys() - set(expected)
    if not strange:
        return failed
    async with stand_in(*faults, text=text) as url:
        again = told(await ran(unhurried(url, adapter), *strange), Verdict.FAIL)
    return {case: seen for case, seen in failed.items() if case not in strange} | again


async def test_a_hub_without_faults_passes_everything() -> None:
    """Nothing fails, and everything is offered and tried."""
    async with stand_in() as url:
        results = await ran(unhurried(url, JSON_HUB))
    assert ended(results, Verdict.PASS) == set(results), results


async def test_a_hub_of_bare_messages_passes_what_it_offers() -> None:
    """Messages that are the data, comments as heartbeats, ids in a header, and no receipt are as good."""
    async with stand_in(text=True) as url:
        results = await ran(unhurried(url, TEXT_HUB))
    assert not told(results, Verdict.FAIL)
    assert ended(results, Verdict.NOT_OFFERED) == {"injection.json", "http.errors", "isolation.several"}
    assert all("--origin" in seen for seen in told(results, Verdict.NOT_TRIED).values())


def test_every_fault_is_tried_once() -> None:
    """No fault of the table is left out, and those that are tried together fail different cases."""
    assert sorted(" ".join(TOGETHER).split()) == sorted(FAULTS)
    for line in TOGETHER:
        cases = [case for fault in line.split() for case in FAULTS[fault]]
        assert len(cases) == len(set(cases)), line


@pytest.mark.parametrize("together", TOGETHER)
async def test_a_fault_fails_its_cases_and_no_others(together: str) -> None:
    """What fails is what the faults are about."""
    faults = together.split()
    expected = set().union(*(FAULTS[fault] for fault in faults))
    failed = await failures(faults, expected)
    assert set(failed) == expected, failed


@pytest.mark.parametrize("together", BARE)
async def test_faults_of_bare_messages(together: str) -> None:
    """Line ends that are not split make fields of messages, and what is told in comments can be missed as well."""
    failed = await failures(together.split(), BARE[together], text=True)
    assert set(failed) == BARE[together], failed


@pytest.mark.parametrize(
    ("fault", "case", "verdict", "seen"),
    [
        ("star no-credentials", "cors.foreign", Verdict.FAIL, "'*' is allowed, although only some origins should be"),
        ("any-method", "cors.errors", Verdict.NOT_TRIED, "no error could be had: a PATCH is answered with 204"),
        ("drops-patch", "cors.errors", Verdict.NOT_TRIED, "no error could be had with a PATCH: it hung up"),
        ("ends-unknown", "gap.garbage", Verdict.FAIL, "the stream ended before a later message came, and nothing was"),
        ("cuts-slow", "http.slow", Verdict.PASS, "others got all meanwhile, and it all of it later"),
        ("tells-slow", "http.slow", Verdict.PASS, "others got all; it was told of a gap after "),
        ("cuts-slow no-ids", "http.slow", Verdict.FAIL, "it was cut off, with no id to resume with"),
    ],
)
async def test_what_hubs_may_do_instead(fault: str, case: str, verdict: Verdict, seen: str) -> None:
    """A slow reader may be cut off or told of a gap; an error that cannot be had is nobody's fault."""
    async with stand_in(*fault.split()) as url:
        results = await ran(hub_at(url, JSON_HUB), case)
    assert results[case].verdict is verdict
    assert results[case].seen.startswith(seen)


async def test_a_name_that_travels_in_a_header_cannot_break_a_line() -> None:
    """There is nothing to inject where no request can be written that would."""
    adapter = JSON_HUB.replace("[publish.named]\nbody", '[publish.named]\nheaders = {X-Event = "{event}"}\nbody')
    async with stand_in() as url:
        results = await ran(hub_at(url, adapter), "injection.event")
    assert results["injection.event"].verdict is Verdict.NOT_OFFERED
    assert results["injection.event"].seen == "an event's name travels in a header, which holds no line end"


async def test_a_head_whose_connection_stays_is_no_body() -> None:
    """Whether connections end when that is asked for is another case."""
    async with stand_in("head-open") as url:
        results = await ran(hub_at(url, JSON_HUB, patience=0.3), "http.head", "http.close")
    assert ended(results, Verdict.PASS) == {"http.head", "http.close"}


@pytest.mark.parametrize(
    ("fault", "verdict", "seen"),
    [
        ("star", Verdict.FAIL, "'*' is allowed, with credentials"),
        ("star no-credentials", Verdict.PASS, "'*' without credentials"),
    ],
)
async def test_a_hub_for_every_page_has_no_credentials(fault: str, verdict: Verdict, seen: str) -> None:
    """Where no origin is named, any may be allowed, but not with what belongs to a user."""
    async with stand_in(*fault.split()) as url:
        results = await ran(hub_at(url, JSON_HUB, origin=""), "cors.foreign", "cors.null")
    assert told(results, verdict) == {"cors.foreign": seen, "cors.null": seen}


async def test_what_others_publish_to_everybody_is_no_fault() -> None:
    """On a hub that is in use, each stream gets broadcasts and what is meant for others."""
    async with stand_in("broadcasts") as url:
        results = await ran(hub_at(url, JSON_HUB), "ids", "resume", "isolation", "injection")
    assert not ended(results, Verdict.FAIL), results


async def test_a_hub_that_names_no_events() -> None:
    """Publishers who give no names cannot be asked for any."""
    async with stand_in() as url:
        results = await ran(hub_at(url, JSON_HUB, named=None), "injection")
    assert ended(results, Verdict.NOT_OFFERED) == {"injection.event", "injection.reserved"}


async def test_a_hub_that_brings_nothing_is_not_waited_for() -> None:
    """Neither by the case that cuts streams, nor by any other."""
    async with stand_in("late", "never") as url:
        results = await ran(hub_at(url, JSON_HUB, patience=0.2), "resume.cuts")
    assert results["resume.cuts"].seen == "nothing came within 0.2 s"

"""Reports of outcomes that are made up."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from sse_signals.bench.latencies import Latencies
from sse_signals.bench.publishers import Published
from sse_signals.bench.report import document, lines
from sse_signals.bench.run import Load, Outcome
from sse_signals.bench.tally import Tally

URL = "http://127.0.0.1:8080/signals"


def latencies(*microseconds: int) -> Latencies:
    made = Latencies()
    for each in microseconds:
        made.add(each)
    return made


def outcome(*, load: Load | None = None, readers: tuple[float, ...] = (0.25,), **changed: Any) -> Outcome:
    """Return the outcome of a run without a fault, but for what is changed."""
    load = load or Load(streams=2, rate=20, seconds=5)
    timed = latencies(*[1500] * 150, *[4000] * 50)
    tally: dict[str, Any] = {"streams": 2, "received": 200, "size": 40_000, "timed": 2, "latencies": timed}
    published: dict[str, Any] = {"accepted": [100], "seconds": 5.0, "latencies": latencies(700, 900)}
    for name, value in changed.items():
        (published if name in {"accepted", "refused", "told", "behind", "failed"} else tally)[name] = value
    if published["accepted"] == [0]:
        published["latencies"], tally["latencies"] = latencies(), latencies()
    return Outcome(load, 0.004, Published(**published), Tally(**tally), 5.0, readers, 0.01)


def text(shown: Outcome, width: int = 80) -> str:
    """Return a report as text in which colours are seen."""
    return "\n".join(lines(URL, shown, width, lambda part, colour: f"<{colour}>{part}</>"))


def test_a_run_without_a_fault() -> None:
    """All there is to know, in the fewest words."""
    plain = lines(URL, outcome(), 80, lambda part, _: part)
    assert plain == [
        "2 streams, 20 messages/s of 100 B at http://127.0.0.1:8080/signals",
        "",
        "Streams     2 opened in 4.00 ms (500/s), none ended early",
        "Published   100 in 5.00 s (20/s), answered within 703 µs (p50), 900 µs (p99)",
        "Delivered   200 of 200 in 5.00 s (40 deliveries/s, 8.00 kB/s)",
        "Faults      none: every stream received every message once and in order",
        "Load's CPU  25 % of a core to read streams, 1.0 % to publish",
        "",
        "Latency from publish to receive",
        "",
        "          min          p50          p90          p99        p99.9          max",
        "      1.50 ms      1.50 ms      4.00 ms      4.00 ms      4.00 ms      4.00 ms",
        "",
        "    1 ms - 2 ms  " + "█" * 50 + "  150    75 %",
        "    2 ms - 5 ms  " + ("█" * 16 + "▋").ljust(50) + "   50    25 %",
    ]


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_lines_fit(width: int) -> None:
    """No line but the title is wider than there is room, however much went wrong."""
    bad = outcome(
        refused=Counter({0: 1, 413: 2}), told={0: "x " * 50, 413: "y " * 80}, behind=3, lost=5, late=6, ended=1
    )
    for line in lines(URL, bad, max(width, 32), lambda part, _: part)[1:]:
        assert len(line) <= max(width, 60)


def test_faults_are_seen() -> None:
    """Each in its colour."""
    bad = outcome(
        load=Load(streams=2, rate=None, in_flight=4, seconds=5),
        refused=Counter({413: 2, 0: 1}),
        told={413: "answered 413: big", 0: "closed the connection without an answer"},
        behind=3, lost=5, late=6, disordered=1, ended=1, timed=1,
    )  # fmt: skip
    shown = text(bad)
    assert "4 in flight of 100 B" in shown
    assert "<red>2 opened in 4.00 ms (500/s), 1 ended early</>" in shown
    assert "<red>1 of 103: the hub closed the connection without an answer</>" in shown
    assert "<red>2 of 103: the hub answered 413: big</>" in shown
    assert "<yellow>3 were published later than the rate asks</>" in shown
    assert "<red>5 lost, 7 late, twice or out of order</>" in shown
    assert "none:" not in shown


def test_what_should_not_have_come_is_a_fault() -> None:
    """Even if nothing else is wrong."""
    bad = outcome(surplus=3)
    assert "<red>0 lost, 0 late, twice or out of order, 3 received although not accepted</>" in text(bad, 120)
    assert "none:" not in text(bad)
    assert not bad.exact
    assert document(URL, bad)["deliveries"]["surplus"] == 3


def test_only_some_streams_were_timed() -> None:
    """That is said."""
    assert "(on 1 of 3,000 streams)" in text(outcome(load=Load(streams=3000), streams=3000, timed=1))


def test_nothing_was_delivered() -> None:
    """There are no latencies then, and no praise."""
    shown = text(outcome(accepted=[0], received=0))
    assert "Latency" not in shown
    assert "none:" not in shown
    assert "Published   0 in 5.00 s" in shown
    assert "Delivered   0 of 0 in 5.00 s\n" in shown
    assert document(URL, outcome(accepted=[0], received=0))["latency_seconds"] == {"count": 0, "timed_streams": 2}


def test_streams_that_ended_but_missed_nothing_are_not_praised() -> None:
    """Nor are they called faults of what was received."""
    assert "Faults" not in text(outcome(ended=1))


def test_a_load_that_was_too_busy_warns() -> None:
    """It may be what was measured."""
    assert "Warning" not in text(outcome(readers=(0.8, 0.1)))
    shown = text(outcome(readers=(0.1, 0.93)))
    assert "<yellow>Warning: a process of the load itself was busy for 93 % of the" in shown
    assert "10 %, 93 % of a core to read streams" in shown
    assert document(URL, outcome(readers=(0.93,)))["load"]["warnings"]


def test_messages_that_are_all_too_large() -> None:
    """It says what to do about it; not where some were accepted."""
    large: dict[str, Any] = {"load": Load(size=70_000), "refused": Counter({413: 2}), "told": {413: "answered 413"}}
    shown = document(URL, outcome(accepted=[0], received=0, **large))["load"]["warnings"]
    assert len(shown) == 1
    assert "takes none of 70.0 kB" in shown[0]
    assert "SIGNALS_MAX_MESSAGE" in shown[0]
    assert not document(URL, outcome(**large))["load"]["warnings"]


def test_a_hub_that_was_lost() -> None:
    """Why, before anything else."""
    lost = outcome(failed="The hub cannot be reached.", refused=Counter({0: 1}), told={0: "did not answer"})
    assert "\n\nBroken off  <red>The hub cannot be reached.</>\n" in text(lost)
    assert document(URL, lost)["failed"] == "The hub cannot be reached."
    assert document(URL, outcome())["failed"] is None


def test_numbers_as_people_write_them() -> None:
    """One stream is no streams, and thousands are set apart."""
    assert text(outcome(load=Load(streams=1, rate=12_000))).startswith("<bold>1 stream, 12,000 messages/s of")
    assert "1,024 in flight" in text(outcome(load=Load(rate=None, in_flight=1024)))


def test_an_interrupted_run_says_so() -> None:
    """Before anything else."""
    whole = outcome()
    early = Outcome(whole.load, 0.1, whole.published, whole.tally, 5.0, [0.1], 0.1, interrupted=True)
    assert "Interrupted <yellow>after 5.00 s of 5.00 s</>" in text(early)


def test_as_an_object() -> None:
    """It holds all of it, in seconds and bytes."""
    refused = outcome(refused=Counter({413: 2, 0: 1}), told={413: "big", 0: "gone"}, lost=5)
    found = json.loads(json.dumps(document(URL, refused)))
    assert (found["url"], found["exact"], found["interrupted"]) == (URL, False, False)
    assert found["load"] == {
        "streams": 2, "rate_per_second": 20, "in_flight": None, "message_bytes": 100, "duration_seconds": 5,
        "reader_cpu_shares": [0.25], "publisher_cpu_share": 0.01, "warnings": [],
    }  # fmt: skip
    assert found["streams"] == {"opened": 2, "seconds": 0.004, "per_second": 500, "ended_early": 0}
    published = found["published"]
    assert published["refused"] == [
        {"status": None, "count": 1, "said": "gone"},
        {"status": 413, "count": 2, "said": "big"},
    ]
    assert (published["accepted"], published["per_second"]) == (100, 20)
    assert published["latency_seconds"]["max"] == 0.0009
    assert found["deliveries"] == {
        "expected": 200, "received": 200, "lost": 5, "surplus": 0, "late": 0, "out_of_order": 0, "bytes": 40_000,
        "seconds": 5, "per_second": 40, "bytes_per_second": 8000,
    }  # fmt: skip
    assert found["latency_seconds"]["count"] == 200
    assert found["latency_seconds"]["p99.9"] == 0.004
    assert found["histogram"] == [
        {"from_seconds": 0.001, "to_seconds": 0.002, "count": 150},
        {"from_seconds": 0.002, "to_seconds": 0.005, "count": 50},
    ]
    busy = document(URL, outcome(load=Load(rate=None, in_flight=16)))
    assert (busy["load"]["rate_per_second"], busy["load"]["in_flight"]) == (None, 16)
    assert document(URL, Outcome(Load(), 0.0, Published([0]), Tally(), 0.0, [0.0], 0.0))["streams"]["per_second"] == 0

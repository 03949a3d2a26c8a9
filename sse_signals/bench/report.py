"""What a run has shown, as text for people and as an object for programs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

from sse_signals.bench.histogram import bars, rows
from sse_signals.bench.quantities import amount, counted, duration, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.bench.latencies import Latencies
    from sse_signals.bench.run import Outcome

    Paint = Callable[[str, str], str]

BUSY: Final = 0.8  # share of a core above which a process of the load may be what is measured
_TOO_LARGE: Final = 413  # status
_PERCENTILES: Final = (50, 90, 99, 99.9)
_LABEL: Final = 12  # columns


def lines(url: str, outcome: Outcome, width: int, paint: Paint) -> list[str]:
    """Return a report in lines.

    Args:
        url: Where the hub is.
        outcome: What the run has shown.
        width: Columns there are.
        paint: Returns a text in a colour (``green``, ``yellow``, ``red``, ``cyan``) or ``bold``.
    """
    title = textwrap.wrap(f"{_asked(outcome)} at {url}", width, break_long_words=False, break_on_hyphens=False)
    report = [*(paint(line, "bold") for line in title), ""]
    for label, sentence, colour in _facts(outcome):
        first, *others = textwrap.wrap(sentence, max(20, width - _LABEL), break_long_words=False)
        report.append(f"{label:<{_LABEL}}{paint(first, colour) if colour else first}")
        report += [" " * _LABEL + (paint(other, colour) if colour else other) for other in others]
    latencies = outcome.tally.latencies
    if latencies.count:
        report += ["", paint("Latency from publish to receive", "bold") + _of_which(outcome), ""]
        report += _points(latencies, width)
        report += ["", *bars(latencies, width, paint)]
    warnings = _warnings(outcome)
    if warnings:
        report.append("")
    for warning in warnings:
        report += [paint(line, "yellow") for line in textwrap.wrap(f"Warning: {warning}", width)]
    return report


def document(url: str, outcome: Outcome) -> dict[str, Any]:
    """Return a report as a JSON object; the names of quantities end with their units."""
    load, published, tally = outcome.load, outcome.published, outcome.tally
    return {
        "url": url,
        "exact": outcome.exact,
        "interrupted": outcome.interrupted,
        "failed": published.failed or None,
        "load": {
            "streams": load.streams,
            "rate_per_second": load.rate,
            "in_flight": load.in_flight if load.rate is None else None,
            "message_bytes": load.size,
            "duration_seconds": load.seconds,
            "reader_cpu_shares": [round(share, 4) for share in outcome.readers],
            "publisher_cpu_share": round(outcome.publisher, 4),
            "warnings": _warnings(outcome),
        },
        "streams": {
            "opened": tally.streams,
            "seconds": round(outcome.opening, 6),
            "per_second": _rate(tally.streams, outcome.opening),
            "ended_early": tally.ended,
        },
        "published": {
            "accepted": published.count,
            "refused": [
                {"status": status or None, "count": count, "said": published.told[status]}
                for status, count in sorted(published.refused.items())
            ],
            "behind_schedule": published.behind,
            "seconds": round(published.seconds, 6),
            "per_second": _rate(published.count, published.seconds),
            "latency_seconds": _summary(published.latencies),
        },
        "deliveries": {
            "expected": outcome.expected,
            "received": tally.received,
            "lost": tally.lost,
            "surplus": tally.surplus,
            "late": tally.late,
            "out_of_order": tally.disordered,
            "bytes": tally.size,
            "seconds": round(outcome.seconds, 6),
            "per_second": _rate(tally.received, outcome.seconds),
            "bytes_per_second": _rate(tally.size, outcome.seconds),
        },
        "latency_seconds": {**_summary(tally.latencies), "timed_streams": tally.timed},
        "histogram": [
            {"from_seconds": row.start / 1e6, "to_seconds": row.end / 1e6, "count": row.count}
            for row in rows(tally.latencies)
        ],
    }


def _asked(outcome: Outcome) -> str:
    load = outcome.load
    pace = f"{number(load.in_flight)} in flight" if load.rate is None else f"{number(load.rate)} messages/s"
    return f"{counted(load.streams, 'stream')}, {pace} of {amount(load.size)}"


def _facts(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Return label, sentence and colour of what there is to say."""
    published, tally = outcome.published, outcome.tally
    ended = f"{number(tally.ended)} ended early" if tally.ended else "none ended early"
    opened = f"{number(tally.streams)} opened in {duration(outcome.opening * 1e6)}"
    facts = [
        ("Streams", f"{opened} ({number(_rate(tally.streams, outcome.opening))}/s), {ended}", _alarm(tally.ended)),
        ("Published", _published(outcome), ""),
    ]
    if outcome.interrupted:
        early = f"after {duration(published.seconds * 1e6)} of {duration(outcome.load.seconds * 1e6)}"
        facts.insert(0, ("Interrupted", early, "yellow"))
    if published.failed:
        facts.insert(0, ("Broken off", published.failed, "red"))
    for status, count in sorted(published.refused.items()):
        said = published.told[status]
        facts.append(("Refused", f"{number(count)} of {number(_asked_to(outcome))}: the hub {said}", "red"))
    if published.behind:
        facts.append(("Behind", f"{number(published.behind)} were published later than the rate asks", "yellow"))
    facts.append(("Delivered", _delivered(outcome), ""))
    if tally.lost or tally.surplus or outcome.disordered:
        faults = f"{number(tally.lost)} lost, {number(outcome.disordered)} late, twice or out of order"
        if tally.surplus:
            faults += f", {number(tally.surplus)} received although not accepted"
        facts.append(("Faults", faults, "red"))
    elif outcome.expected and not tally.ended:
        facts.append(("Faults", "none: every stream received every message once and in order", "green"))
    shares = ", ".join(percent(share) for share in outcome.readers)
    facts.append(("Load's CPU", f"{shares} of a core to read streams, {percent(outcome.publisher)} to publish", ""))
    return facts


def _published(outcome: Outcome) -> str:
    published, latencies = outcome.published, outcome.published.latencies
    what = f"{number(published.count)} in {duration(published.seconds * 1e6)}"
    if not latencies.count:
        return what
    answered = f"answered within {duration(latencies.percentile(50))} (p50), {duration(latencies.percentile(99))} (p99)"
    return f"{what} ({number(_rate(published.count, published.seconds))}/s), {answered}"


def _delivered(outcome: Outcome) -> str:
    tally, seconds = outcome.tally, outcome.seconds
    what = f"{number(tally.received)} of {number(outcome.expected)} in {duration(seconds * 1e6)}"
    if not tally.received:
        return what
    return f"{what} ({number(_rate(tally.received, seconds))} deliveries/s, {amount(_rate(tally.size, seconds))}/s)"


def _of_which(outcome: Outcome) -> str:
    every = outcome.load.timed_every
    return f" (on {number(outcome.tally.timed)} of {number(outcome.tally.streams)} streams)" if every > 1 else ""


def _points(latencies: Latencies, width: int) -> list[str]:
    points = [("min", latencies.shortest), *((f"p{each:g}", latencies.percentile(each)) for each in _PERCENTILES)]
    points.append(("max", latencies.longest))
    room = max(10, min(14, width // len(points)))
    values = [(name, duration(value)) for name, value in points]
    return [
        "".join(f"{name:>{room}}" for name, _ in values),
        "".join(f"{value:>{room}}" for _, value in values),
    ]


def _warnings(outcome: Outcome) -> list[str]:
    warnings = []
    if set(outcome.published.refused) == {_TOO_LARGE} and not outcome.published.count:
        warnings.append(
            f"every message was refused because the hub takes none of {amount(outcome.load.size)}. Ask for a smaller "
            "--size, or give the hub a higher SIGNALS_MAX_MESSAGE."
        )
    busiest = max(*outcome.readers, outcome.publisher)
    if busiest > BUSY:
        warnings.append(
            f"a process of the load itself was busy for {percent(busiest)} of the time: this may be the measure of the "
            "load and not of the hub. Ask for less, or run it where there are more free cores."
        )
    return warnings


def _summary(latencies: Latencies) -> dict[str, float]:
    if not latencies.count:
        return {"count": 0}
    return {
        "count": latencies.count,
        "min": latencies.shortest / 1e6,
        "mean": round(latencies.mean / 1e6, 6),
        **{f"p{each:g}": latencies.percentile(each) / 1e6 for each in _PERCENTILES},
        "max": latencies.longest / 1e6,
    }


def _asked_to(outcome: Outcome) -> int:
    return outcome.published.count + outcome.published.refused.total()


def _rate(count: float, seconds: float) -> float:
    return round(count / seconds, 3) if seconds else 0.0


def _alarm(count: int) -> str:
    return "red" if count else ""

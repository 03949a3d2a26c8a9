"""What facts mean: what has ended streams that should stay open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.doctor.exchange import Head, How
from sse_signals.doctor.facts import GOODBYE, Arrival, Published, Stream
from tests.doctor.facts import answer, beat, message, names, nothing, polled, published, receipt, stream, verdict

if TYPE_CHECKING:
    from sse_signals.doctor.judge import Verdict

WHOLE = stream(receipt(), *(message(number, number + 0.0) for number in range(1, 35)))
LIMITS = [
    # quiet streams end after 10 s of silence, the busy one stays
    ("idle-limit", {"quiet": [(10.0, []), (10.1, [])]}, "after 10.0 s of silence, each of 2 times"),
    # it is the silence also where that begins at different times
    ("idle-limit", {"quiet": [(12.0, [2.0]), (15.0, [5.0])], "signals": ()}, "after 10.0 s of silence"),
    # both end after 20 s, whatever was said
    ("total-limit", {"quiet": [(20.0, [15.0]), (20.2, [14.0])], "busy": [(20.1, [19.5]), (20.0, [19.0])]}, "4 of 4"),
    # nobody may publish, but it had survived a longer silence than its last
    ("total-limit", {"quiet": [(20.0, [15.0]), (20.2, [15.0])], "signals": ()}, "20.0 s to 20.2 s after they began"),
    # nothing was said on the quiet ones, but the busy ones end at the same age in the middle of their signals
    (
        "total-limit",
        {"quiet": [(8.0, []), (8.1, [])], "busy": [(8.0, [*range(1, 7), 7.1]), (8.1, [*range(1, 8)])]},
        "4 of",
    ),
    # only the busy ones end
    ("total-limit", {"busy": [(20.1, [19.5]), (20.0, [19.0])]}, "2 of 2"),
    # nobody may publish, and nothing was said before the end
    ("time-limit", {"quiet": [(8.0, []), (8.1, [])], "signals": ()}, "nothing could be published to tell which"),
    # signals came too seldom: the busy ones were as silent
    (
        "time-limit",
        {"quiet": [(8.0, []), (8.1, [])], "busy": [(8.0, []), (8.1, [])], "signals": published(30)},
        "signals came too seldom",
    ),
    # once is no limit
    ("cut", {"quiet": [(10.0, [])]}, "One of 3 streams was cut after 10.0 s"),
]


def cut(ended: float, beats: list[float], signals: tuple[Published, ...] = ()) -> Stream:
    """Return a stream that was cut."""
    come = [message(one.number, one.number + 0.01) for one in signals if one.number < ended]
    return stream(*sorted([receipt(), *map(beat, beats), *come], key=lambda one: one.after), ended=ended)


@pytest.mark.parametrize(("name", "changes", "text"), LIMITS)
def test_limits(name: str, changes: dict[str, Any], text: str) -> None:
    """What has ended streams is told apart by their ages and silences, and honestly where it cannot be."""
    facts = {"quiet": [], "busy": [], "signals": published(*range(1, 7))} | changes
    streams = {
        "quiet": tuple(cut(*one) for one in facts["quiet"]),
        "busy": tuple(cut(ended, beats, facts["signals"]) for ended, beats in facts["busy"]),
    }
    if len(streams["quiet"]) < 2:
        streams["quiet"] = (*streams["quiet"], stream())
    found = verdict(**streams, signals=facts["signals"]) if streams["busy"] else verdict(
        quiet=streams["quiet"], busy=(WHOLE,) if facts["signals"] else (), signals=facts["signals"]
    )  # fmt: skip
    assert names(found) == [name]
    told = next(one for one in found.findings if one.name == name)
    assert text in told.seen
    assert "broke off in the middle" in told.seen


@pytest.mark.parametrize(
    ("quiet", "text"),
    [
        ((), "nobody can tell how long they were silent: mend that, and try again"),
        ((cut(10.0, []), cut(10.1, [])), "nobody can tell how long they were silent (2 were cut): mend that"),
    ],
)
def test_limits_are_unknown_where_streams_are_held_back(quiet: tuple[Stream, ...], text: str) -> None:
    """What comes late and at once says neither how long a stream was quiet nor how busy it was."""
    held = tuple(stream(receipt(9.9), ended=one.ended) for one in quiet) or (stream(receipt(9.9)),)
    found = verdict(quiet=held, busy=(stream(receipt(9.9)),), signals=())
    assert names(found) == ["buffering"]
    assert [one.reason for one in found.unchecked if one.name == "time-limits" and text in one.reason]
    assert "time-limits" not in [one.name for one in found.fine]


def test_limits_are_unknown_where_all_came_with_the_cut() -> None:
    """Also where answers are so slow that nobody can say that it was late; what came before the cut tells."""
    slow = [answer(after=2.0) for _ in range(3)]
    for first, known in ((9.9, False), (9.0, True), (0.9, True)):
        one = stream(receipt(first), ended=10.0 if first > 1 else 1.0)
        found = verdict(polls=slow, quiet=(one, one), signals=(), busy=())
        unknown = [said.reason for said in found.unchecked if said.name == "time-limits"]
        assert [bool(unknown), bool({"time-limit", "total-limit", "idle-limit"} & set(names(found)))] == [
            not known,
            known,
        ]


def test_the_heartbeat_is_advised() -> None:
    """Against a limit on silence the hub's heartbeat helps, half as long."""
    found = verdict(quiet=(cut(10.0, []), cut(10.1, [])), busy=(WHOLE,))
    assert found.findings[0].hub == "SIGNALS_HEARTBEAT=5 keeps streams below it"
    found = verdict(quiet=(cut(1.0, []), cut(1.1, [])), busy=(WHOLE,))
    assert found.findings[0].hub == "SIGNALS_HEARTBEAT has to be below it"


def goodbye(reason: str) -> Stream:
    """Return a stream that the hub has ended."""
    return stream(receipt(), Arrival(9.0, GOODBYE, f'{{"reason": "{reason}"}}'), ended=9.0, how=How.CLEAN)


@pytest.mark.parametrize(
    ("reason", "setting"),
    [
        ("full", "SIGNALS_MAX_STREAMS"),
        ("address-streams", "SIGNALS_TRUSTED_PROXIES"),
        ("identity-streams", "SIGNALS_MAX_STREAMS_PER_IDENTITY"),
        ("failed-authentications", "SIGNALS_TRUSTED_PROXIES"),
        ("shutdown", None),
    ],
)
def test_goodbyes(reason: str, setting: str | None) -> None:
    """What the hub ends itself is told with its reason and setting, and no limit is made of it."""
    found = verdict(quiet=(goodbye(reason),), crowd=(goodbye(reason),))
    assert names(found) == ["goodbye"]
    assert f"ended 2 streams, with the reason '{reason}'" in found.findings[0].seen
    assert (setting or "") in (found.findings[0].hub or "")
    assert time_limits(found) == ["the hub ended streams itself"]


def test_a_hub_that_is_full_is_no_proxy_that_is() -> None:
    """Streams that the hub turned away say nothing of a limit between."""
    away = stream(Arrival(0.1, GOODBYE, '{"reason": "full"}'), ended=0.1, how=How.CLEAN)
    found = verdict(crowd=(away,))
    assert names(found) == ["goodbye"]
    assert time_limits(found) == ["no stream was cut within 35.0 s; limits beyond that show with a longer --for"]


def time_limits(found: Verdict) -> list[str]:
    """Return what is told of limits besides findings."""
    fine = [one.text for one in found.fine if one.name == "time-limits"]
    return fine + [one.reason for one in found.unchecked if one.name == "time-limits"]


def test_limits_are_told_of_once() -> None:
    """Where the hub ended streams that came late, too, only one of both is said."""
    away = stream(receipt(9.9), Arrival(9.9, GOODBYE, '{"reason": "full"}'), ended=9.9, how=How.CLEAN)
    (told,) = time_limits(verdict(quiet=(away,), busy=(away,), signals=()))
    assert "streams are held back" in told


def test_a_stream_that_never_began_is_not_cut() -> None:
    """Where there was no answer nothing can be cut."""
    found = verdict(quiet=(nothing(ended=3.0, refused="the answer was reset"),), busy=(), signals=())
    assert names(found) == []


def turned(status: int = 503, body: bytes = b"") -> Stream:
    """Return what came of a stream that was turned away."""
    return Stream(watched=3.0, head=Head(status, (("content-type", "text/html"),)), body=body, ended=0.1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"quiet": (turned(),), "busy": (turned(),)}, "2 of 13 streams and questions were answered with 503"),
        ({"busy": (turned(429),), "signals": ()}, "1 of 13 streams and questions were answered with 429"),
        ({"polls": (answer(503), answer(429))}, "answered with 429 and 503"),
        ({"before": answer(429)}, "1 of 14"),
        ({"unpublished": answer(429)}, "1 of 14"),
        ({"replay": (1, answer(429))}, "1 of 14"),
        ({"polls": (answer(429),), "crowd": (turned(429),)}, "1 of 12"),
    ],
)
def test_requests_that_are_turned_away(changes: dict[str, Any], text: str) -> None:
    """What says 429 or 503 before the hub limits requests; nothing was cut, and nothing lost."""
    found = verdict(**changes)
    assert names(found) == ["rate-limit"]
    assert text in found.findings[0].seen
    assert found.findings[0].severity == "fault"


def test_nothing_is_said_of_streams_that_never_began() -> None:
    """Streams that were turned away are neither fine nor cut nor packed."""
    found = verdict(first=turned(429), quiet=(turned(429),), busy=(turned(429),), signals=(), crowd=(turned(429),))
    assert names(found) == ["rate-limit"]
    assert {"time-limits", "buffering", "compression", "stream-limit"}.isdisjoint(one.name for one in found.fine)
    assert {("buffering", "no stream began"), ("time-limits", "no stream began that could be cut")} <= {
        (one.name, one.reason) for one in found.unchecked
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"polls": (polled(), answer(503))},  # once may be in passing
        {"polls": (answer(502), answer(502))},  # nobody said too many
        {"busy": (turned(429, b'{"type": "urn:sse-signals:problem:address-streams"}'),), "signals": ()},
        {"unpublished": answer(429, {"type": "urn:sse-signals:problem:publish-rate", "detail": "Slow."})},
    ],
)
def test_what_is_no_limit_on_requests(changes: dict[str, Any]) -> None:
    """A single failure, or what the hub itself says, is no limit of a proxy."""
    assert names(verdict(**changes)) == []

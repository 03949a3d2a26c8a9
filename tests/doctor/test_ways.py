"""What facts mean: connections, what is resumed, what may be published, clocks, and who is at the door."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sse_signals.doctor.examination import least
from sse_signals.doctor.exchange import Head
from sse_signals.doctor.facts import GAP, Answer, Arrival, Clocks
from sse_signals.doctor.judge import judge
from sse_signals.doctor.seen import Seen
from sse_signals.doctor.target import Target
from sse_signals.doctor.terms import LONGEST
from tests.doctor.facts import answer, message, names, nothing, outside, polled, published, receipt, stream, verdict

GONE = Arrival(0.0, GAP, '{"reason": "epoch"}')
TRIMMED = Arrival(0.0, GAP, '{"reason": "trimmed"}')
DENIED = {"type": "urn:sse-signals:problem:not-granted", "detail": "Not to this topic.", "hint": "Ask."}
HTML = (("content-type", "text/html"),)


def hub_problem(kind: str) -> dict[str, str]:
    """Return a problem document of a hub."""
    return {"type": f"urn:sse-signals:problem:{kind}", "detail": f"It is {kind}.", "hint": "Mend it."}


CASES: list[tuple[dict[str, Any], list[tuple[str, str]], str]] = [
    ({"protocol": "http/1.1"}, [("six-connections", "warning")], "TLS offers no HTTP/2"),
    (
        {"protocol": "http/1.1", "target": Target("http", "hub.example.com", 80, "/signals")},
        [("six-connections", "warning")],
        "over TLS only",
    ),
    (
        {"protocol": "http/1.1", "target": Target("http", "127.0.0.1", 80, "/signals")},
        [("six-connections", "note")],
        "over TLS only",
    ),
    (
        {
            "crowd": (stream(), nothing()),
            "crowded_again": (
                stream(),
                nothing(head=Head(503)),
                nothing(refused="the answer was reset"),
                nothing(),
                nothing(head=Head(503)),
            ),
        },
        [("stream-limit", "fault")],
        "only 3 were opened, tried twice: the others were answered with 503, the answer was reset, the others had to",
    ),
    ({"resume": polled()}, [("resume-lost", "fault")], "it began anew"),
    ({"resume": polled(GONE, recovered=False)}, [("resume-gap", "fault")], "'epoch'"),
    ({"resume": polled(recovered=True), "replay": (1, polled(GONE))}, [("resume-gap", "fault")], "'epoch'"),
    ({"resume": polled(recovered=False)}, [("resume-gap", "fault")], "None"),
    ({"resume": polled(TRIMMED, recovered=False), "replay": (1, polled(GONE))}, [("resume-gap", "fault")], "'epoch'"),
    ({"resume": polled(Arrival(0.0, GAP), recovered=False)}, [("resume-gap", "fault")], "None"),
    ({"before": answer(502)}, [("no-hub-behind", "warning")], "the first was answered with 502"),
    (
        {"signals": published(1, 2, 3), "replay": (1, polled(message(2, 0.0), asked=9.0))},
        [("signals-lost", "fault")],
        "1 (the first is number 4)",
    ),
    ({"unpublished": answer(405)}, [("publish-blocked", "warning")], "(405)"),
    ({"oversized": answer(413)}, [("body-limit", "warning")], "200 KiB"),
    ({"clocks": Clocks(1000.0, 0.1, 1003.0, 1000.0)}, [("clock", "warning")], "the hub is 3.0 s ahead"),
    ({"clocks": Clocks(1000.0, 0.1, 1000.0, 900.0)}, [("clock", "warning")], "Date header is 100 s behind"),
]


@pytest.mark.parametrize(("changes", "found", "text"), CASES)
def test_ways(changes: dict[str, Any], found: list[tuple[str, str]], text: str) -> None:
    """Each fault on the way has a name, a severity, and figures."""
    if "replay" in changes:
        number, replay = changes["replay"]
        changes = changes | {"replay": (number, Answer(0.1, 9.0, replay.head, b"", None, replay.arrivals))}
    told = verdict(**changes)
    assert [(one.name, one.severity) for one in told.findings] == found
    assert text in told.findings[0].seen
    assert told.bad == (found[0][1] != "note")


UNCHECKED: list[tuple[dict[str, Any], str, str]] = [
    ({"crowd": ()}, "stream-limit", "not even single streams begin at once"),
    ({"resume": None}, "resume", "no event had an id"),
    ({"resume": answer(502)}, "resume", "the hub was not reached"),
    ({"unpublished": answer(403, DENIED), "signals": ()}, "signals", "(403: Not to this topic. Ask.)"),
    ({"unpublished": answer(502)}, "signals", "publishing failed: 502"),
    ({"unpublished": Answer(failed="the answer was reset")}, "signals", "publishing failed: the answer was reset"),
    ({"oversized": None}, "body-limit", "not answered"),
    ({"oversized": answer(502)}, "body-limit", "not answered by the hub"),
    ({"resume": polled(TRIMMED, recovered=False)}, "resume", "had already let go"),
    (
        {"signals": published(1, 2, 3), "replay": (1, replace(polled(TRIMMED), asked=9.0))},
        "resume",
        "had already let go",
    ),
    ({"clocks": None}, "clock", "did not tell"),
]


@pytest.mark.parametrize(("changes", "name", "reason"), UNCHECKED)
def test_unchecked(changes: dict[str, Any], name: str, reason: str) -> None:
    """What could not be checked is told with the reason, and is neither fine nor a fault."""
    told = verdict(**changes)
    assert not told.findings
    assert reason in next(one.reason for one in told.unchecked if one.name == name)
    assert name not in [fine.name for fine in told.fine]


def test_fine() -> None:
    """What is fine has figures, too."""
    good = verdict(replay=(1, polled(message(2, 0.0))), signals=published(1, 2), clocks=Clocks(9.0, 0.5))
    told = {one.name: one.text for one in good.fine}
    assert told["resume"] == "Last-Event-ID arrives, 1 signals replayed"
    assert told["clock"] == "the hub's clock is within 500 ms of this one"
    assert "body-limit" not in {one.name for one in verdict(unpublished=answer(405)).fine}


def test_a_replay_that_was_not_read_to_its_end() -> None:
    """What is missing of an answer that is longer than what is read of one is not lost."""
    short = Answer(0.1, 9.0, Head(200), b"", None, polled(message(2, 0.0)).arrivals)
    assert names(verdict(signals=published(1, 2, 3), replay=(1, short))) == ["signals-lost"]
    cut = replace(short, body=b"x" * LONGEST)
    assert names(verdict(signals=published(1, 2, 3), replay=(1, cut))) == []


def test_a_hub_that_ends_need_not_know_what_it_gave() -> None:
    """After a goodbye a gap is no sign of nodes that share nothing."""
    end = stream(receipt(), Arrival(9.0, "signals.goodbye", '{"reason": "shutdown"}'), ended=9.0)
    assert names(verdict(quiet=(end,), replay=(1, polled(GONE)))) == ["goodbye"]


DOORS: list[tuple[Answer, dict[str, Any], str, str]] = [
    (answer(401, hub_problem("no-credentials")), {}, "refused", "Give a token with --token."),
    (answer(401, hub_problem("expired")), {"given": True}, "refused", "It is expired."),
    (answer(401, hub_problem("no-credentials")), {"given": True}, "authorization-lost", "lost on the way"),
    (answer(401, hub_problem("bad-authorization")), {"given": True}, "authorization-lost", "lost on the way"),
    (answer(403, hub_problem("host-not-allowed")), {}, "refused", "403"),
    (answer(429, hub_problem("failed-authentications")), {}, "refused", "refuses with 429: It is failed-auth"),
    (answer(400, hub_problem("bad-parameter")), {}, "refused", "refuses with 400: It is bad-parameter. Mend it."),
    (answer(400, fields=HTML), {}, "no-hub", "is 400 and text/html"),
    (answer(429, fields=HTML), {}, "rate-limit", "429, and not from the hub"),
    (answer(302, fields=(("location", "/login"),)), {"given": True}, "redirect", "leads on to /login."),
    (answer(400, body="The plain HTTP request was sent to HTTPS port"), {}, "no-hub", "400 and application/problem"),
    (polled(topics=["*"]), {"asked": "t/quiet"}, "query-lost", "'t/quiet' was asked for, and one of [\"*\"] given"),
    (answer(401, fields=HTML), {}, "refused", "Whoever stands before the hub refuses with 401"),
    (answer(302, fields=(("location", "/login"),)), {}, "redirect", "leads on to /login"),
    (answer(301), {}, "redirect", "nowhere"),
    (Answer(), {"certificate": "self-signed"}, "certificate", "self-signed"),
    (answer(404, hub_problem("not-found")), {}, "prefix", "The hub says"),
    (answer(404, fields=HTML), {}, "prefix", "Whoever answers there says"),
    (answer(404), {"prefixed": "https://hub.example.com/app/signals"}, "prefix", "/app/signals"),
    (answer(502), {}, "no-hub-behind", "502"),
    (answer(503, hub_problem("starting")), {}, "hub-unavailable", "It is starting."),
    (answer(200, fields=HTML), {}, "no-hub", "text/html"),
    (answer(200), {}, "no-hub", "something without a type"),
    (Answer(failed="there was no whole answer within 10 s"), {}, "no-answer", "within 10 s"),
]  # fmt: skip


@pytest.mark.parametrize(("entrance", "changes", "name", "text"), DOORS)
def test_doors(entrance: Answer, changes: dict[str, Any], name: str, text: str) -> None:
    """Whoever answers instead of a hub is found, and nothing is claimed of what was not seen."""
    told = outside(entrance, **changes)
    assert names(told) == [name]
    assert text in told.findings[0].seen
    assert [one.name for one in told.unchecked] == ["streams"]
    assert not told.fine
    assert told.refused == (name == "refused")


def test_redirected() -> None:
    """A redirect that was followed is told, and what is behind it is looked at."""
    told = verdict(redirected="https://hub.example.com/signals", certificate="expired")
    assert names(told) == ["certificate", "redirect"]
    assert told.fine


def test_facts_of_a_receipt() -> None:
    """A heartbeat that is none is not believed, and a problem needs the hub's own type."""
    at = Target("http", "h", 80, "")
    assert Seen(at, entrance=polled(heartbeat=2.5)).heartbeat == 2.5
    assert Seen(at, entrance=polled(heartbeat=3600)).heartbeat == 3600
    wrong = (0, "x", None, 1e300, float("inf"), -1, True)
    assert [Seen(at, entrance=polled(heartbeat=one)).heartbeat for one in wrong] == [15.0] * 7
    assert Answer().kind is None
    assert answer(403, {"type": "about:blank", "detail": 1}).kind is None


def test_settings_for_a_hub_that_has_had_too_many_wrong_tokens() -> None:
    """Where all clients seem to have one address, the hub's setting for that is told."""
    told = outside(answer(429, hub_problem("failed-authentications")))
    assert "SIGNALS_TRUSTED_PROXIES" in (told.findings[0].hub or "")


def test_plain_http_where_tls_is_wanted() -> None:
    """A server that says that it speaks TLS is believed, and the URL to try is told."""
    body = b"<h1>400</h1>The plain HTTP request was sent to HTTPS port"
    entrance = Answer(head=Head(400, HTML), body=body)
    for port, url in ((80, "https://h/s"), (8443, "https://h:8443/s")):
        told = judge(Seen(Target("http", "h", port, "/s"), entrance=entrance)).findings[0]
        assert told.seen == "Plain HTTP was spoken to a port that wants TLS."
        assert told.effect.endswith(f" Try {url}.")
    other = judge(Seen(Target("http", "h", 80, "/s"), entrance=replace(entrance, body=b"Bad Request")))
    assert "Try" not in other.findings[0].effect


def test_how_long_is_watched() -> None:
    """A rare heartbeat makes a watch longer, but not endless; so do slow answers, among which nothing is late soon."""
    at = Target("http", "h", 80, "")
    assert least(Seen(at, entrance=polled(heartbeat=60)), 0.01, 5.0) == 125.0
    assert least(Seen(at, entrance=polled(heartbeat=3600)), 0.01, 5.0) == 600.0
    assert least(Seen(at, entrance=polled(heartbeat=0.5)), 0.4, 5.0) == 9.0

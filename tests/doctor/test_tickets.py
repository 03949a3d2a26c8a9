"""What facts mean: where a one-time ticket leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.doctor.facts import Answer
from sse_signals.doctor.remedies import REMEDIES
from sse_signals.doctor.target import Target
from tests.doctor.facts import answer, names, seen, verdict

if TYPE_CHECKING:
    from sse_signals.doctor.judge import Verdict

SECRET = "a-secret"
DENIED = {"type": "urn:sse-signals:problem:not-granted", "detail": "Not to this.", "hint": "Ask."}
NONE = {"type": "urn:sse-signals:problem:no-tickets", "detail": "There are none."}


def ticket(url: object) -> Answer:
    """Return the answer that gives a ticket."""
    return answer(200, {"ticket": SECRET, "expiresIn": 30, "url": url})


def said(found: Verdict) -> list[str]:
    """Return what is told of tickets besides findings."""
    fine = [one.text for one in found.fine if one.name == "tickets"]
    return fine + [one.reason for one in found.unchecked if one.name == "tickets"]


@pytest.mark.parametrize(
    "url",
    [
        f"/signals/stream?ticket={SECRET}",
        f"/%73ignals/stream?ticket={SECRET}",
        f"https://hub.example.com/signals/stream?ticket={SECRET}",
    ],
)
def test_a_ticket_that_leads_to_the_hub(url: str) -> None:
    """Where the path is the same on both sides, however it is written, that is fine."""
    found = verdict(ticket=ticket(url))
    assert (names(found), said(found)) == ([], ["they lead to where the hub is"])


@pytest.mark.parametrize(
    ("url", "to"),
    [
        (f"/stream?ticket={SECRET}", "https://hub.example.com/stream,"),
        (f"/signals/here/stream?ticket={SECRET}#{SECRET}", "https://hub.example.com/signals/here/stream,"),
        (f"/\x1b[2J/stream?ticket={SECRET}", "https://hub.example.com/\\x1b[2J/stream,"),
    ],
)
def test_a_ticket_that_leads_elsewhere(url: str, to: str) -> None:
    """A path that is changed on the way is a fault, with the line that leaves it alone; the ticket is not told."""
    found = verdict(ticket=ticket(url))
    (finding,) = found.findings
    assert (finding.name, finding.severity) == ("ticket-path", "fault")
    assert f"leads to {to} but the stream is at https://hub.example.com/signals/stream:" in finding.seen
    assert finding.hub is not None
    assert "SIGNALS_PREFIX=/signals " in finding.hub
    assert SECRET not in str(found)
    assert REMEDIES["ticket-path"]["nginx"].startswith("proxy_pass http://HUB:8080;")


def test_a_hub_at_the_root() -> None:
    """No setting of the hub is advised where it cannot help."""
    found = verdict(target=Target("https", "h", 443, ""), ticket=ticket("/signals/stream?ticket=x"))
    assert [(one.name, one.hub) for one in found.findings] == [("ticket-path", None)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, []),
        (answer(404, NONE), []),
        (answer(403, DENIED), ["none was given (403: Not to this. Ask.)"]),
        (answer(502), ["none was given (502)"]),
        (Answer(failed="the answer was reset"), ["none was given (the answer was reset)"]),
        *((ticket(url), ["none was given (200)"]) for url in (None, 7, "", "http://[")),
        (answer(404, {"url": "/stream"}), ["none was given (404)"]),
    ],
)
def test_tickets_that_are_not_given(given: Any, told: list[str]) -> None:
    """Without a token, or where nobody has to show one, nothing is said; otherwise why there is none."""
    found = verdict(ticket=given)
    assert (names(found), said(found)) == ([], told)


def test_a_ticket_is_a_secret() -> None:
    """What an examination has seen shows it to nobody."""
    assert SECRET not in repr(seen(ticket=ticket(f"/stream?ticket={SECRET}")))

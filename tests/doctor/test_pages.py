"""What facts mean: what pages are told."""

from __future__ import annotations

from typing import Any

import pytest

from sse_signals.doctor.exchange import Head
from sse_signals.doctor.facts import Answer
from sse_signals.doctor.target import FOREIGN
from tests.doctor.facts import ALLOWED, ORIGIN, PREFLIGHT, PROBLEM, answer, crossing, names, polled, verdict

REFUSED = answer(403, PROBLEM)
ALLOW = "access-control-allow-origin"
WITH = ("access-control-allow-credentials", "true")


def page(*fields: tuple[str, str], status: int = 200) -> Answer:
    """Return an answer to a page."""
    return Answer(head=Head(status, fields))


def preflights(one: Answer) -> dict[str, Any]:
    """Return two preflights of which the first is changed."""
    return {"preflights": (("stream", one), ("publish", Answer(head=PREFLIGHT)))}


CASES = [
    ({"own": REFUSED}, ["host-rewritten"], "https://hub.example.com"),
    ({"foreign": page((ALLOW, FOREIGN), WITH)}, ["cors-foreign"], "with cookies"),
    ({"foreign": page((ALLOW, "*"))}, ["cors-foreign"], "'*'"),
    ({"stream": REFUSED}, ["cors-not-allowed"], ORIGIN),
    (preflights(REFUSED), ["cors-not-allowed"], ORIGIN),
    ({"foreign": polled()}, ["origin-lost"], "does not reach the hub"),
    ({"foreign": polled(), "stream": page(), "error": page(status=404)}, ["origin-lost"], "does not reach the hub"),
    ({"stream": page()}, ["cors-missing"], "the answer to a stream has no"),
    ({"error": page(status=404)}, ["cors-errors"], "an error (404) has no Access-Control-Allow-Origin, while streams"),
    ({"error": page(status=404), "stream": page(status=502)}, ["cors-missing"], "an error (404) has no"),
    ({"error": page(status=404), "stream": None}, ["cors-missing"], "an error (404) has no"),
    ({"stream": page(), "error": page(status=404)}, ["cors-missing"], "a stream and an error (404) has no"),
    (
        {"stream": page(), "error": page(status=404)} | preflights(page()),
        ["cors-missing"],
        "and the preflight of stream",
    ),
    ({"stream": page(*ALLOWED, *ALLOWED)}, ["cors-doubled"], "twice"),
    ({"stream": page((ALLOW, f"{ORIGIN}, {ORIGIN}"), WITH)}, ["cors-doubled"], "twice"),
    ({"stream": page((ALLOW, "https://a.example"), WITH)}, ["cors-wrong"], "another origin"),
    ({"stream": page((ALLOW, ORIGIN))}, ["cors-credentials"], "cookies"),
    ({"stream": page((ALLOW, "*"), WITH)}, ["cors-credentials"], "cookies"),
    (preflights(page(status=405)), ["cors-preflight"], "with 405"),
    (preflights(Answer()), ["cors-preflight"], "with nothing"),
    (preflights(page()), ["cors-preflight"], "has no Access-Control-Allow-Origin"),
    (
        preflights(page(*ALLOWED, ("access-control-allow-headers", "authorization"))),
        ["cors-preflight"],
        "content-type and last",
    ),
    ({"stream": page()} | preflights(page(status=405)), ["cors-missing"], "the preflight of stream"),
]


@pytest.mark.parametrize(("changes", "found", "text"), CASES)
def test_pages(changes: dict[str, Any], found: list[str], text: str) -> None:
    """Each way in which pages are told the wrong thing has a name, and says which answers are wrong."""
    told = verdict(crossing=crossing(**changes))
    assert names(told) == found
    assert text in told.findings[0].seen
    assert "cors" not in [fine.name for fine in told.fine]


@pytest.mark.parametrize(
    "changes",
    [
        {"foreign": answer(403, PROBLEM, ((ALLOW, "*"),))},  # it may read that it may read nothing
        {"foreign": page((ALLOW, ORIGIN))},  # which allows another page
        {"foreign": Answer(failed="the server went away")},
        {"stream": page(status=502), "error": page(status=504)},  # the proxy's own
        {"foreign": page((ALLOW, "*"), status=502)},
        preflights(page(status=503)),
        {"stream": Answer(failed="the server went away")},
        {"own": None},
    ],
)
def test_what_harms_no_page(changes: dict[str, Any]) -> None:
    """What no browser minds, or what comes of something else, is no fault of CORS."""
    assert names(verdict(crossing=crossing(**changes))) == []


def test_settings_of_the_hub() -> None:
    """Where the hub may be the cause, its setting is named with the very origin."""
    for changes in ({"stream": REFUSED}, {"stream": page()}):
        assert verdict(crossing=crossing(**changes)).findings[0].hub == f"SIGNALS_CORS_ORIGINS={ORIGIN}"
    assert verdict(crossing=crossing(own=REFUSED)).findings[0].hub is None


def test_without_a_page() -> None:
    """Without a page to allow only foreign ones are looked at, and that is said."""
    found = verdict(origin=None, crossing=crossing(stream=None, error=None, preflights=()))
    assert [fine.text for fine in found.fine if fine.name == "cors"] == ["a foreign page may not"]
    assert [one.reason for one in found.unchecked] == ["no page was named that shall be allowed (--origin)"]
    assert names(verdict(crossing=crossing(foreign=None, stream=polled(), own=None))) == ["cors-missing"]


@pytest.mark.parametrize("changes", [{"stream": page(status=503)}, {"foreign": page(status=429)}])
def test_pages_that_the_hub_did_not_answer(changes: dict[str, Any]) -> None:
    """Where a proxy answered in the hub's place, nothing is fine, nor wrong, but not known."""
    told = verdict(crossing=crossing(**changes))
    assert "cors" not in [fine.name for fine in told.fine]
    assert ("cors", "not all pages were answered by the hub") in [(one.name, one.reason) for one in told.unchecked]


def test_errors_alone_are_not_the_hub_s() -> None:
    """Where streams are right, the hub is, and its setting is not named."""
    assert verdict(crossing=crossing(error=page(status=404))).findings[0].hub is None

"""The query of a stream request: what is asked for, and every way to ask wrongly."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.cursor.start import After, Live, Newest, Oldest, Since, Start
from sse_signals.errors import InvalidInput
from sse_signals.model import EventId
from sse_signals.topics import EVERYTHING, Filters
from sse_signals.web.problems import Problem, of
from sse_signals.web.query import StreamQuery, stream_query

NOW = 1_769_860_800_000  # 2026-01-31T12:00:00Z
ID = EventId("abcdefgh", 5 << 10)


def parsed(query: str = "", **headers: str) -> StreamQuery:
    """Read a request with this query and these headers."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return stream_query(make_mocked_request("GET", f"/signals/stream?{query}", headers=names), NOW)


def outcome(query: str) -> StreamQuery | Problem:
    """Read a request as the handler does: what it asks for, or the problem it is answered with."""
    try:
        return parsed(query)
    except Problem as problem:
        return problem
    except InvalidInput as error:
        return of(error)


@pytest.mark.parametrize(
    ("query", "exact", "prefixes"),
    [
        ("", [], [""]),
        ("topic=a", ["a"], []),
        ("topic=a&topic=b/*", ["a"], ["b/"]),
        ("topic=*", [], [""]),
        ("topic=a&topic=*", [], [""]),
        ("plugin=catalog", ["catalog"], ["catalog:"]),
        ("plugin=a&plugin=b&topic=c", ["a", "b", "c"], ["a:", "b:"]),
        ("topic=a%20b&topic=a+b", ["a b"], []),
        ("topic=e%CC%81", ["\u00e9"], []),
        ("topic=%2A", [], [""]),
    ],
)
def test_filters(query: str, exact: list[str], prefixes: list[str]) -> None:
    """Topics, prefixes and plugins add up; none at all means everything."""
    assert parsed(query).filters == Filters(frozenset(exact), frozenset(prefixes))


@pytest.mark.parametrize(
    ("query", "start"),
    [
        ("", Live()),
        ("poll=0", Live()),
        ("poll=1", Oldest()),
        ("since=all", Oldest()),
        ("since=-1", Newest(1)),
        ("since=-999999", Newest(999_999)),
        ("since=10s", Since(NOW - 10_000)),
        ("since=10m", Since(NOW - 600_000)),
        ("since=2h", Since(NOW - 7_200_000)),
        ("since=3d", Since(NOW - 259_200_000)),
        ("since=999999999d", Since(0)),
        ("since=2026-01-31T12:00:00Z", Since(NOW)),
        ("since=2026-01-31T12:00:00.5Z", Since(NOW + 500)),
        ("since=2026-01-31T13:00:00+01:00", Since(NOW)),
        ("since=2026-01-31T13:00:00%2B01:00", Since(NOW)),
        ("since=2026-01-31T07:00:00-05:00", Since(NOW)),
        ("since=1900-01-01T00:00:00Z", Since(0)),
        ("since=9999-12-31T23:59:59Z", Since(253_402_300_799_000)),
        ("since=10m&poll=1", Since(NOW - 600_000)),
        ("lastEventId=abcdefgh-5", After(ID)),
        ("lastEventId=abcdefgh-5&since=all", After(ID)),
        ("lastEventId=abcdefgh-5&poll=1", After(ID)),
        ("lastEventId=", Live()),
    ],
)
def test_starts(query: str, start: Start) -> None:
    """Each way to say where to start means what the interface says, and an id outranks `since`."""
    assert parsed(query).start == start


@pytest.mark.parametrize(
    ("header", "start"),
    [
        ("abcdefgh-5", After(ID)),
        ("nonsense", After(None)),
        ("", After(EventId("abcdefgh", 6 << 10))),
    ],
)
def test_the_header_outranks_the_query(header: str, start: Start) -> None:
    """A browser's own header comes first; an unusable one is a gap and no error; an empty one is none."""
    assert parsed("lastEventId=abcdefgh-6&since=all", Last_Event_ID=header).start == start


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("topics=a", "topics"),
        ("Topic=a", "Topic"),
        ("last_event_id=x", "last_event_id"),
        ("=a", ""),
        ("x" * 200 + "=1", "x" * 64),
        ("poll=1&poll=1", "poll"),
        ("since=all&since=all", "since"),
        ("lastEventId=abcdefgh-1&lastEventId=abcdefgh-1", "lastEventId"),
        ("poll=yes", "poll"),
        ("poll=", "poll"),
        ("lastEventId=abcdefgh-1&since=rubbish", "since"),
        ("lastEventId=nonsense", "lastEventId"),
        ("lastEventId=abcdefgh-18446744073709551616", "lastEventId"),
        ("lastEventId=abcdefgh--1", "lastEventId"),
        ("since=", "since"),
        ("since=0", "since"),
        ("since=-0", "since"),
        ("since=-1000000", "since"),
        ("since=10", "since"),
        ("since=10y", "since"),
        ("since=%D9%A1m", "since"),
        ("since=2026-01-31", "since"),
        ("since=2026-01-31T12:00:00", "since"),
        ("since=2026-13-31T12:00:00Z", "since"),
        ("since=99999-01-01T00:00:00Z", "since"),
        ("topic=", "topic"),
        ("topic=a%0Ab", "topic"),
        ("topic=%00", "topic"),
        ("topic=a*b", "topic"),
        ("topic=**", "topic"),
        ("topic=%FF", "topic"),
        ("topic=%ED%A0%80", "topic"),
        ("topic=" + "x" * 256, "topic"),
        ("plugin=a:b", "plugin"),
        ("plugin=a*", "plugin"),
        ("plugin=", "plugin"),
        ("&".join(f"topic=t{n}" for n in range(65)), "topic"),
        ("&".join(f"plugin=t{n}" for n in range(33)), "topic"),
    ],
)
def test_mistakes_are_named(query: str, parameter: str) -> None:
    """Every mistake is refused by the name of its parameter, with a hint."""
    problem = outcome(query)
    assert isinstance(problem, Problem)
    assert problem.status == 400
    assert problem.errors[0]["parameter"] == parameter
    assert problem.errors[0]["hint"] == problem.hint


def test_a_mistyped_parameter_is_guessed() -> None:
    """A parameter nobody knows that looks like a known one is answered with that one, or else with the list."""
    with pytest.raises(Problem) as near:
        parsed("lasteventid=x")
    assert "lastEventId" in near.value.hint
    with pytest.raises(Problem) as far:
        parsed("zzz=1")
    assert "since" in far.value.hint


def test_sixty_four_filters_are_enough_and_allowed() -> None:
    """A stream may have 64 filters."""
    assert len(list(parsed("&".join(f"topic=t{n}" for n in range(64))).filters)) == 64


@pytest.mark.parametrize(
    ("accept", "ndjson"),
    [
        ("", False),
        ("*/*", False),
        ("text/event-stream", False),
        ("application/x-ndjson", True),
        ("text/event-stream, Application/X-NDJSON; q=0.5", True),
        ("application/x-ndjson2", False),
    ],
)
def test_json_lines_are_asked_for(accept: str, *, ndjson: bool) -> None:
    """JSON lines come to those who name them, and an event stream to all others."""
    assert parsed(Accept=accept).ndjson is ndjson


PARAMETERS = st.sampled_from(["topic", "plugin", "since", "poll", "lastEventId", "x"])


@given(st.lists(st.tuples(PARAMETERS, st.text()), max_size=5))
def test_no_query_breaks_it(pairs: list[tuple[str, str]]) -> None:
    """Whatever is asked is understood, or refused with a problem that can be sent: nothing else can be raised."""
    result = outcome("&".join(f"{name}={quote(value, errors='replace')}" for name, value in pairs))
    if isinstance(result, Problem):
        assert result.status == 400
        assert result.response({}).body
    else:
        asked = [value for name, value in pairs if name in {"topic", "plugin"}]
        assert (result.filters == EVERYTHING) == (not asked or "*" in asked)

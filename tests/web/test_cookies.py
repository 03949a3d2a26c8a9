"""Cookies as they come and go, and the pages they may speak for."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sse_signals.web.cookies import (
    MOST_SESSIONS,
    check_cookie_origin,
    check_ticket_origin,
    cookies_of,
    dropped_sessions,
    session_cookie,
    session_name,
)
from sse_signals.web.problems import Problem

PAGE = "https://app.example.com"
ALLOWED = frozenset({PAGE})
OWN = "https://hub.example.com"
PATH = "/signals/stream"
SESSION = "0123456789abcdef" * 4
ATTRIBUTES = "HttpOnly; Secure; SameSite=Lax"


def cookies(name: str, *headers: str) -> list[str]:
    """Return what is found under a name in these ``Cookie`` headers."""
    request = make_mocked_request("GET", PATH, CIMultiDict([("Cookie", header) for header in headers]))
    return cookies_of(request, name)


def other_sessions(count: int) -> list[str]:
    """Return names of session cookies."""
    return [f"signals-session-{number:016x}" for number in range(count)]


@pytest.mark.parametrize(
    ("headers", "values"),
    [
        ([], []),
        (["a=1"], ["1"]),
        (["b=0; a=1; c=2"], ["1"]),
        (["b=0;a=1;c=2"], ["1"]),
        (["\ta = 1 ;"], ["1"]),
        (["a=1; a=2"], ["1", "2"]),
        (["a=1", "a=1"], ["1", "1"]),
        (["b=0", "c=1; a=2"], ["2"]),
        (["a=x=y=="], ["x=y=="]),
        (["a="], [""]),
        (["a"], []),
        (["=a"], []),
        (["A=1; aa=2; a2=3; $a=4"], []),
        (['a="1"'], ["1"]),
        (['a="1'], ['"1']),
        (['a="'], ['"']),
        (['a=""1""'], ['"1"']),
        (['b="x; a=2"'], ['2"']),
        (['a="x\\"; a=2'], ["x\\", "2"]),
        (["a=1, a=2"], ["1, a=2"]),
        (["b=1\xa0; \xa0a=2"], []),
        (["a=%31"], ["%31"]),
    ],
)
def test_cookies_are_read_as_browsers_write_them(headers: list[str], values: list[str]) -> None:
    """Every cookie of a name is found, in its order; a semicolon ends one even in quotes, and nothing is decoded."""
    assert cookies("a", *headers) == values


@pytest.mark.parametrize("header", [";" * 65_536, "=" * 65_536, '"' * 65_536, "a=" + "x" * 65_536, "b=1; " * 13_107])
def test_long_headers_are_read(header: str) -> None:
    """A header of 64 KB is read like any other."""
    assert cookies("signals", header, "signals=1") == ["1"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text('xyz=",.%\\', max_size=5)), max_size=8), st.integers(1, 3))
def test_any_cookies_are_found(pairs: list[tuple[str, str]], size: int) -> None:
    """Whatever values cookies have, and in however many headers they come, each is found under its own name only."""
    texts = [f"{name}={value}" for name, value in pairs]
    headers = ["; ".join(texts[start : start + size]) for start in range(0, len(texts), size)]
    for name in "abcd":
        found = cookies(name, *headers)
        expected = [value for key, value in pairs if key == name]
        assert [value.strip('"') for value in found] == [value.strip('"') for value in expected]


def test_11_attributes_of_the_cookie() -> None:
    """11: The cookie is out of reach of scripts, goes over TLS only, not with other sites' requests, to one path."""
    assert session_cookie(SESSION, "value", path=PATH, lasts=60) == (
        f"signals-session-0123456789abcdef=value; Path={PATH}; Max-Age=60; {ATTRIBUTES}"
    )


def test_each_session_has_a_cookie_of_its_own() -> None:
    """Sessions have cookies of different names, so that no stream of a browser loses its own to another."""
    assert session_name(SESSION) != session_name("f" + SESSION[1:])


@pytest.mark.parametrize("count", [0, 1, MOST_SESSIONS - 1])
def test_few_sessions_stay(count: int) -> None:
    """As long as there are few session cookies, none is dropped."""
    request = make_mocked_request("GET", PATH, {"Cookie": "; ".join(f"{each}=x" for each in other_sessions(count))})
    assert dropped_sessions(request, SESSION, path=PATH) == []


def test_the_oldest_sessions_are_dropped() -> None:
    """With many, the first, which are the oldest, are deleted where they were set, and as many stay as may."""
    names = other_sessions(12)
    request = make_mocked_request("GET", PATH, {"Cookie": "; ".join(f"{each}=x" for each in names)})
    dropped = dropped_sessions(request, SESSION, path=PATH)
    assert dropped == [f"{name}=; Path={PATH}; Max-Age=0; {ATTRIBUTES}" for name in names[:5]]


def test_the_own_session_is_not_dropped() -> None:
    """The cookie that is in use stays, even if it is the oldest, and so do cookies that are not sessions."""
    names = [session_name(SESSION), *other_sessions(8)]
    foreign = ["signals-session-", "signals-session-xyz", f"x{names[1]}", f"{names[1]}0", "theme"]
    header = "; ".join(f"{each}=x" for each in [*foreign, *names, *names])
    request = make_mocked_request("GET", PATH, {"Cookie": header})
    dropped = dropped_sessions(request, SESSION, path=PATH)
    assert [each.partition("=")[0] for each in dropped] == [names[1]]


def test_one_response_drops_a_few_at_most() -> None:
    """However many there are, one response stays small: the next one goes on."""
    request = make_mocked_request("GET", PATH, {"Cookie": "; ".join(f"{each}=x" for each in other_sessions(200))})
    assert len(dropped_sessions(request, SESSION, path=PATH)) == 16


SAME = ("Sec-Fetch-Site", "same-origin")
SAME_SITE = ("Sec-Fetch-Site", "same-site")
CROSS = ("Sec-Fetch-Site", "cross-site")
NONE = ("Sec-Fetch-Site", "none")
FROM_PAGE, FROM_OWN = ("Origin", PAGE), ("Origin", OWN)
FROM_EVIL, FROM_NULL, FROM_HTTP = (
    ("Origin", "https://evil.com"),
    ("Origin", "null"),
    ("Origin", "http://hub.example.com"),
)
MISSING, FOREIGN = "origin-missing", "origin-not-allowed"


@pytest.mark.parametrize(
    ("headers", "with_cookie", "with_ticket"),
    [
        ([], MISSING, None),
        ([SAME], None, None),
        ([NONE], FOREIGN, None),
        ([SAME_SITE], FOREIGN, FOREIGN),
        ([CROSS], FOREIGN, FOREIGN),
        ([("Sec-Fetch-Site", "")], FOREIGN, FOREIGN),
        ([("Sec-Fetch-Site", "Same-Origin")], FOREIGN, FOREIGN),
        ([SAME, CROSS], FOREIGN, FOREIGN),
        ([FROM_OWN], None, None),
        ([FROM_OWN, SAME], None, None),
        ([FROM_OWN, CROSS], FOREIGN, FOREIGN),
        ([FROM_HTTP, CROSS], FOREIGN, FOREIGN),
        ([FROM_PAGE], None, None),
        ([FROM_PAGE, SAME_SITE], None, None),
        ([FROM_PAGE, CROSS], None, None),
        ([FROM_EVIL], FOREIGN, FOREIGN),
        ([FROM_EVIL, SAME], FOREIGN, FOREIGN),
        ([FROM_NULL, SAME], FOREIGN, FOREIGN),
        ([("Origin", ""), SAME], FOREIGN, FOREIGN),
        ([FROM_PAGE, FROM_EVIL, SAME], FOREIGN, FOREIGN),
        ([("Origin", PAGE + ".evil.com"), CROSS], FOREIGN, FOREIGN),
    ],
)
def test_11_pages_that_may_use_tickets_and_cookies(
    headers: list[tuple[str, str]], with_cookie: str | None, with_ticket: str | None
) -> None:
    """11: A cookie counts only from a page of ours or an allowed one; a ticket from no page that is neither."""
    request = make_mocked_request("GET", PATH, CIMultiDict([("Host", "hub.example.com"), *headers]))
    for check, kind in ((check_cookie_origin, with_cookie), (check_ticket_origin, with_ticket)):
        if kind is None:
            check(request, ALLOWED)
            continue
        with pytest.raises(Problem) as raised:
            check(request, ALLOWED)
        assert (raised.value.status, raised.value.kind) == (403, kind)
        assert raised.value.hint

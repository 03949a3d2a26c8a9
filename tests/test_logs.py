from __future__ import annotations

import io
import json
import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from sse_signals import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What clients may send to end a line, start another, colour a terminal or move its cursor.
FORGERIES = [
    "x\n2026-01-31T12:00:00Z [info     ] all is well",
    'x"}\n{"event":"all is well"}',
    "x\r\n[error] y",
    "x\ry",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b2J",
    "a\x0bb\x0cc\x85d\u2028e\u2029f",
    "\u202egnp.exe",
    "lone \ud800 surrogate",
    "\0",
    "back\\slash",
]
ANSI = re.compile(r"\x1b\[[0-9;]*m")
Lines = list[str]


@pytest.fixture(params=[True, False], ids=["terminal", "json"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Lines]]:
    """Configure logs for a terminal or for programs, and return what gives the lines written since the last call."""
    stderr = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(sys, "stderr", stderr)
    root.handlers = []
    logs.configure(terminal=request.param)

    def lines() -> Lines:
        text = stderr.getvalue()
        stderr.seek(0)
        stderr.truncate()
        assert text.endswith("\n")
        found = text[:-1].split("\n")
        if not request.param:
            assert all(json.loads(line)["event"] for line in found)
        return found

    yield lines
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def log(**values: Any) -> None:
    """Log as the hub does."""
    structlog.get_logger("sse_signals").info("stream opened", **values)


def own_text(line: str) -> str:
    """Return a line without the colours of the renderer's own."""
    return ANSI.sub("", line)


@pytest.mark.parametrize("text", FORGERIES, ids=ascii)
def test_nothing_that_is_logged_forges_a_line(written: Callable[[], Lines], text: str) -> None:
    """In a value, in a list, as the event, or through another library: one call writes one line, of visible text."""
    calls: list[Callable[[], object]] = [
        lambda: log(path=text),
        lambda: log(topics=[text, "a", 5], stream="x"),
        lambda: structlog.get_logger("sse_signals").info(text),
        lambda: logging.getLogger("aiohttp.server").warning("broken: %s", text),
        lambda: log(error=repr(ValueError(text))),
        lambda: log(error=ValueError(text)),
        lambda: log(values={"a": text}),
    ]
    for call in calls:
        call()
        (line,) = written()
        assert own_text(line).isprintable()


@pytest.mark.parametrize("text", FORGERIES, ids=ascii)
def test_no_exception_forges_a_line(written: Callable[[], Lines], text: str) -> None:
    """What an exception says stays inside its own, indented traceback or its JSON value."""
    try:
        raise ValueError(text)  # noqa: TRY301 - it needs a traceback
    except ValueError as error:
        structlog.get_logger("sse_signals").error("request failed", exc_info=error)
        logging.getLogger("aiohttp.server").exception("request failed")
    first, *rest = written()
    assert "request failed" in first
    for line in rest:
        assert own_text(line).isprintable()
        assert line.startswith("    ") or "request failed" in line
    assert "ValueError" in "".join([first, *rest])


@given(text=st.text())
def test_what_is_escaped_is_visible_and_what_is_visible_is_left_alone(text: str) -> None:
    """Any text becomes printable, and printable text stays as it is."""
    escaped = logs.escape(text)
    assert escaped.isprintable()
    assert escaped == text or not text.isprintable()


def test_a_line_has_all_that_was_said(written: Callable[[], Lines]) -> None:
    """When, how bad, what, and every value."""
    log(stream="ab12", events=3, seconds=1.5, topics=["a", "b*"], limits=frozenset({"x"}))
    (line,) = written()
    text = own_text(line)
    for part in ("stream opened", "info", "ab12", "events", "1.5", "b*", "frozenset"):
        assert part in text
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text)
    if line.startswith("{"):
        entry = json.loads(line)
        assert entry["events"] == 3
        assert entry["level"] == "info"
        assert entry["topics"] == ["a", "b*"]


def test_debug_is_not_written(written: Callable[[], Lines]) -> None:
    """Neither the hub's nor a library's."""
    structlog.get_logger("sse_signals").debug("one")
    logging.getLogger("asyncio").debug("two")
    log()
    assert len(written()) == 1


@pytest.mark.usefixtures("written")
def test_nobody_fails_because_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stderr that is gone is no reason for a stream to fail."""
    tried = []

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            tried.append(text)
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    logs.configure(terminal=False)
    log(stream="x")
    assert tried


@pytest.mark.parametrize("written", [False], ids=["json"], indirect=True)
def test_what_cannot_be_written_is_told(written: Callable[[], Lines]) -> None:
    """A value that cannot be shown costs its record, and a line says so; who logs does not fail."""

    class Shy:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    log(value=Shy())
    assert json.loads(written()[0])["error"] == "ZeroDivisionError"


def test_own_lines_are_like_the_libraries(written: Callable[[], Lines]) -> None:
    """Those of the hub take a shorter way: they have the same members in the same order, exceptions included."""
    error = ValueError("x")
    structlog.get_logger("sse_signals").error("failed", exc_info=error)
    logging.getLogger("aiohttp.server").error("failed", exc_info=error)
    ours, theirs = (re.sub(r"T[0-9:.]+Z", "", own_text(line)).split() for line in written() if "failed" in line)
    assert ours == theirs


def test_a_structlog_logger_is_used_as_it_is() -> None:
    """It already takes values."""
    logger = structlog.get_logger("mine")
    assert logs.adapt(logger) is logger


def test_without_a_logger_the_program_s_own_way_is_followed(caplog: pytest.LogCaptureFixture) -> None:
    """Structlog where the program has configured it, and else the standard logger of the package's name."""
    structlog.reset_defaults()
    logs.adapt(None).warning("one", stream="x")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [("sse_signals", "one stream='x'")]
    entries: list[Any] = []

    def keep(_logger: Any, _method: str, entry: Any) -> Any:
        entries.append(entry)
        raise structlog.DropEvent

    structlog.configure(processors=[keep])
    try:
        logs.adapt(None).warning("two", stream="x")
    finally:
        structlog.reset_defaults()
    assert entries == [{"event": "two", "stream": "x"}]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("text", FORGERIES, ids=ascii)
def test_a_standard_logger_gets_one_line(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Whatever format the program has chosen, no value can end its line."""
    logs.adapt(logging.getLogger("tests.logs")).warning("stream opened", path=text, topics=[text])
    (record,) = caplog.records
    assert record.getMessage().isprintable()
    assert getattr(record, "path") == text  # noqa: B009 - the record has it from `extra`


def test_a_standard_logger_gets_the_exception(caplog: pytest.LogCaptureFixture) -> None:
    """The traceback is its formatter's concern."""
    error = ValueError("x")
    logs.adapt(logging.getLogger("tests.logs")).bind(a=1).error("request failed", exc_info=error)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert record.getMessage() == "request failed a=1"

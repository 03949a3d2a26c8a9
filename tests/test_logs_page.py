"""The page on logs and traces: every event of the code is on it, with its level and fields, and its examples run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.model import EventId, Receipt, Signal
from sse_signals.web.problems import Problem
from sse_signals.web.publish_log import Course, PublishLog
from tests.log_events import ANY, LEVELS, of_the_hub
from tests.pages import claimed
from tests.test_logs_events import Ears, asked

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent.parent / "deploy" / "OPERATING.md"
QUERIES = claimed("deploy/OPERATING.md", "Logs")
TRACES = claimed("deploy/OPERATING.md", "Traces")
_ELSEWHERE = "see below"  # in the place of fields that have a table of their own


def section(title: str) -> str:
    """Return what is below a heading of the second level."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rows(text: str, columns: int) -> Iterator[list[str]]:
    """Yield the rows of the tables with so many columns."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == columns and cells[0] not in {"event", "field"}:
            yield cells


def table() -> dict[str, list[str]]:
    """Return the events of the page: level, fields and meaning."""
    found = {cells[0]: cells[1:] for cells in rows(section("Logs"), 4)}
    assert len(found) > 50
    return found


def fields(after: str) -> set[str]:
    """Return the fields of the table that follows a text."""
    text = section("Logs").partition(after)[2].partition("\n\n|")[2].partition("\n\n")[0]
    return {name for cells in rows(f"|{text}", 2) for name in cells[0].split(", ")}


def test_the_events_of_the_code_are_those_of_the_page() -> None:
    """None is missing and none is left over; each has its level, and something that one can do or know."""
    told = table()
    assert {each.event for each in of_the_hub()} == set(told)
    for each in of_the_hub():
        level, _, meaning = told[each.event]
        assert (each.level, level in LEVELS, len(meaning) > 8) == (level, True, True), each


def test_the_fields_of_the_code_are_those_of_the_page() -> None:
    """Whichever call of an event it is: all that it may say is named."""
    said: dict[str, set[str]] = {}
    for each in of_the_hub():
        said.setdefault(each.event, set()).update(each.fields)
    for event, (_, named, _) in table().items():
        if named == _ELSEWHERE:
            continue
        wanted = set(re.findall(r"`(\w+)`", named)) | ({ANY} if named.endswith(ANY) else set())
        assert said[event] == wanted, event


def test_the_fields_of_wide_events_are_those_of_their_tables() -> None:
    """They are compared with what the code really writes."""
    ears = Ears()
    log = PublishLog(ears.logger, ears, share=1.0, node="n")
    course = Course(sampled=True)
    course.signals, course.receipt = [Signal(b"1", "a")], Receipt([EventId("e" * 8, 1024)])
    log.tell(course, asked(), "192.0.2.1", None)
    log.tell(course, asked(), "192.0.2.1", Problem(503, "x", "y", hint="z"))
    published, failed = (set(line) - {"event", "level"} for line in ears.lines)
    assert published | failed == fields("Fields of `published`")
    assert failed - published == {"kind", "error"}
    assert published - failed == {"share"}
    closed = {field for each in of_the_hub() if each.event == "stream closed" for field in each.fields}
    assert closed == fields("Fields of `stream closed`")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_questions_are_answered(tmp_path: Path) -> None:
    """Each finds the lines that it is about."""
    lines: list[dict[str, Any]] = [
        {"event": "stream closed", "times_behind": 11, "subject": "ann", "user_agent": "curl"},
        {"event": "stream closed", "times_behind": 1, "subject": "joe", "user_agent": "curl"},
        {"event": "published", "request_id": "0b40f35d3b4b109ee33b"},
        {"event": "publish failed", "timestamp": "2026-01-31T12:00:00Z", "outcome": "unknown"},
    ]
    (tmp_path / "hub.log").write_text("\n".join(map(json.dumps, lines)))
    (block,) = QUERIES
    done = subprocess.run(["sh", "-c", block.code], cwd=tmp_path, capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    assert answers == [
        "ann curl 11",
        '{"event":"published","request_id":"0b40f35d3b4b109ee33b"}',
        "      1 2026-01-31T12:00 unknown",
    ]


def test_a_consumer_goes_on_with_a_trace() -> None:
    """The example prints what the page says."""
    example, printed = (next(b for b in TRACES if b.language == name) for name in ("python", "text"))
    done = subprocess.run([sys.executable, "-c", example.code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == printed.code.rstrip("\n") + "\n"


def test_the_variables_start_a_hub() -> None:
    """As they stand there, the hub starts and traces; here `check` says so without serving."""
    block = next(b for b in TRACES if b.language == "sh")
    code = block.code.replace("sse-signals serve", f"{sys.executable} -m sse_signals check")
    done = subprocess.run(
        ["sh", "-c", code], capture_output=True, text=True, check=False, timeout=60, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tracing" in done.stdout.lower()

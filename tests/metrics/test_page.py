"""The page of all metrics, and the rows that it is made of."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from sse_signals.metrics.catalogue import SERIES
from sse_signals.setting_table import Settings
from sse_signals.settings import PREFIX
from tests.metrics.table import BEGIN, END, PAGE, with_tables

if TYPE_CHECKING:
    from sse_signals.metrics.series import Series

CONTRACT = """
build_info ready draining streams streams_limit streams_behind streams_waiting streams_opened_total
streams_closed_total streams_refused_total fell_behind_total catch_up_pieces_total catch_ups_total gaps_total
holes_total signals_total publishes_total published_signals_total publish_seconds delivered_total written_bytes_total
writes_total flushes_total flush_seconds write_events lag_seconds history_events history_bytes history_events_limit
history_bytes_limit history_age_limit_seconds history_oldest_timestamp_seconds broker_up broker_lag_records
broker_failures_total broker_reconnects_total authentications_total limited_total revocations_total
"""

SETTINGS = {PREFIX + field.name.upper() for field in fields(Settings)}


def test_the_page_says_what_the_code_does() -> None:
    """Its tables are those that ``python -m tests.metrics.table`` writes."""
    page = PAGE.read_text()
    assert page.count(BEGIN) == page.count(END) == 1
    assert page == with_tables(page), "run: python -m tests.metrics.table"


def test_names_stay() -> None:
    """Dashboards and rules are written for them."""
    assert set(CONTRACT.split()) <= {series.name for series in SERIES}
    assert len({series.name for series in SERIES}) == len(SERIES)


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_rows_are_whole_sentences(series: Series) -> None:
    """What a series means and what to do about it is said to people; its name says what it is."""
    for text in (series.help, series.odd):
        assert re.fullmatch(r"[^\s\x00-\x1f].{10,}[.]", text), text
        assert "  " not in text
        assert set(re.findall(r"SIGNALS_[A-Z_]+", text)) <= SETTINGS
    assert series.name.endswith("_total") == (series.kind == "counter")
    assert series.name.endswith("_info") == (series.kind == "info")
    assert (series.label is not None) <= bool(series.values)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", series.name)

"""Clocks, out of answers."""

from __future__ import annotations

import pytest

from sse_signals.doctor.clocks import read
from sse_signals.doctor.exchange import Head
from sse_signals.doctor.facts import Answer, Clocks

DATE = "Thu, 01 Jan 1970 00:16:40 GMT"


@pytest.mark.parametrize(
    ("time", "date", "clocks"),
    [
        ("1970-01-01T00:16:40.500Z", DATE, Clocks(1000.0, 1.0, 1000.5, 1000.5)),
        ("1970-01-01T00:16:40", DATE, Clocks(1000.0, 1.0, None, 1000.5)),
        ("soon", "soon", Clocks(1000.0, 1.0)),
        (None, "", Clocks(1000.0, 1.0)),
    ],
)
def test_read(time: str | None, date: str, clocks: Clocks) -> None:
    """What says no time with its zone says nothing, and the clock here is that in the middle."""
    body = b'{"time": %b}\n{}' % (b"null" if time is None else f'"{time}"'.encode())
    assert read(Answer(head=Head(200, (("date", date),)), body=body), 999.0, 1001.0) == clocks
    assert read(Answer(body=body), 999.0, 1001.0).proxy is None

"""What clients and operators are told of a log that takes nothing."""

from __future__ import annotations

from typing import Any

import structlog

from sse_signals.errors import BrokerUnavailable
from sse_signals.web.problems import of
from sse_signals.web.refusals import EVERY_MS, Refusals
from tests.brokers.conftest import Clock


def test_refusals_are_told_every_ten_seconds_with_their_number() -> None:
    """The first at once, so that nobody wonders why nothing works; a clock that goes back does not silence them."""
    lines: list[Any] = []

    def keep(_logger: Any, _method: str, line: Any) -> Any:
        lines.append(line)
        raise structlog.DropEvent

    clock = Clock()
    refusals = Refusals(structlog.wrap_logger(None, processors=[keep]), clock)
    for _ in range(3):
        refusals.tell(BrokerUnavailable("it is full"), "r1")
    clock.now_ms += EVERY_MS
    refusals.tell(BrokerUnavailable("it is away"), "r1")
    clock.now_ms -= 100 * EVERY_MS
    refusals.tell(BrokerUnavailable("it is late"), "r1")
    assert {line["request_id"] for line in lines} == {"r1"}
    assert [(line["error"], line["requests"]) for line in lines] == [
        ("it is full", 1),
        ("it is away", 3),
        ("it is late", 1),
    ]


def test_where_the_log_is_concerns_no_client() -> None:
    """The answer does not hold what the broker says of itself."""
    response = of(BrokerUnavailable("Redis at redis://10.0.0.7 cannot be reached")).response({})
    assert response.status == 503
    assert isinstance(response.body, bytes)
    assert b"10.0.0.7" not in response.body

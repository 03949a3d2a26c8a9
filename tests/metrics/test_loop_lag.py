"""Loop lag: what one timer sees of a loop that is late."""

from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from sse_signals.metrics.loop_lag import EVERY, LONG, LoopLag
from tests.fakes import Scheduler


def collected(lag: LoopLag) -> dict[str, float]:
    """Collect, and return the value of each sample that has no bucket."""
    return {sample.name: sample.value for family in lag.collect() for sample in family.samples if not sample.labels}


def test_what_is_late_is_seen() -> None:
    """A loop that comes in time has no lag, one that hangs for seconds has that much, and then none again."""
    loop = Scheduler()
    lag = LoopLag(loop, structlog.get_logger())
    lag.start()
    loop.advance(4 * EVERY)
    assert (lag.seconds.count, lag.seconds.total, lag.longest) == (4, 0.0, 0.0)
    loop.now += EVERY + 3.0
    loop.step()
    assert (lag.seconds.count, lag.seconds.total, lag.longest) == (5, 3.0, 3.0)
    loop.advance(4 * EVERY)
    assert (lag.seconds.count, lag.seconds.total) == (9, 3.0)
    assert set(loop.delays) == {EVERY}


def test_the_longest_lag_is_that_since_the_scrape_before() -> None:
    """Each scrape begins anew with it; the histogram goes on."""
    loop = Scheduler()
    lag = LoopLag(loop, structlog.get_logger())
    lag.start()
    for late in (0.5, 0.125):
        loop.now += EVERY + late
        loop.step()
    assert collected(lag)["sse_signals_loop_lag_max_seconds"] == 0.5
    loop.now += EVERY + 0.25
    loop.step()
    told = collected(lag)
    assert told["sse_signals_loop_lag_max_seconds"] == 0.25
    assert told["sse_signals_loop_lag_seconds_count"] == 3
    assert told["sse_signals_loop_lag_seconds_sum"] == 0.875
    assert collected(lag)["sse_signals_loop_lag_max_seconds"] == 0.0


def test_a_loop_that_comes_early_is_not_late() -> None:
    """By the precision of its clock a loop may call a moment too soon; that is no negative lag."""
    loop = Scheduler()
    lag = LoopLag(loop, structlog.get_logger())
    lag.start()
    loop.advance(EVERY)
    loop.now -= 0.001
    loop.advance(EVERY + 0.001)
    assert (lag.seconds.total, lag.longest) == (0.0, 0.0)


def test_it_stops() -> None:
    """After its end no timer is set any more, and the one that was is not counted."""
    loop = Scheduler()
    lag = LoopLag(loop, structlog.get_logger())
    lag.start()
    lag.stop()
    loop.run()
    assert (loop.idle, lag.seconds.count) == (True, 0)


def test_a_loop_that_hung_is_told_of() -> None:
    """The log says for how long it hung, and is silent about a lag that nobody notices."""
    loop = Scheduler()
    with capture_logs() as lines:
        lag = LoopLag(loop, structlog.get_logger())
        lag.start()
        for late in (LONG - 0.125, LONG, 2.5):
            loop.now += EVERY + late
            loop.step()
    assert [(line["event"], line["log_level"], line["seconds"]) for line in lines] == [
        ("the event loop hung", "warning", LONG),
        ("the event loop hung", "warning", 2.5),
    ]

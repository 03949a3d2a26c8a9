"""What a server does to the process it runs in."""

from __future__ import annotations

import asyncio
import gc
import signal
from unittest import mock

from sse_signals.process import YOUNG, Wishes, heed, rare_collections


def test_the_collector_is_left_as_it_was_found() -> None:
    """It looks less often, and not at what was there before, until the server ends."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with rare_collections():
        assert gc.get_threshold() == (YOUNG, *before[1:])
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


async def test_signals_within_a_second_are_one_wish_each_time() -> None:
    """A supervisor may send each twice: the second pair is one wish to hurry, not one to hurry and one to kill."""
    loop = asyncio.get_running_loop()
    heard: list[str] = []
    now = 1000.0
    with mock.patch.object(loop, "add_signal_handler") as added, mock.patch.object(loop, "time") as time:
        heed(heard.append, lambda: heard.append("again"), numbers=(signal.SIGTERM,))
        _, told, number = added.call_args.args
        for seconds in (0.0, 0.9, 0.2, 0.9, 0.2):
            now += seconds
            time.return_value = now
            told(number)
    assert heard == ["SIGTERM", "again", "again"]


async def test_the_first_reason_to_end_stands() -> None:
    """A wish that is made again, by an order and by a signal, is granted once."""
    wishes, granted = Wishes(), list[str]()
    wishes.end("order")
    wishes.end("SIGTERM")
    wishes.hurry()
    wishes.hurry()
    wishes.grant(granted.append, lambda: granted.append("hurry"))
    await asyncio.sleep(0)
    assert granted == ["order", "hurry"]

"""What a server does to the process it runs in."""

from __future__ import annotations

import gc

from sse_signals.process import YOUNG, rare_collections


def test_the_collector_is_left_as_it_was_found() -> None:
    """It looks less often, and not at what was there before, until the server ends."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with rare_collections():
        assert gc.get_threshold() == (YOUNG, *before[1:])
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0

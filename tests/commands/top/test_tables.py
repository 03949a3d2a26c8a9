"""Tables of what a hub tells, which may be more than anybody looks at."""

from __future__ import annotations

import click

from sse_signals.commands.top import tables


def test_reasons_for_which_there_is_no_room_cost_nothing() -> None:
    """Many nodes may tell of many; the most frequent are shown, and only where all are printed are all."""

    class Counted(dict[str, int]):
        looked_up = 0

        def __getitem__(self, name: str) -> int:
            self.looked_up += 1
            return super().__getitem__(name)

    counts = Counted({f"r{number}": number for number in range(5_000)})
    assert click.unstyle(tables.reasons("Closed", counts, {}, 40)).startswith("Closed  r4999 4,999 · r4998 4,998 ")
    assert counts.looked_up <= 5_000 + 40
    assert tables.reasons("Closed", counts, {}, None).count(" · ") == 4_999

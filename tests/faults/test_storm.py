"""F7 in its short form: a thousand clients are cut off at once, miss a hundred events, and come back at once."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.faults.drops import drops
from tests.faults.storm import BEHIND, storm

if TYPE_CHECKING:
    from pathlib import Path

CLIENTS = 1000
BACK = 30.0  # seconds in which all have what they missed, beside the whole suite; by hand 5,000 are back in 15


@pytest.mark.parametrize("broker", ["memory", "redis", "nats"])
async def test_all_come_back_at_once(broker: str, tmp_path: Path) -> None:
    """Each gets exactly what it missed, nobody is dropped at the door, and the log is read for all of them together."""
    it = await storm(broker, CLIENTS, tmp_path)
    assert it.tally.exact, it.tally
    assert it.tally.streams == CLIENTS
    assert it.tally.received == CLIENTS * BEHIND
    assert it.back <= BACK
    assert it.dropped == 0
    assert it.reads <= it.idle + CLIENTS / 20


def test_drops_are_counted() -> None:
    """A listener before which too many wait drops some, and those are counted for it alone."""
    with ExitStack() as stack:
        full, calm = (stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1)) for _ in range(2))
        for _ in range(10):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        assert drops(full.getsockname()[1]) > 0
        assert drops(calm.getsockname()[1]) == 0
    with pytest.raises(LookupError, match="nobody listens"):
        drops(0)

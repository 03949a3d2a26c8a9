"""What has come and was not taken yet: in which form it is given, and where it leaves the place to resume."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import EventBroker, InvalidInput, SignalsClient, SignalsGap, SyncSignalsClient
from sse_signals.client.inbox import Inbox
from sse_signals.client.received import Moved, RemoteEvent

if TYPE_CHECKING:
    from collections.abc import Callable


def event(event_id: str) -> RemoteEvent:
    """Return an event."""
    return RemoteEvent(event_id, "message", None, "2026-01-31T12:00:00Z", 1)


def test_the_place_moves_with_what_is_taken() -> None:
    """And past what is nobody's; never back to nowhere, also where a gap has no place."""
    inbox = Inbox("old", on_gap=None, gaps="yield")
    inbox.put([Moved("a"), event("b"), Moved("c"), SignalsGap("epoch", None, ""), Moved("d")])
    assert inbox.last_event_id == "a"
    assert inbox.take() is not None
    assert inbox.last_event_id == "c"
    assert isinstance(inbox.take(), SignalsGap)
    assert len(inbox) == 1
    assert inbox.last_event_id == "d"
    assert inbox.take() is None
    inbox.put([SignalsGap("epoch", None, ""), event("e")])
    inbox.take()
    assert inbox.last_event_id == "d"
    inbox.clear()
    assert (inbox.take(), inbox.last_event_id) == (None, "d")


async def late(_: SignalsGap) -> None:
    """Would be called, and never awaited."""


class Late:
    """The same, as an object."""

    async def __call__(self, gap: SignalsGap) -> None:
        """Do nothing."""


@pytest.mark.parametrize("on_gap", [late, Late(), partial(late)])
@pytest.mark.parametrize("where", ["in process", "broker", "remote", "synchronous"])
def test_an_asynchronous_function_is_not_told_of_gaps(on_gap: Any, where: str) -> None:
    """Nobody would await it, and the gap would be lost: it is refused before anything is opened."""
    broker = EventBroker.from_url("memory://")
    clients: dict[str, Callable[[], Any]] = {
        "in process": partial(SignalsClient.for_plugin, "a", event_broker=broker),
        "broker": lambda: broker,
        "remote": partial(SignalsClient.for_plugin, "a", url="http://hub"),
        "synchronous": partial(SyncSignalsClient.for_plugin, "a", url="http://hub"),
    }
    client = clients[where]()
    with pytest.raises(InvalidInput, match="asynchronous") as caught:
        client.subscribe(*([None] if where == "broker" else []), on_gap=on_gap)
    assert caught.value.field == "on_gap"


def test_what_only_its_call_shows_is_refused_then() -> None:
    """A lambda around it, for example; and nothing is left behind that was never awaited."""
    on_gap: Callable[[SignalsGap], object] = lambda gap: late(gap)  # noqa: E731, PLW0108
    inbox = Inbox(None, on_gap=on_gap, gaps="raise")
    inbox.put([SignalsGap("epoch", None, "a")])
    with pytest.raises(InvalidInput, match="asynchronous"):
        inbox.take()

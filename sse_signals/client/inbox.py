"""What has come of a remote subscription and nobody has taken yet, and where to resume after what was taken."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sse_signals.client.received import Moved, RemoteEvent
from sse_signals.errors import SignalsGap
from sse_signals.subscriptions import tell_gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.client.reading import Item
    from sse_signals.subscriptions import Gaps


class Inbox:
    """The items of one subscription, in order."""

    def __init__(self, last_event_id: str | None, *, on_gap: Callable[[SignalsGap], object] | None, gaps: Gaps) -> None:
        """Begin with nothing.

        Args:
            last_event_id: Where to resume as long as nothing was taken.
            on_gap: As `sse_signals.SignalsClient.subscribe` takes it.
            gaps: The same.
        """
        self._items: deque[Item] = deque()
        self._last_event_id = last_event_id
        self._on_gap = on_gap
        self._gaps = gaps

    def __len__(self) -> int:
        return len(self._items)

    @property
    def last_event_id(self) -> str | None:
        """Where to resume after what was taken; None while there is no such place."""
        while self._items and isinstance(self._items[0], Moved):
            self._pop()
        return self._last_event_id

    def put(self, items: Iterable[Item]) -> None:
        """Add what has come."""
        self._items.extend(items)

    def clear(self) -> None:
        """Forget what nobody has taken."""
        self._items.clear()

    def take(self) -> RemoteEvent | SignalsGap | None:
        """Return what the iteration is to give next; None when it has to wait.

        Raises:
            SignalsGap: Events are missing, and its owner wants to hear of it in this way.
        """
        while self._items:
            item = self._pop()
            if isinstance(item, RemoteEvent):
                return item
            if isinstance(item, SignalsGap) and tell_gap(item, self._on_gap, self._gaps):
                return item
        return None

    def _pop(self) -> Item:
        item = self._items.popleft()
        place = item.resumes_after if isinstance(item, SignalsGap) else item.id
        self._last_event_id = place or self._last_event_id
        return item

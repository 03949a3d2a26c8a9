"""What a test waits for, and what to say when it does not come. Pure."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sse_signals.testing.ledger import Published

ANY: Final[Any] = object()  # stands for "whatever the message is"; None is a message
_SHOWN: Final = 8  # events in a failure's text
_WIDTH: Final = 160  # characters of a message there


def matcher(topic: str | None) -> Callable[[Published], bool]:
    """Return what says whether an event was published to a topic.

    Args:
        topic: An address, or a prefix that ends in ``*``. None is a broadcast, which no other topic is: what was meant
            for one topic and went to everybody must not pass.

    Raises:
        InvalidInput: The topic breaks its rules.
    """
    if topic is None:
        return lambda event: event.address is None
    filters = topics.of((topic,))
    return lambda event: event.address is not None and filters.match(event.address)


class Expectation:
    """A signal that a test waits for."""

    def __init__(self, topic: str | None, message: Any, where: Callable[[Published], object] | None) -> None:
        """Make it; see `sse_signals.testing.SignalsHub.expect`.

        Raises:
            InvalidInput: The topic breaks its rules.
        """
        self._topic = topic
        self._at_topic = matcher(topic)
        self._message = message
        self._where = where

    def matches(self, event: Published) -> bool:
        """Say whether an event is what is waited for."""
        if not self._at_topic(event):
            return False
        if self._message is not ANY and event.message != self._message:
            return False
        return self._where is None or bool(self._where(event))

    def missed(self, within: float, published: Sequence[Published], is_open: Callable[[Published], bool]) -> str:
        """Return the text of the failure that it did not come.

        Args:
            within: How many seconds it was waited for.
            published: All that was published instead.
            is_open: Says whether an event can still answer an `expect`.
        """
        text = f"nothing like it was published within {within:g} s: {self._words()}"
        if not published:
            return f"{text}\nNothing at all was published."
        newest = published[::-1]  # first, of those that are as near
        nearest = sorted(newest, key=self._nearness, reverse=True)
        lines = [f"  {_line(event)}{self._why(event, is_open)}" for event in nearest[:_SHOWN]]
        if len(nearest) > _SHOWN:
            lines.append(f"  … and {len(nearest) - _SHOWN} more")
        return "\n".join([text, "What was published instead, nearest first:", *lines])

    def unwanted(self, event: Published) -> str:
        """Return the text of the failure that it came although nothing should."""
        return f"nothing like it should have been published: {self._words()}\nBut this was:\n  {_line(event)}"

    def _words(self) -> str:
        words = [_place(self._topic)]
        if self._message is not ANY:
            words.append(f"with the message {_short(self._message)}")
        if self._where is not None:
            words.append(f"where {getattr(self._where, '__name__', self._where)!s}")
        return " ".join(words)

    def _nearness(self, event: Published) -> float:
        if self._at_topic(event):
            return 2.0
        return SequenceMatcher(None, event.address or "", self._topic or "").ratio()

    def _why(self, event: Published, is_open: Callable[[Published], bool]) -> str:
        if event.by_test:
            return "   (by this test itself, which answers no expect)"
        return "" if is_open(event) else "   (has answered an earlier expect)"


def open_streams(wanted: int, within: float, streams: Iterable[str]) -> str:
    """Return the text of the failure that there never were as many streams as a test waited for."""
    there = list(streams)
    lines = "".join(f"\n  {line}" for line in there) or " none."
    return f"the hub did not have {wanted} open streams within {within:g} s. Open are:{lines}"


def _line(event: Published) -> str:
    name = "" if event.event == "message" else f" event {event.event}"
    targets = "" if event.targets is None else f" to {sorted(event.targets)}"
    return f"{_place(event.address)}{name}{targets}: {_short(event.message)}"


def _place(topic: str | None) -> str:
    return "a broadcast" if topic is None else f"topic {topic!r}"


def _short(message: Any) -> str:
    text = orjson.dumps(message, default=repr).decode()
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"

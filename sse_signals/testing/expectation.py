"""What a test waits for, and what to say when it does not come. Pure."""

from __future__ import annotations

import sys
from difflib import SequenceMatcher
from inspect import iscoroutine, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from sse_signals import messages, topics
from sse_signals.refs import entity_ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sse_signals.testing.ledger import Published

ANY: Final[Any] = object()  # stands for "whatever it is"; None is a message, and None as targets means everyone
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


def receivers(refs: Iterable[str] | None, name: str) -> frozenset[str] | None:
    """Return whom a signal is for, in the form in which refs are compared; None is everyone.

    Args:
        refs: Entity refs.
        name: What they are called in an error.

    Raises:
        TypeError: It is one text.
        InvalidInput: One is no entity ref.
    """
    if isinstance(refs, str):
        raise TypeError(f"{name} is a list of entity refs, not one text")
    return None if refs is None else frozenset(entity_ref(ref, name) for ref in refs)


class Expectation:
    """A signal that a test waits for, or that should not come."""

    def __init__(
        self,
        topic: str | None,
        *,
        message: Any = ANY,
        targets: Iterable[str] | None = ANY,
        where: Callable[[Published], bool] | None = None,
        or_broadcast: bool = False,
    ) -> None:
        """Make it; see `sse_signals.testing.SignalsHub.expect`.

        Args:
            topic: Where it is published.
            message: What its message equals.
            targets: Whom it is for.
            where: Says whether it is the one.
            or_broadcast: Whether a broadcast is meant as well, since it reaches who listens to the topic.

        Raises:
            InvalidInput: The topic, the message or a target breaks its rules, so that nothing could ever be it.
            TypeError: ``where`` is a coroutine function, or ``targets`` one text.
        """
        if iscoroutinefunction(where):
            raise TypeError("where is a coroutine function, and nobody would await it: write it with 'def'")
        self._topic = topic
        self._at_topic = matcher(topic)
        self._or_broadcast = or_broadcast
        self._message = ANY if message is ANY else orjson.loads(messages.encode(message, limit=sys.maxsize))
        self._targets = ANY if targets is ANY else receivers(targets, "targets")
        self._where = where

    def matches(self, event: Published) -> bool:
        """Say whether an event is what is waited for.

        Raises:
            TypeError: ``where`` says neither True nor False.
        """
        __tracebackhide__ = True
        if not (self._at_topic(event) or (self._or_broadcast and event.address is None)):
            return False
        if self._message is not ANY and not same(event.message, self._message):
            return False
        if self._targets is not ANY and event.targets != self._targets:
            return False
        return self._where is None or _said(self._where(event))

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
        lines = [f"  {self._line(event)}{self._why(event, is_open)}" for event in nearest[:_SHOWN]]
        if len(nearest) > _SHOWN:
            lines.append(f"  … and {len(nearest) - _SHOWN} more")
        return "\n".join([text, "What was published instead, nearest first:", *lines])

    def unwanted(self, event: Published) -> str:
        """Return the text of the failure that it came although nothing should."""
        return f"nothing like it should have been published: {self._words()}\nBut this was:\n  {self._line(event)}"

    def _words(self) -> str:
        words = [_place(self._topic)]
        if self._targets is not ANY:
            words.append(_for_whom(cast("frozenset[str] | None", self._targets)))
        if self._message is not ANY:
            words.append(f"with the message {_short(self._message)}")
        if self._where is not None:
            words.append(f"where {getattr(self._where, '__name__', self._where)!s}")
        return " ".join(words)

    def _nearness(self, event: Published) -> float:
        if self._at_topic(event):
            return 2.0
        return SequenceMatcher(None, event.address or "", self._topic or "").ratio()

    def _line(self, event: Published) -> str:
        name = "" if event.event == "message" else f" event {event.event}"
        # Whom it was for is told of all where a test asks for it, and otherwise of those that were not for everyone.
        told = event.targets is not None or self._targets is not ANY
        whom = f" {_for_whom(event.targets)}" if told else ""
        return f"{_place(event.address)}{name}{whom}: {_short(event.message)}"

    def _why(self, event: Published, is_open: Callable[[Published], bool]) -> str:
        if event.by_test:
            return "   (by this test itself, which answers no expect)"
        return "" if is_open(event) else "   (has answered an earlier expect)"


def same(one: Any, other: Any) -> bool:
    """Say whether two values are the same JSON: ``True`` is not ``1``, though Python has them equal; ``1.0`` is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def open_streams(wanted: int, within: float, streams: Iterable[str]) -> str:
    """Return the text of the failure that there never were as many streams as a test waited for."""
    there = list(streams)
    lines = "".join(f"\n  {line}" for line in there) or " none."
    return f"the hub did not have {wanted} open streams within {within:g} s. Open are:{lines}"


def _for_whom(targets: frozenset[str] | None) -> str:
    return "to everyone" if targets is None else f"to {sorted(targets)}"


def _said(answer: object) -> bool:
    __tracebackhide__ = True
    if isinstance(answer, bool):
        return answer
    if iscoroutine(answer):
        answer.close()
    raise TypeError(f"where has to say True or False, and has said {answer!r}")


def _place(topic: str | None) -> str:
    return "a broadcast" if topic is None else f"topic {topic!r}"


def _short(message: Any) -> str:
    text = orjson.dumps(message, default=repr).decode()
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"

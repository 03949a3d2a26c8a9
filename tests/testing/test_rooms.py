"""What no test through the hub's doors reaches for certain: races, and what depends on the version of Python."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from sse_signals import testing
from sse_signals.testing.expectation import Expectation, same
from sse_signals.testing.ledger import Ledger, Published
from sse_signals.testing.lines import Line, Lines

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


def published(number: int, message: Any = None, **fields: Any) -> Published:
    """Return an event."""
    return Published(f"id-{number}", datetime.now(UTC), f"topic-{number:02}", message, **fields)


def test_two_threads_never_take_the_same() -> None:
    """The one that comes second gets the next, or nothing."""
    ledger = Ledger()
    ledger.add(published(1))
    taken: list[Published | None] = []

    def while_another_is_faster(_event: Published) -> bool:
        taken.append(ledger.take(lambda _: True))
        return True

    assert ledger.take(while_another_is_faster) is None
    assert [event.id for event in taken if event is not None] == ["id-1"]


def test_a_long_list_is_cut() -> None:
    """Eight events, and how many more there are; a long message is cut, and everything about an event is told."""

    def is_paid(event: Published) -> bool:
        return bool(event.message == "paid")

    events = [published(number) for number in range(10)]
    events.append(published(11, 500 * "x", targets=frozenset({"b:c/d", "a:b/c"}), event="paid"))
    text = Expectation("topic-11", where=is_paid).missed(1.0, events, lambda _: True)
    first, _, nearest, *others = text.splitlines()
    assert first == "nothing like it was published within 1 s: topic 'topic-11' where is_paid"
    assert nearest.startswith("  topic 'topic-11' event paid to ['a:b/c', 'b:c/d']: \"xxx")
    assert nearest.endswith("xxx…")
    assert len(nearest) < 240
    assert len(others) == 8
    assert others[-1] == "  … and 3 more"


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        (True, 1, False),
        (False, 0, False),
        (1.0, True, False),
        (True, True, True),
        (1, 1.0, True),
        ("1", 1, False),
        (None, False, False),
        ({"a": [{"b": True}]}, {"a": [{"b": 1}]}, False),
        ({"a": [{"b": True}]}, {"a": [{"b": True}]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 2], False),
        ([1, 2], [2, 1], False),
        ({}, [], False),
    ],
)
def test_what_is_the_same_json(one: Any, other: Any, are: bool) -> None:
    """As any other reader of it would say, however deep it is."""
    assert same(one, other) is same(other, one) is are


class Ends:
    """Both ends of a line: what was told to the protocol, and what was written to the transport."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.written: list[bytes] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.told.append(name)

    def write(self, data: bytes) -> None:
        """Take it."""
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        """Say that a byte is left."""
        return 1


def line() -> tuple[Ends, Line]:
    """Return a connected line."""
    ends = Ends()
    made = Line(cast("asyncio.Protocol", ends), Lines(lambda: None))
    made.connection_made(cast("asyncio.Transport", ends))
    assert ends.told == ["connection_made"]
    ends.told.clear()
    return ends, made


def test_a_protocol_hears_of_each_change_once() -> None:
    """Whichever of the two stops it, the connection or the valve: it may go on when both are open."""
    ends, shut = line()
    for step, told in (
        (shut.stall, ["pause_writing"]),
        (shut.stall, []),
        (shut.pause_writing, []),
        (shut.flow, []),
        (shut.resume_writing, ["resume_writing"]),
        (shut.pause_writing, ["pause_writing"]),
        (shut.stall, []),
        (shut.resume_writing, []),
        (shut.flow, ["resume_writing"]),
        (shut.flow, []),
        (shut.eof_received, ["eof_received"]),
    ):
        step()
        assert ends.told == told, step
        ends.told.clear()


def test_pieces_are_kept_as_well() -> None:
    """Whether aiohttp writes one piece or several at once differs between versions of Python."""
    ends, shut = line()
    shut.writelines([b"a", b"b"])
    shut.stall()
    shut.writelines([b"c", b"d"])
    assert (ends.written, shut.get_write_buffer_size()) == ([b"ab"], 3)
    shut.flow()
    assert (ends.written, shut.get_write_buffer_size()) == ([b"ab", b"cd"], 1)


def test_what_the_package_offers() -> None:
    """No more than is meant, with the fixture and what makes its marker known."""
    assert set(testing.__all__) == {"Published", "SignalsHub", "hub", "pytest_configure", "signals_hub"}
    assert all(hasattr(testing, name) for name in testing.__all__)

"""Messages of a load."""

from __future__ import annotations

import json

import pytest

from sse_signals.bench.messages import MIN_SIZE, Messages
from sse_signals.errors import ConfigurationError

EVENT = b"id: abc-1\ndata: %b\n\n"


@pytest.mark.parametrize("size", [MIN_SIZE, 100, 65536])
@pytest.mark.parametrize("values", [(0, 0, 0), (10**10 - 1, 1023, 10**15)])
def test_a_message_is_json_of_its_size_and_found_again(size: int, values: tuple[int, int, int]) -> None:
    """However large its numbers are, also when a hub has written its JSON anew."""
    messages = Messages("abcdef01", size)
    message = messages.encode(*values)
    assert len(message) == size
    parsed = json.loads(message)
    assert (parsed["bench"], parsed["n"], parsed["p"], parsed["t"]) == ("abcdef01", *values)
    for text in (message, json.dumps(parsed).encode(), json.dumps(parsed, sort_keys=True).encode()):
        (found,) = messages.find(EVENT % text)
        assert tuple(map(int, found.groups()[:3])) == values
        assert found.end() == len(EVENT % text)


def test_a_message_of_another_run_is_not_found() -> None:
    """Two loads on one topic do not disturb each other."""
    assert not found(Messages("one", 100), EVENT % Messages("two", 100).encode(1, 2, 3))


@pytest.mark.parametrize("line", [b"\n", b"\r\n"])
@pytest.mark.parametrize("around", [b"%b", b'data: {"message":%b}', b"data: %b\nid: 1\nevent: a"])
def test_a_message_is_found_once_its_event_has_ended(line: bytes, around: bytes) -> None:
    """With the blank line, wherever the text is cut before it and whatever else the event says."""
    messages = Messages("run", 100)
    text = (around % messages.encode(1, 2, 3) + b"\n\n").replace(b"\n", line)
    assert found(messages, text) == [(1, 2, 3)]
    for end in range(len(text)):
        assert not found(messages, text[:end])


@pytest.mark.parametrize("change", [(b'xx"', b'x"'), (b'x"', b'xx"'), (b'x"', b'y"')], ids=["cut", "longer", "other"])
def test_a_message_whose_padding_has_changed(change: tuple[bytes, bytes]) -> None:
    """It is not the one that was sent; those after it are found."""
    messages = Messages("run", 100)
    spoiled = (EVENT % messages.encode(0, 0, 1)).replace(*change)
    assert found(messages, spoiled + EVENT % messages.encode(1, 0, 2)) == [(1, 0, 2)]


def test_events_that_are_not_kept_apart() -> None:
    """Without a blank line between them they are one event to every browser."""
    messages = Messages("run", 100)
    lines = [b"data: %b\n" % messages.encode(number, 0, number) for number in range(2)]
    assert found(messages, b"".join(lines) + b"\n" + EVENT % messages.encode(2, 0, 2)) == [(0, 0, 0), (2, 0, 2)]


def found(messages: Messages, text: bytes) -> list[tuple[int, ...]]:
    return [tuple(map(int, match.groups()[:3])) for match in messages.find(text)]


def test_too_small_to_hold_its_numbers() -> None:
    """It is refused with the least there is."""
    with pytest.raises(ConfigurationError, match=f"{MIN_SIZE} bytes"):
        Messages("run", MIN_SIZE - 1)

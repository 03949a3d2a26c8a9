"""Messages of a load."""

from __future__ import annotations

import json

import pytest

from sse_signals.bench.messages import MIN_SIZE, Messages
from sse_signals.errors import ConfigurationError


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
        found = messages.pattern.search(text)
        assert found is not None
        assert tuple(map(int, found.groups())) == values


def test_a_message_of_another_run_is_not_found() -> None:
    """Two loads on one topic do not disturb each other."""
    assert Messages("one", 100).pattern.search(Messages("two", 100).encode(1, 2, 3)) is None


def test_too_small_to_hold_its_numbers() -> None:
    """It is refused with the least there is."""
    with pytest.raises(ConfigurationError, match=f"{MIN_SIZE} bytes"):
        Messages("run", MIN_SIZE - 1)

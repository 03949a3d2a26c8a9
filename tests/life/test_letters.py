"""Letters between nodes: bounded, and read as strictly as anything that comes from outside."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.cursor.start import Live
from sse_signals.identity import Identity
from sse_signals.life.letters import BYTES, MOST, decode, encode
from tests.fakes import NOON
from tests.life.surveyed import NODE, Surveyed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.life.survey import Part

EXPIRES = Identity("user:default/ann", expires_ms=NOON + 60_000)


async def said(opened: int = 2, closed: int = 2, topics: int = 1) -> Part:
    """Return what a node says that has streams with so many long topics."""
    world = Surveyed()
    filters = [f"{number}{'t' * 250}" for number in range(topics)]
    for _ in range(opened):
        world.client(*filters, identity=EXPIRES).open(Live())
    world.close([world.client(*filters) for _ in range(closed)], "client-gone")
    world.ledger.refuse("full")
    world.network.publish("b")
    world.network.run()
    return await world.overview().look(1_000)


async def test_what_a_node_says_is_read_as_it_was_said() -> None:
    """All of it, when there is room."""
    part = await said()
    assert decode(encode(part), NODE) == part
    assert decode(encode(part), NODE).node["streams"]["refused"] == {"full": 1}
    more = replace(part, more_streams=True, more_closed=True)
    assert decode(encode(more), NODE) == more


@pytest.mark.parametrize(
    ("opened", "closed", "topics"), [(900, 900, 8), (900, 0, 8), (0, 900, 8), (900, 900, 1), (3, 900, 8)]
)
async def test_a_letter_is_bounded(opened: int, closed: int, topics: int) -> None:
    """However many streams there are, and however long their topics: it holds the first, and says if that is all."""
    part = await said(opened, closed, topics)
    letter = encode(part)
    assert len(letter) <= BYTES + 2048
    read = decode(letter, NODE)
    assert read.node == part.node
    assert list(read.streams) == list(part.streams[: len(read.streams)])
    assert list(read.closed) == list(part.closed[: len(read.closed)])
    assert (read.more_streams, read.more_closed) == (opened > len(read.streams), closed > len(read.closed))
    for count, told in ((opened, len(read.streams)), (closed, len(read.closed))):
        assert min(count, 10) <= told <= MOST
    if topics > 1:
        assert len(letter) > 0.9 * BYTES  # no room is left empty, whichever streams there are


async def test_usual_streams_have_room() -> None:
    """As many as an answer tells of by default, open and closed."""
    world = Surveyed()
    for _ in range(300):
        world.client("catalog:entities/*", "orders/*", identity=EXPIRES).open(Live())
    world.close([world.client("catalog:entities/*", "orders/*", identity=EXPIRES) for _ in range(300)], "client-gone")
    read = decode(encode(await world.overview().look(MOST)), NODE)
    assert len(read.streams) >= 100
    assert len(read.closed) >= 100


async def test_what_a_newer_version_adds_is_left_out() -> None:
    """A member that nobody knows here does not make the rest unreadable, and goes no further."""
    part = await said()
    letter = json.loads(encode(part))
    for place in (letter, letter["node"], letter["streams"][0], letter["streams"][0]["lag"], letter["closed"][0]):
        place["token"] = "secret"
    assert decode(json.dumps(letter).encode(), NODE) == part


def put(value: Any, *path: Any) -> Callable[[Any], Any]:
    """Return what sets a member of a letter."""

    def change(letter: Any) -> Any:
        place = letter
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        return letter

    return change


def drop(*path: Any) -> Callable[[Any], Any]:
    """Return what takes a member out of a letter."""

    def change(letter: Any) -> Any:
        place = letter
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        return letter

    return change


OTHER = f"89abcdef-{0:016x}"
WRONG: list[Callable[[Any], Any]] = [
    lambda _: None,
    lambda _: [],
    lambda letter: [letter],
    put(2, "v"),
    put(True, "v"),
    put(1.0, "v"),
    drop("v"),
    drop("streams"),
    drop("moreClosed"),
    put(1, "moreStreams"),
    put({}, "streams"),
    put([None], "streams"),
    put("x", "closed"),
    lambda letter: put(letter["streams"] * MOST, "streams")(letter),
    put("89abcdef", "node", "node"),
    put("89abcdef", "streams", 0, "node"),
    put("89abcdef", "closed", 1, "node"),
    put(OTHER, "streams", 0, "stream"),
    put("0123abcd", "streams", 0, "stream"),
    put(f"0123abcd-{'x' * 16}", "closed", 0, "stream"),
    put(5, "streams", 0, "subject"),
    put("\x1b[31m", "streams", 0, "subject"),
    put("a\nb", "streams", 0, "remote"),
    put("\u2028", "closed", 0, "subject"),
    put("\x9b", "closed", 0, "reason"),
    put("x" * 1_025, "closed", 0, "reason"),
    put(["x"] * 9, "streams", 0, "topics"),
    put("abc", "streams", 0, "topics"),
    put([1], "streams", 0, "topics"),
    put("html", "streams", 0, "format"),
    put(1, "streams", 0, "format"),
    put("dead", "streams", 0, "state"),
    put(0, "streams", 0, "lag"),
    put(-1, "streams", 0, "lag", "records"),
    put(1.5, "streams", 0, "lag", "records"),
    put(True, "streams", 0, "lag", "records"),
    put(-0.1, "streams", 0, "lag", "seconds"),
    put("1", "streams", 0, "age"),
    put(True, "streams", 0, "age"),
    put(2**53 + 1, "streams", 0, "bytes"),
    put(None, "streams", 0, "opened"),
    put("2026-01-31", "streams", 0, "opened"),
    put("2026-01-31T12:00:00.000Z\n", "streams", 0, "expires"),
    put("2026-02-30T12:00:00.000Z", "streams", 0, "opened"),
    put("9999-99-99T99:99:99.999Z", "node", "time"),
    put("2026-01-31T24:00:00.000Z", "closed", 0, "closed"),
    put("1969-12-31T23:59:59.999Z", "node", "started"),
    put("٢026-01-31T12:00:00.000Z", "streams", 0, "expires"),
    put(1, "node", "ready"),
    put(None, "node", "draining"),
    put([], "node", "streams", "closed"),
    put({"full": -1}, "node", "streams", "refused"),
    put({"\x00": 1}, "node", "streams", "refused"),
    put({str(number): 1 for number in range(101)}, "node", "streams", "refused"),
]


@pytest.mark.parametrize("change", WRONG)
async def test_what_is_wrong_is_not_read(change: Callable[[Any], Any]) -> None:
    """Neither another type nor another node's name nor anything a terminal would obey gets through."""
    letter = json.loads(encode(await said()))
    with pytest.raises(ValueError, match=r"it |there is no member"):
        decode(json.dumps(change(letter)).encode(), NODE)


async def test_what_is_no_letter_is_not_read() -> None:
    """Nothing, half a letter, bytes that are no text, or far too many."""
    letter = encode(await said())
    for text in (b"", letter[:-1], b"\xff", b"[" * 10_000, letter + b" " * 3 * BYTES):
        with pytest.raises(ValueError, match=r"."):
            decode(text, NODE)

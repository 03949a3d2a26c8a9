"""What must reach every client, case by case: each returns `YES`, or in a word or two what the client does instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.bad_days import cut, deploy, end, gap, goodbye, quiet, retry, silence, token
from tests.e2e.case_world import TOPICS, A, order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.e2e.case_world import World

    Case = Callable[[World], Awaitable[str]]


async def plain(world: World, *signals: dict[str, Any], batch: bool = False) -> str:
    """Publish signals, and see whether they come as they are, in order, once each, and no others."""
    hub, publisher = await world.hub()
    await publisher.one(order("too early"))
    async with world.listening(hub) as (_, ear):
        await publisher.each(
            [
                {"topic": "shop:orders/42", "message": "a topic that is not asked for"},
                order("for a group", targetOwnershipEntityRefs=[A]),
                order("for nobody", targetOwnershipEntityRefs=[]),
            ]
        )
        expected = await (publisher.batch(signals) if batch else publisher.each(signals))
        return await ear.judged([*expected, await publisher.one(order("the end"))])


async def in_order(world: World) -> str:
    """Signals of several topics come in the order in which they were published."""
    return await plain(world, *(order(n) if n % 3 else {"topic": "catalog:a", "message": n} for n in range(60)))


async def named(world: World) -> str:
    """Events come under the names that their publishers gave them."""
    places: list[dict[str, Any]] = [{"topic": TOPICS[0]}, {"plugin": "catalog", "topic": "x"}]
    names = ("changed", "message", "removed")
    return await plain(world, *(place | {"event": n, "message": n} for place in places for n in names), order(None))


async def broadcast(world: World) -> str:
    """A broadcast reaches every stream."""
    return await plain(world, {"message": {"broadcast": True}}, order(1), {"message": None, "event": "changed"})


async def text(world: World) -> str:
    """Messages with line ends, separators, NUL, characters beyond ASCII, and what looks like fields come unchanged."""
    odd = [
        "lines\nof\r\ntext\rwith \u2028, \u2029, \u0085, \u000b, \ufeff and \u0000 inside",
        "\u00fc \U0001f389 e\u0301",
    ]
    return await plain(world, *map(order, [*odd, "\n\ndata: no event\n\nid: no-id\n\n", "", " ", ": x", [], {"": {}}]))


async def big(world: World) -> str:
    """A message as long as the hub takes comes as a whole."""
    return await plain(world, order("x" * 65_000), order("\u20ac" * 21_000), order(list(range(10_000))))


async def batch(world: World) -> str:
    """What is published in one request comes in its order."""
    return await plain(world, *map(order, range(300)), batch=True)


CASES: dict[str, Case] = {
    "order": in_order,
    "names": named,
    "broadcast": broadcast,
    "text": text,
    "64 KiB": big,
    "batch": batch,
    "cut": cut,
    "torn end": end,
    "gap": gap,
    "quiet": quiet,
    "goodbye": goodbye,
    "`retry:`": retry,
    "502": deploy,
    "silence": silence,
    "token": token,
}


async def play(world: World, case: Case) -> str:
    """Return a case's outcome, whatever it is."""
    try:
        return await case(world)
    except (AssertionError, OSError, ValueError) as error:
        return f"failed: {str(error)[:200]}"

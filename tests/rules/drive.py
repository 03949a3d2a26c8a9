"""Random lives of a world: the same actions that Hypothesis chooses from, chosen by a seed."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from sse_signals import history
from sse_signals.cursor import scan
from sse_signals.hub import hub
from tests.rules.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STEPS = 120


@contextmanager
def small_pieces() -> Iterator[None]:
    """Make pieces, slices and overflows so small that a short life meets all of them."""
    with (
        mock.patch.object(history, "BLOCK", 3),
        mock.patch.object(scan, "BLOCK", 3),
        mock.patch.object(hub, "_CHECK_EVERY", 1),
        mock.patch.object(hub, "_AHEAD", 2),
        mock.patch.object(hub, "PENDING_BYTES", 160 * 1024),
    ):
        yield


def surprise(world: World, client: int, node: int) -> None:
    """Have a client come with the id of what was just published, to a node that has not read that far; one polls."""
    for topic in range(3):
        world.publish(topic, 0, 0, 0, 0)
    for one in (client, client + 1):
        world.drop(one, 0)
    world.open(client, node, 3, 1)
    world.feed(node + 1, 3)
    world.open(client + 1, node + 1, 0, 3)
    world.step(2, 0)


def live(seed: int) -> None:
    """Let a world live for a while and come to rest.

    Raises:
        AssertionError: A client saw what it should not, or missed what it should have seen.
    """
    chance = random.Random(seed)
    world = World()
    n = chance.randrange
    actions: dict[Callable[[], None], int] = {
        lambda: world.publish(n(4), n(3), n(4), n(3), n(14)): 8,
        lambda: world.feed(n(2), n(4), when=n(3)): 6,
        lambda: world.step(n(4), n(2)): 10,
        lambda: world.read(n(5), n(40_000)): 4,
        lambda: world.open(n(5), n(2), n(4), n(4)): 4,
        lambda: world.sweep(n(2)): 2,
        lambda: world.drop(n(5), n(40_000)): 1,
        lambda: world.widen(n(5)): 1,
        lambda: world.feed(n(2), n(4), n(3), n(3)): 1,
        lambda: world.pass_time(n(4)): 1,
        lambda: world.change(n(5), n(6), n(4)): 2,
        world.control: 1,
    }
    with small_pieces():
        for action in chance.choices(list(actions), list(actions.values()), k=STEPS):
            action()
            if not n(STEPS * 2):
                world.lose_log()
            if not n(STEPS // 2):
                if n(2):
                    surprise(world, n(5), n(2))
                world.regress(n(5))
        world.settle()

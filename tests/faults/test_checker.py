"""The checker finds every fault that is planted, and none where there is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.checker import check
from tests.faults.histories import Story
from tests.faults.observed import VERDICTS, Block, Client, Session

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 500.0  # seconds that nothing takes in these histories

few = st.integers(0, 11)
STEPS: tuple[tuple[str, int], ...] = (
    ("publish", 3), ("publish", 3), ("publish", 3), ("open", 1), ("open", 1), ("read", 2), ("read", 2), ("beat", 1),
    ("cut", 1), ("trim", 1), ("lose", 0),
)  # fmt: skip
steps = st.lists(st.sampled_from(STEPS).flatmap(lambda s: st.tuples(st.just(s[0]), *[few] * s[1])), max_size=50)


def told(numbered: list[tuple[str | int, ...]]) -> Story:
    """Return the history in which these things happened to three clients who were there first."""
    story = Story()
    for number in range(3):
        story.open(number)
    for name, *numbers in numbered:
        step: Callable[..., object] = getattr(story, str(name))
        step(*numbers)
    return story.finish()


Spot = tuple[Client, Session, int]


def spots(story: Story, kind: str = "event") -> list[Spot]:
    """Return where in the clients' sessions there are blocks of a kind."""
    return [
        (client, session, at)
        for client in story.clients
        for session in client.sessions
        for at, block in enumerate(session.blocks)
        if block.kind == kind
    ]


def change(spot: Spot, **fields: object) -> None:
    _, session, at = spot
    session.blocks[at] = replace(session.blocks[at], **fields)  # type: ignore[arg-type]


def the(spot: Spot) -> Block:
    return spot[1].blocks[spot[2]]


class Planting:
    """Each method plants one fault into a finished history, somewhere; False when there is no room for it."""

    def __init__(self, story: Story, choose: Callable[[list[Spot]], Spot]) -> None:
        self.story = story
        self.choose = choose
        self.outcomes = {attempt.content: attempt.outcome for attempt in story.attempts}

    def lost(self) -> bool:
        """Let the ids of an acknowledged event go by at all clients, without the event."""
        if some := [spot for spot in spots(self.story) if self.outcomes[the(spot).content] == "acknowledged"]:
            content = the(self.choose(some)).content
            for spot in spots(self.story):
                if the(spot).content == content:
                    change(spot, kind="heartbeat", content="")
        return bool(some)

    def skip(self) -> bool:
        """Let a client go past what another has got."""
        everywhere = spots(self.story)
        contents = [the(spot).content for spot in everywhere]
        if some := [spot for spot in everywhere if contents.count(the(spot).content) > 1]:
            change(self.choose(some), kind="heartbeat", content="")
        return bool(some)

    def untold_epoch(self) -> bool:
        """Say nothing of a log that was lost."""
        if some := [spot for spot in spots(self.story, "gap") if the(spot).content == "epoch"]:
            change(self.choose(some), kind="heartbeat")
        return bool(some)

    def duplicate(self) -> bool:
        """Send an event twice."""
        if some := spots(self.story):
            client, session, at = self.choose(some)
            client.sessions[-1].blocks.append(replace(session.blocks[at], time=self.story.time + 1))
        return bool(some)

    def published_twice(self) -> bool:
        """Append a signal once more, under another id of the same epoch."""
        if some := spots(self.story):
            client, session, at = self.choose(some)
            block = session.blocks[at]
            epoch = str(block.id).split("-")[0]
            client.sessions[-1].blocks.append(replace(block, time=self.story.time + 1, id=f"{epoch}-999999"))
        return bool(some)

    def nonmonotonic(self) -> bool:
        """Send two events in the wrong order."""
        if some := [
            spot
            for spot, following in pairwise(spots(self.story))
            if spot[1] is following[1] and following[2] == spot[2] + 1
        ]:
            _, session, at = self.choose(some)
            session.blocks[at : at + 2] = reversed(session.blocks[at : at + 2])
        return bool(some)

    def unexpected(self) -> bool:
        """Send what nobody has published."""
        if some := spots(self.story):
            change(self.choose(some), content="nobody's")
        return bool(some)

    def refused(self) -> bool:
        """Send what was refused."""
        if some := spots(self.story):
            content = the(self.choose(some)).content
            for at, attempt in enumerate(self.story.attempts):
                if attempt.content == content:
                    self.story.attempts[at] = replace(attempt, outcome="refused", id=None)
        return bool(some)

    def inconsistent(self) -> bool:
        """Exchange the contents of two events at one client: their ids are those of others elsewhere."""
        events = spots(self.story)
        if pairs := [
            (spot, other)
            for spot in events
            for other in events
            if self.outcomes[the(spot).content] == "acknowledged"
            and other[0] is spot[0]
            and the(other).content != the(spot).content
        ]:
            spot = self.choose([spot for spot, _ in pairs])
            other = next(other for one, other in pairs if one is spot)
            first, second = the(spot).content, the(other).content
            change(spot, content=second)
            change(other, content=first)
        return bool(pairs)

    def leak(self) -> bool:
        """Take a client's rights away before it gets anything."""
        topics = {attempt.content: attempt.topic for attempt in self.story.attempts}
        if some := [spot for spot in spots(self.story) if topics[the(spot).content] is not None]:
            self.choose(some)[0].topics = ()
        return bool(some)

    def late(self) -> bool:
        """Let an acknowledged event, and all that follows it on its stream, take long."""
        if some := [
            spot for spot in spots(self.story)
            if self.outcomes[the(spot).content] == "acknowledged" and spot[1] is spot[0].sessions[-1]
        ]:  # fmt: skip
            _, session, at = self.choose(some)
            session.blocks[at:] = [replace(block, time=block.time + LONG + 100) for block in session.blocks[at:]]
        return bool(some)


FAULTS = {verdict: verdict for verdict in VERDICTS} | {
    "untold_epoch": "skip",
    "published_twice": "duplicate",
    "refused": "unexpected",
}


@settings(max_examples=150, deadline=None)
@given(steps)
def test_nothing_wrong(happened: list[tuple[str | int, ...]]) -> None:
    """Whatever happens to a log and its readers, a history without a fault has no finding."""
    story = told(happened)
    assert check(story.attempts, story.clients, bound=LONG).findings == []


@pytest.mark.parametrize("fault", FAULTS)
@settings(max_examples=40, deadline=None)
@given(happened=steps, data=st.data())
def test_one_fault(fault: str, happened: list[tuple[str | int, ...]], data: st.DataObject) -> None:
    """One fault anywhere in any history is found for what it is."""
    before: list[tuple[str | int, ...]] = [("publish", 0, 0, 0, 1), ("publish", 0, 0, 0, 1), ("read", 0, 9), ("lose",)]
    story = told([*before, *happened, ("publish", 0, 0, 0, 2)])
    planting = Planting(story, lambda some: data.draw(st.sampled_from(some)))
    assert getattr(planting, fault)()
    assert FAULTS[fault] in check(story.attempts, story.clients, bound=LONG).verdicts

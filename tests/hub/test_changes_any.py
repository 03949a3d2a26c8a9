"""Whatever changes, and whenever: each stream gets what it may have at that moment, and misses nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sse_signals.cursor.start import Live
from sse_signals.errors import NotGranted
from sse_signals.grants import Grants, readable
from sse_signals.hub.pace import SLICE
from sse_signals.identity import Identity, entitled
from sse_signals.topics import EVERYTHING, Filters
from sse_signals.wire.decoder import Decoder
from tests.fakes import Client, Network
from tests.hub.changing import GROUP, OTHER, turn
from tests.rules.drive import small_pieces

if TYPE_CHECKING:
    from sse_signals.model import Event

TOPICS = ("a", "b/c", "b/d", None)
TARGETS = (None, frozenset({GROUP}), frozenset({GROUP, OTHER}), frozenset[str]())
OWNED = (frozenset[str](), frozenset({GROUP}), frozenset({OTHER}), frozenset({GROUP, OTHER}))
GRANTS = (
    Grants(unmarked=True),
    Grants(unmarked=True, private=Filters.parse(["a"])),
    Grants(unmarked=True, private=Filters.parse(["b/*"])),
    Grants(subscribe=Filters.parse(["b/*"]), unmarked=True, private=Filters.parse(["b/c"])),
    Grants(subscribe=Filters.parse(["a", "b/d"])),
)
ASKED = (EVERYTHING, Filters.parse(["a", "b/*"]), Filters.parse(["*"]))


@dataclass
class Watched:
    """A client, all identities it has had, and what it must have seen in the end."""

    client: Client
    identity: Identity
    checked: int = 0
    last: int = 0
    must: dict[int, Event] = field(default_factory=dict)

    def may(self, event: Event) -> bool:
        """Say whether it may have an event today."""
        stream = self.client.stream
        return stream.filters.match(event.address) and entitled(stream.identity, event.targets)

    def published(self, event: Event) -> None:
        """Expect an event that it may have."""
        if self.may(event):
            self.must[event.position] = event

    def changed(self, log: list[Event]) -> None:
        """Expect what is left of what was expected, and what is gained of what it has not passed yet."""
        pos = self.client.stream.pos
        expected = [event for event in log if event.position in self.must or event.position > pos]
        self.must = {event.position: event for event in expected if self.may(event)}

    def check(self, log: list[Event]) -> None:
        """See that what was written since the last look is what it may have now, in order, and once."""
        writes = self.client.transport.writes
        for write in writes[self.checked :]:
            for message in Decoder().feed(write):
                if message.event.startswith("signals."):
                    continue
                [event] = [each for each in log if each.id == message.last_event_id]
                assert self.may(event), "it is not for this client"
                assert event.position > self.last, "it comes twice, or late"
                self.last = event.position
                self.must.pop(event.position, None)
        self.checked = len(writes)


few = st.integers(0, 11)
ACTION = st.tuples(st.sampled_from(["publish", "publish", "step", "step", "change", "stall", "take"]), few, few, few)


@settings(max_examples=200, deadline=None)
@given(st.lists(ACTION, max_size=60))
def test_15_each_gets_what_it_may_have_at_that_moment(
    actions: list[tuple[str, int, int, int]],
) -> None:
    """15: at every write, only what may be had at that moment; in the end, all that could still be had since."""
    with small_pieces():
        _live(actions)


def _live(actions: list[tuple[str, int, int, int]]) -> None:
    network = Network()
    log: list[Event] = []
    everybody = [_watched(network, number) for number in range(24)]
    for action, *numbers in actions:
        _act(network, log, everybody, action, *numbers)
        for each in everybody:
            each.check(log)
    network.scheduler.cost = 0.0
    for _ in range(3 + 2 * len(log)):
        for each in everybody:
            each.client.take()
        network.run()
    for each in everybody:
        each.check(log)
        assert not each.must, "it missed something"
        assert each.client.controls == []
    for each in everybody:
        network.node.hub.close(each.client.stream)
    assert (network.node.hub.groups, network.node.hub.owners) == (0, 0)


def _watched(network: Network, number: int) -> Watched:
    client = network.client()
    stream = client.stream
    stream.asked = ASKED[number % 3]
    identity = Identity("user:default/one", OWNED[number % 4], GRANTS[0])
    stream.identity, stream.filters = identity, readable(stream.asked, identity.grants)
    client.open(Live())
    turn(network)
    return Watched(client, identity)


def _act(network: Network, log: list[Event], everybody: list[Watched], action: str, *numbers: int) -> None:
    which, first, second = numbers
    chosen = everybody[which % 5 :: 5] if which % 2 else everybody
    match action:
        case "publish":
            size = 20_000 * (which % 3)
            _publish(network, log, everybody, TOPICS[first % 4], TARGETS[second % 4], b'"%b"' % (b"x" * size))
        case "step":
            network.scheduler.cost = SLICE if first % 2 else 0.0  # a slice is used up at every look at the clock
            for _ in range(1 + second % 3):
                network.scheduler.step()
        case "change":
            _change(log, chosen, Identity("user:default/one", OWNED[first % 4], GRANTS[second % 5]))
        case _:
            for each in chosen:
                each.client.take(1000 * first if action == "stall" else None)


def _publish(network: Network, log: list[Event], everybody: list[Watched], *what: Any) -> None:
    event = network.make(*what)
    log.append(event)
    network.node.take([event])
    for each in everybody:
        each.published(event)


def _change(log: list[Event], chosen: list[Watched], identity: Identity) -> None:
    for each in chosen:
        stream = each.client.stream
        try:
            filters = readable(stream.asked, identity.grants)
        except NotGranted:
            continue
        each.client.network.node.hub.change(stream, identity, filters)
        each.changed(log)

"""A change of who listens: what is pending is filtered anew at once, in both directions, and nothing else is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_signals.cursor.start import Live
from sse_signals.errors import NotGranted
from sse_signals.grants import Grants, readable
from sse_signals.hub.pace import SLICE
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.identity import ANONYMOUS, Identity, entitled
from sse_signals.topics import EVERYTHING, Filters
from sse_signals.wire.decoder import Decoder
from tests.fakes import Client, Network
from tests.hub.test_hub import live
from tests.rules.drive import small_pieces

if TYPE_CHECKING:
    from sse_signals.model import Event

GROUP = "group:default/a"
OTHER = "group:default/b"
OWNER = Identity("user:default/one", frozenset({GROUP}))


def change(client: Client, identity: Identity, *topics: str) -> None:
    """Change who listens, and what it may have."""
    client.network.node.hub.change(client.stream, identity, Filters.parse(topics))


def turn(network: Network) -> None:
    """Let the loop go round until nothing is due."""
    network.scheduler.advance(0)


def test_15_a_loss_holds_for_what_is_pending() -> None:
    """15: a targeted event that waits for the flush is not written to who has just lost what it is targeted at."""
    network = Network()
    client, other = live(network, "a", owns=[GROUP]), live(network, "a", owns=[GROUP])
    targeted, public = network.publish("a", [GROUP]), network.publish("a")
    change(client, ANONYMOUS, "a")
    turn(network)
    network.publish("a", [GROUP])
    turn(network)
    assert client.ids == [public]
    assert other.ids[:2] == [targeted, public]
    network.node.hub.close(other.stream)
    assert network.node.hub.owners == 0


def test_15_a_gain_holds_for_what_comes() -> None:
    """15: who has just gained something gets what is targeted at it from then on, but nothing that was passed over."""
    network = Network()
    client = live(network, "a")
    network.publish("a", [GROUP])
    change(client, OWNER, "a")
    event_id = network.publish("a", [GROUP])
    turn(network)
    assert client.ids == [event_id]
    assert client.controls == []


def test_15_a_gain_and_a_loss_for_who_is_behind() -> None:
    """15: what is read from the history is read with today's identity."""
    network = Network()
    client = live(network, "a", owns=[OTHER])
    client.transport.capacity = 0
    client.stream.write(b":" * (HIGH_WATER - 1) + b"\n")
    first = network.publish("a")
    turn(network)
    assert not client.stream.live
    gained = network.publish("a", [GROUP])
    network.publish("a", [OTHER])
    change(client, OWNER, "a")
    client.take()
    turn(network)
    assert client.ids == [first, gained]
    assert client.stream.live


@pytest.mark.parametrize("served", [False, True])
def test_15_a_change_in_the_middle_of_a_flush(*, served: bool) -> None:
    """15: whether the running flush has written to a stream or not, it gets all it still may have, once."""
    network = Network()
    clients = [live(network, "a", owns=[GROUP]) for _ in range(100)]
    first, own, last = network.publish("a"), network.publish("a", [GROUP]), network.publish("a")
    network.scheduler.cost = SLICE
    network.scheduler.step()
    chosen = next(client for client in clients if bool(client.transport.taken) is served)
    change(chosen, ANONYMOUS, "a")
    network.scheduler.cost = 0
    network.run()
    assert chosen.ids == ([first, own, last] if served else [first, last])
    assert all(client.ids == [first, own, last] for client in clients if client is not chosen)


def test_15_other_filters_are_another_group() -> None:
    """15: a stream leaves the group whose bytes it may not share any more, and takes nothing of it along."""
    network = Network()
    client, other = live(network), live(network)
    network.publish("secret")
    public = network.publish("public")
    change(client, client.stream.identity, "public")
    assert network.node.hub.groups == 2
    turn(network)
    assert client.ids == [public]
    assert len(other.ids) == 2
    network.node.hub.close(client.stream)
    network.node.hub.close(other.stream)
    assert network.node.hub.groups == 0


def test_a_quiet_stream_keeps_its_place() -> None:
    """One for which nothing waits has everything: a change makes it read nothing again, and tells of no gap."""
    network = Network()
    client = live(network, "a")
    for _ in range(3):
        network.publish("other")
    turn(network)
    change(client, OWNER, "a")
    assert client.stream.pos == network.node.head.position
    turn(network)
    assert (client.ids, client.controls, client.stream.live) == ([], [], True)


def test_a_stream_that_waits_is_taken_back_before_what_it_misses() -> None:
    """With something pending, its place is just before that."""
    network = Network()
    client = live(network, "a")
    network.publish("other")
    turn(network)
    event_id = network.publish("a")
    network.node.hub.take_back(client.stream)
    assert client.stream.pos == network.node.head.position - 1
    turn(network)
    assert client.ids == [event_id]


def test_13_a_dismissed_stream_gets_nothing_more() -> None:
    """13: nothing that waits for it is written, be it live, in the middle of a flush, behind or at the turnstile."""
    network = Network()
    clients = [live(network, "a", owns=[GROUP]) for _ in range(100)]
    late = network.client("a")
    network.publish("a")
    network.publish("a", [GROUP])
    late.open(Live())
    network.scheduler.cost = SLICE
    network.scheduler.step()
    done, *waiting = [client for client in clients if client.transport.taken]
    still = [client for client in clients if not client.transport.taken]
    hub = network.node.hub
    for client in (done, still[0], late):
        hub.dismiss(client.stream, "revoked")
    before = [list(client.transport.writes) for client in (done, still[0], late)]
    network.publish("a")
    network.publish("a", [GROUP])
    network.scheduler.cost = 0
    network.run()
    assert [client.transport.writes for client in (done, still[0], late)] == before
    assert all(client.stream.ended == "revoked" for client in (done, still[0], late))
    assert all(len(client.ids) == 4 for client in [*waiting, *still[1:]])
    hub.dismiss(done.stream, "expired")
    assert done.stream.ended == "revoked"
    hub.close(done.stream)
    assert done.stream not in hub.streams


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

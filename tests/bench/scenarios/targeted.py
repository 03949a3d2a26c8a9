"""S7 and S8: events that concern few of the streams, and streams that ask for several things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.bench.readers import Wanted
from tests.bench import load, servers
from tests.bench.figures import Figures, What
from tests.bench.peers.owners import owning
from tests.bench.scenarios import fan_out
from tests.bench.servers import AUTHENTICATED, HUB, OWNERS, named
from tests.bench.tokens import EVERYBODY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.bench.target import Form
    from tests.bench.scale import Scale
    from tests.bench.servers import Server

NAME = "S7 targeted"
SHARED = What(NAME, "server CPU per delivery, one ref owned by all", "us")
MIXED = What("S8 mixed", "server CPU per delivery, streams of 5 topics", "us")
_IN_FLIGHT = 4
_TOPICS = 50
_TEAMS = 10
_ASKED = 5


def cost(kind: str, streams: int) -> What:
    """Return what one publish costs that concerns one of so many streams."""
    return What(NAME, f"server CPU per publish, {kind} {streams:,} streams", "us")


def measure(scale: Scale, figures: Figures) -> None:
    """Publish to one of many, and to all who own one ref."""
    steps = [scale.many // part for part in scale.parts]
    for _ in range(scale.runs):
        for kind, (form, wanted) in _KINDS.items():
            for streams in steps:
                for hub in scale.hubs:
                    figures.add(cost(kind, streams), hub, _per_publish(scale, hub, form, wanted, streams))
        for hub in scale.hubs:
            figures.add(SHARED, hub, _owned_by_all(scale, hub))
    for hub in scale.hubs:
        for kind in _KINDS:
            grown, small = figures.of(cost(kind, steps[-1]), hub), figures.of(cost(kind, steps[0]), hub)
            asked = f"{kind} {steps[-1]:,}: cost of a publish at most 1.3 x that among {steps[0]:,}"
            figures.relate(NAME, grown, small, 1.3, named(asked, hub))
        asked = named("a ref owned by all: CPU per delivery at most 2 x S1's", hub)
        figures.relate(NAME, figures.of(SHARED, hub), figures.of(fan_out.CPU, hub), 2, asked)


def measure_mixed(scale: Scale, figures: Figures) -> None:
    """Publish in public, to teams and to everybody, to streams that ask for five topics of fifty each."""
    for _ in range(scale.runs):
        figures.add(MIXED, HUB, _mixed(scale))
    calm = figures.of(fan_out.CPU, HUB)
    asked = f"streams of {_ASKED} topics each, public, targeted and broadcast: CPU per delivery at most 1.5 x S1's"
    figures.relate(MIXED.scenario, figures.of(MIXED, HUB), calm, 1.5, asked)


def _per_publish(
    scale: Scale,
    hub: str,
    form: Callable[[Server], Form],
    wanted: Callable[[Server, int], Iterable[Wanted]],
    streams: int,
) -> float:
    with servers.started(_owning(hub)) as server, load.on(server, forms=[form(server)]) as on:
        on.open(list(wanted(server, streams)), timed_every=streams)
        reach = {channel: [0] if channel == "hit" else [] for channel in on.expected}
        on.busy(_IN_FLIGHT, scale.seconds / 20, reach)
        measured = on.busy(_IN_FLIGHT, scale.seconds / 5, reach)
        return measured.cpu / measured.published.count * 1e6


def _owning(hub: str) -> str:
    """Return the server whose listeners own something: by their tokens, or else by their word."""
    return AUTHENTICATED if hub == AUTHENTICATED else OWNERS


def _to_owner(server: Server) -> Form:
    return server.form('"topic":"bench","targetOwnershipEntityRefs":["user:default/u0"]')


def _to_topic(server: Server) -> Form:
    return server.form('"topic":"t0"')


def _to_prefix(server: Server) -> Form:
    return server.form('"topic":"p0/x"')


def _owners(server: Server, streams: int) -> Iterable[Wanted]:
    for number in range(streams):
        yield Wanted("miss" if number else "hit", server.stream(query="topic=bench", listener=number))


def _exact(server: Server, streams: int) -> Iterable[Wanted]:
    for number in range(streams):
        yield Wanted("miss" if number else "hit", server.stream(query=f"topic=t{number}", listener=number))


def _prefixes(server: Server, streams: int) -> Iterable[Wanted]:
    for number in range(streams):
        yield Wanted("miss" if number else "hit", server.stream(query=f"topic=p{number}/*", listener=number))


def _owned_by_all(scale: Scale, hub: str) -> float:
    with servers.started(_owning(hub)) as server:
        form = server.form(f'"topic":"bench","targetOwnershipEntityRefs":["{EVERYBODY}"]')
        with load.on(server, forms=[form]) as on:
            requests = [server.stream(query="topic=bench", listener=number) for number in range(scale.streams)]
            on.open([Wanted("all", request) for request in requests])
            on.steady(scale.rate, scale.seconds / 10)
            return on.steady(scale.rate, scale.seconds).cpu_us


def _mixed(scale: Scale) -> float:
    """Return CPU per delivery; what each stream should get follows from its topics and its team."""
    with servers.started(OWNERS) as server:
        public = [server.form(f'"topic":"t{topic}"') for topic in range(_TOPICS)]
        targeted = [
            server.form(f'"topic":"t{topic}","targetOwnershipEntityRefs":["group:default/g{topic % _TEAMS}"]')
            for topic in range(_TOPICS)
        ]
        with load.on(server, forms=[*public, *targeted, server.form()]) as on:
            wanted, reach = [], {}
            for number in range(scale.streams):
                # Five different topics: 7 and 50 have no common factor.
                topics = [(number + 7 * step * (1 + number // _TOPICS)) % _TOPICS for step in range(_ASKED)]
                team = number % _TEAMS
                channel = f"{sorted(set(topics))} of {team}"
                query = "&".join(f"topic=t{topic}" for topic in topics)
                request = server.stream(query=query, headers=owning([f"group:default/g{team}"]))
                wanted.append(Wanted(channel, request))
                own = [_TOPICS + topic for topic in sorted(set(topics)) if topic % _TEAMS == team]
                reach[channel] = [*sorted(set(topics)), *own, 2 * _TOPICS]
            on.open(wanted)
            on.steady(scale.rate * 2, scale.seconds / 10, reach)
            return on.steady(scale.rate * 10, scale.seconds, reach).cpu_us


_KINDS = {
    "one owner among": (_to_owner, _owners),
    "one exact topic among": (_to_topic, _exact),
    "one prefix among": (_to_prefix, _prefixes),
}

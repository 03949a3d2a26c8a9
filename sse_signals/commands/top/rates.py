"""Rates: what changed between two overviews, by each node's own clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sse_signals.commands.top.document import Node, Overview, Stream


@dataclass(frozen=True, slots=True)
class Rates:
    """What happens in a second.

    Attributes:
        signals: Signals that come from the log. On several nodes it is the greatest, since all follow the same log.
        delivered: Events written to streams.
        size: Bytes written to streams.
        opened: Streams.
        closed: Streams.
        refused: Streams.
        closed_by: Streams that end, by reason.
    """

    signals: float
    delivered: float
    size: float
    opened: float
    closed: float
    refused: float
    closed_by: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """An overview, and what it says together with those before it.

    Attributes:
        overview: The newest.
        rates: Of each node that has been seen at two times, by name.
        deliveries: Events that each stream is written in a second, by its name.
    """

    overview: Overview
    rates: Mapping[str, Rates]
    deliveries: Mapping[str, float]

    @property
    def total(self) -> Rates | None:
        """What happens in a second on all nodes together; None as long as nobody can tell."""
        every = list(self.rates.values())
        if not every:
            return None
        by: dict[str, float] = {}
        for each in every:
            for reason, rate in each.closed_by.items():
                by[reason] = by.get(reason, 0.0) + rate
        return Rates(
            signals=max(each.signals for each in every),
            delivered=sum(each.delivered for each in every),
            size=sum(each.size for each in every),
            opened=sum(each.opened for each in every),
            closed=sum(each.closed for each in every),
            refused=sum(each.refused for each in every),
            closed_by=by,
        )


def sample(overview: Overview, before: Sample | None) -> Sample:
    """Return an overview with its rates.

    Where a node says the same as before, since it tells of itself only now and then, its rates are those of before.
    Counters of a node that was started anew begin again, and so do its rates.

    Args:
        overview: The newest one.
        before: The last sample; None if there was none.
    """
    if before is None:
        return Sample(overview, {}, {})
    earlier = {node.name: node for node in before.overview.nodes}
    streams, now = _by_node(before.overview.streams), _by_node(overview.streams)
    rates, deliveries = {}, {}
    for node in overview.nodes:
        last = earlier.get(node.name)
        if last is None or not _goes_on(last, node):
            continue
        seconds = node.time - last.time
        here = now.get(node.name, {})
        if seconds > 0:
            rates[node.name] = _rates(last, node, seconds)
            deliveries.update(_deliveries(streams.get(node.name, {}), here.values(), seconds))
            continue
        if node.name in before.rates:
            rates[node.name] = before.rates[node.name]
        deliveries.update({name: before.deliveries[name] for name in here if name in before.deliveries})
    return Sample(overview, rates, deliveries)


def document(overview: Mapping[str, Any], found: Sample) -> dict[str, Any]:
    """Return a hub's JSON with the rates in a member ``rates``, which is null as long as nobody can tell them."""
    total = found.total
    if total is None:
        return {**overview, "rates": None}
    nodes = [{"node": name, **_members(each)} for name, each in sorted(found.rates.items())]
    streams = {name: round(rate, 3) for name, rate in found.deliveries.items()}
    return {**overview, "rates": {**_members(total), "nodes": nodes, "streams": streams}}


def _members(rates: Rates) -> dict[str, Any]:
    return {
        "signals": round(rates.signals, 3),
        "delivered": round(rates.delivered, 3),
        "bytes": round(rates.size, 3),
        "opened": round(rates.opened, 3),
        "closed": {reason: round(rate, 3) for reason, rate in sorted(rates.closed_by.items())},
        "refused": round(rates.refused, 3),
    }


def _goes_on(last: Node, node: Node) -> bool:
    """Say whether a node is the one that it was, so that its counters went on."""
    return last.started == node.started and all(
        new >= old for old, new in zip(_counts(last), _counts(node), strict=True)
    )


def _counts(node: Node) -> tuple[int, ...]:
    closed, refused = sum(node.closed.values()), sum(node.refused.values())
    return node.signals, node.delivered, node.size, node.opened, closed, refused


def _rates(last: Node, node: Node, seconds: float) -> Rates:
    signals, delivered, size, opened, closed, refused = (
        (new - old) / seconds for old, new in zip(_counts(last), _counts(node), strict=True)
    )
    closed_by = {
        reason: (count - last.closed.get(reason, 0)) / seconds
        for reason, count in node.closed.items()
        if count > last.closed.get(reason, 0)
    }
    return Rates(
        signals=signals,
        delivered=delivered,
        size=size,
        opened=opened,
        closed=closed,
        refused=refused,
        closed_by=closed_by,
    )


def _deliveries(last: Mapping[str, Stream], streams: Iterable[Stream], seconds: float) -> dict[str, float]:
    return {
        stream.name: max(stream.delivered - last[stream.name].delivered, 0) / seconds
        for stream in streams
        if stream.name in last
    }


def _by_node(streams: Iterable[Stream]) -> dict[str, dict[str, Stream]]:
    found: dict[str, dict[str, Stream]] = {}
    for stream in streams:
        found.setdefault(stream.node, {})[stream.name] = stream
    return found

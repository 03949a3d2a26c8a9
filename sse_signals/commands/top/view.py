"""How somebody looks at ``top``, and what their keys change about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sse_signals.commands.top.document import Stream
    from sse_signals.commands.top.rates import Sample

SORTS: Final = ("lag", "buffered", "rate", "age")
QUIT: Final = ("q", "Q", "\x04")  # Ctrl-D as well


@dataclass(frozen=True, slots=True)
class View:
    """How somebody looks at it.

    Attributes:
        sort: What puts streams first, one of `SORTS`.
        paused: Whether the hub is not asked, so that the picture stays.
        nodes: Whether each node has its line, where there are several.
        help: Whether the explanation is shown instead.
    """

    sort: str = SORTS[0]
    paused: bool = False
    nodes: bool = True
    help: bool = False


def pressed(view: View, key: str) -> View | None:
    """Return how somebody looks at it after a key; None when that means the end."""
    if key in QUIT:
        return None
    change = _KEYS.get(key.lower())
    if change is not None:
        return change(view)
    return replace(view, help=False) if key == "\x1b" else view


def ordered(sample: Sample, sort: str) -> Sequence[Stream]:
    """Return the open streams of a sample: those first that have most of what is asked for.

    Args:
        sample: The sample.
        sort: One of `SORTS`. Among equals, the order stays that of the hub.
    """
    keys: Mapping[str, Callable[[Stream], float]] = {
        "lag": lambda stream: stream.records,
        "buffered": lambda stream: stream.buffered,
        "rate": lambda stream: sample.deliveries.get(stream.name, 0.0),
        "age": lambda stream: stream.age,
    }
    return sorted(sample.overview.streams, key=keys[sort], reverse=True)


def next_sort(sort: str) -> str:
    """Return what streams are sorted by after that."""
    return SORTS[(SORTS.index(sort) + 1) % len(SORTS)]


_KEYS: Final[Mapping[str, Callable[[View], View]]] = {
    "p": lambda view: replace(view, paused=not view.paused),
    " ": lambda view: replace(view, paused=not view.paused),
    "s": lambda view: replace(view, sort=next_sort(view.sort)),
    "n": lambda view: replace(view, nodes=not view.nodes),
    "?": lambda view: replace(view, help=not view.help),
    "h": lambda view: replace(view, help=not view.help),
}

"""All series, in the order in which they are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.metrics.series_log import LOG
from sse_signals.metrics.series_node import NODE
from sse_signals.metrics.series_own import OWN
from sse_signals.metrics.series_people import PEOPLE
from sse_signals.metrics.series_streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sse_signals.metrics.series import Series

CHAPTERS: Final[Mapping[str, Sequence[Series]]] = {
    "The node": NODE,
    "Streams": STREAMS,
    "The log, publishing and history": LOG,
    "Who comes": PEOPLE,
    "Loop, canary and workers": OWN,
}
SERIES: Final[Sequence[Series]] = tuple(series for chapter in CHAPTERS.values() for series in chapter)

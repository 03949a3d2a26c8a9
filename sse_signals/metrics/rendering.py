"""An exposition as text: Prometheus' own format, or OpenMetrics for who asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from sse_signals.life.slices import in_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from prometheus_client.core import Metric

OPENMETRICS: Final = "application/openmetrics-text"
_END: Final = b"# EOF\n"  # of an exposition in OpenMetrics


class _Only(Collector):
    """A collector of one family, so that an exposition can be written family by family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> list[Metric]:
        return [self._family]


def wants_openmetrics(accept: str) -> bool:
    """Say whether a scrape asks for OpenMetrics.

    Args:
        accept: Its ``Accept`` header, or an empty text. Nothing of it gets into the answer.
    """
    for each in accept.split(","):
        kind, *parameters = [part.strip().lower() for part in each.split(";")]
        if kind == OPENMETRICS:
            return not any(part.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for part in parameters)
    return False


async def rendered(families: Sequence[Metric], *, openmetrics: bool, time: Callable[[], float]) -> tuple[bytes, str]:
    """Write families as text, in slices.

    Args:
        families: What to write.
        openmetrics: Whether as OpenMetrics 1.0, else as Prometheus' text format 0.0.4.
        time: A monotonic clock, in seconds.

    Returns:
        The text, and its media type.
    """
    encode, content_type = choose_encoder(f"{OPENMETRICS}; version=1.0.0" if openmetrics else "")
    text = await in_slices(_written(families, encode), time)
    return text + (_END if openmetrics else b""), content_type


def _written(families: Sequence[Metric], encode: Callable[[Collector], bytes]) -> Generator[None, None, bytes]:
    written = []
    for family in families:
        written.append(encode(_Only(family)).removesuffix(_END))
        yield
    return b"".join(written)

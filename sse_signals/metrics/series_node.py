"""The series of the node itself."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Final

from sse_signals.metrics.series import Series

_BUILD: Final = {"version": version("sse-signals"), "python": platform.python_version(), "aiohttp": version("aiohttp")}

NODE: Final = (
    Series(
        "build_info",
        "info",
        "Always 1; its labels say which versions run.",
        "More than one version for longer than an upgrade takes: a node was forgotten.",
        values=tuple(_BUILD),
        read=lambda _moment: _BUILD,
    ),
    Series(
        "ready",
        "gauge",
        "1 if new clients should be sent here; 0 while the node starts, drains, or is cut off from the log.",
        "0 with draining 0 and broker_up 0: the log is out of reach. The load balancer should ask …/health/ready.",
        read=lambda moment: moment.source.ready(),
    ),
    Series(
        "draining",
        "gauge",
        "1 while the node is about to end and sends its streams away.",
        "1 for longer than the delay and window of the drain: the process does not end. Look at its log.",
        read=lambda moment: moment.source.draining(),
    ),
)

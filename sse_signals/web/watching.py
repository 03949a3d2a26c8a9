"""What a node watches itself with, as long as it serves: the lag of its loop, and a canary if there is to be one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sse_signals.metrics.canary import Canary
from sse_signals.metrics.loop_lag import LoopLag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.web.site import Site


@asynccontextmanager
async def watching(site: Site) -> AsyncIterator[None]:
    """Watch the node of a site, whose service is at work, for as long as the context lasts."""
    loop, registry = asyncio.get_running_loop(), site.metrics.registry
    lag = LoopLag(loop, site.logger)
    registry.register(lag)
    lag.start()
    canary = None
    if site.canary:
        canary = Canary(site.service, node=site.nodes.own, every=site.canary, logger=site.logger, time=loop.time)
        registry.register(canary)
        canary.start()
    try:
        yield
    finally:
        lag.stop()
        if canary is not None:
            await canary.stop()

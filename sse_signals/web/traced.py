"""Tracing at a site: it watches deliveries as long as the site is there, and sends what is left at the end."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.web.site import Site


@asynccontextmanager
async def traced(site: Site) -> AsyncIterator[None]:
    """Trace the publishes of a site that has started, if anybody wants that."""
    if site.tracing is None:
        yield
        return
    site.deliveries.start(site.service.node.hub)
    try:
        yield
    finally:
        site.deliveries.stop()
        await site.tracing.close()

"""The hub itself, with listeners who own what a header of their request says: a stand-in for authentication."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.server import running
from sse_signals.settings import load

if TYPE_CHECKING:
    from aiohttp import web

HEADER = "X-Owns"


def identify(request: web.BaseRequest) -> Identity:
    """Return who listens."""
    owns = request.headers.get(HEADER)
    return Identity(f"user:default/{owns}", frozenset(owns.split(","))) if owns else ANONYMOUS


async def main() -> None:
    """Serve until killed; the port is the first line of the output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    settings = load({}, {"port": "0", "max_streams": "100000"})
    async with running(settings, structlog.get_logger()) as hub:
        hub.service.site.identify = identify
        print(hub.url.rpartition(":")[2].partition("/")[0], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

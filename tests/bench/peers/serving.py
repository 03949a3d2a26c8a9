"""An aiohttp application as a process of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler


async def serve(app: web.Application, stream: Handler, publish: Handler, *, handler_cancellation: bool = False) -> None:
    """Serve until killed; the port is the first line of the output."""
    app.router.add_get("/stream", stream)
    app.router.add_post("/publish", publish)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=handler_cancellation)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

"""The least that aiohttp can do: a handler that opens a stream, and one that answers JSON with JSON."""

from __future__ import annotations

import asyncio

from aiohttp import web


async def stream(request: web.Request) -> web.StreamResponse:
    """Open a stream, write one event, and leave it open."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    await response.write(b"event: open\ndata: {}\n\n")
    await asyncio.Event().wait()
    return response


async def publish(request: web.Request) -> web.StreamResponse:
    """Read JSON and answer with JSON."""
    await request.json()
    return web.json_response({"id": "00000000-1"}, status=202)


async def main() -> None:
    """Serve until killed; the port is the first line of the output."""
    app = web.Application()
    app.router.add_get("/stream", stream)
    app.router.add_post("/publish", publish)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

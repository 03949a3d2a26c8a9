"""What people write: aiohttp_sse with a queue for each stream."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp_sse import sse_response


async def stream(request: web.Request) -> web.StreamResponse:
    """Send what comes through this stream's queue."""
    queues: set[asyncio.Queue[str]] = request.app[QUEUES]
    queue: asyncio.Queue[str] = asyncio.Queue()
    queues.add(queue)
    try:
        async with sse_response(request) as response:
            while response.is_connected():
                await response.send(await queue.get())
    finally:
        queues.discard(queue)
    return response


async def publish(request: web.Request) -> web.StreamResponse:
    """Put the body into every queue."""
    text = await request.text()
    for queue in request.app[QUEUES]:
        queue.put_nowait(text)
    return web.json_response({"ok": True}, status=202)


QUEUES: web.AppKey[set[asyncio.Queue[str]]] = web.AppKey("queues")


async def main() -> None:
    """Serve until killed; the port is the first line of the output."""
    app = web.Application()
    app[QUEUES] = set()
    app.router.add_get("/stream", stream)
    app.router.add_post("/publish", publish)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

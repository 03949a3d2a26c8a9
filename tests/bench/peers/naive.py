"""What people write: aiohttp_sse with a queue for each stream."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp_sse import sse_response

from tests.bench.peers.serving import serve


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


if __name__ == "__main__":
    application = web.Application()
    application[QUEUES] = set()
    asyncio.run(serve(application, stream, publish))

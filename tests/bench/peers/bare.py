"""The least that aiohttp can do: a handler that opens a stream, and one that answers JSON with JSON."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tests.bench.peers.serving import serve


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


if __name__ == "__main__":
    asyncio.run(serve(web.Application(), stream, publish, handler_cancellation=True))

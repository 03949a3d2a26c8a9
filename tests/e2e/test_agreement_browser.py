"""What the decoder is measured against: the EventSource of a browser."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from tests.e2e.browser import launched, page
from tests.wire.agreement import SEED
from tests.wire.parsers import ours
from tests.wire.streams import NAMES, Stream, streams

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNT = 600  # a browser takes some milliseconds for each
READ = """
async ([count, names]) => {
    const read = [];
    const one = (number) => new Promise((resolve) => {
        const source = new EventSource(`/streams/${number}`), messages = [];
        for (const name of names) {
            source.addEventListener(name, ({type, data, lastEventId}) => messages.push([type, data, lastEventId]));
        }
        source.onerror = () => { source.close(); read[number] = messages; resolve(); };
    });
    let next = 0;
    const some = async () => { while (next < count) await one(next++); };
    await Promise.all([some(), some(), some(), some()]);
    return read;
}
"""


def application(made: Sequence[Stream]) -> web.Application:
    """Serve streams by their numbers, in their pieces."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionError):
            for piece in filter(None, made[int(request.match_info["number"])].pieces):
                await response.write(piece)
        return response

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/streams/{number}", stream)
    return app


async def test_a_browser_reads_alike() -> None:
    """Chromium's EventSource makes the same of 600 streams in random pieces, whatever is odd about them."""
    made = list(streams(COUNT, SEED))
    runner = web.AppRunner(application(made))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with launched() as browser:
            opened = await browser.new_page()
            await opened.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            read = await opened.evaluate(READ, [COUNT, list(NAMES)])
    finally:
        await runner.cleanup()
    theirs = [[tuple(message) for message in messages] for messages in read]
    unlike = [(stream, got) for stream, got in zip(made, theirs, strict=True) if ours(stream.pieces).messages != got]
    assert unlike[:3] == []

"""A small hub that does everything right, but for the faults that are switched on; HTTP as bytes, for all of them."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

from tests.conformance.stand_in_streams import Streams
from tests.conformance.stand_in_words import Refused
from tests.connections import settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from tests.conformance.stand_in_words import Record


class StandIn(Streams):
    """The hub: its log and listeners, by HTTP."""

    def __init__(self, faults: Iterable[str], *, text: bool) -> None:
        super().__init__(faults, text=text)
        self.server: asyncio.Server | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while await self.one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            with suppress(RuntimeError):
                writer.close()

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; say whether another may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.strip().split("\r\n")
        method, path, version = start.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if self.has("drops-patch") and method == "PATCH":
            return False
        try:
            await self.admit(head, headers)
            if path.startswith("/stream") and (method == "GET" or (method == "HEAD" and self.has("head-stream"))):
                return await self.stream(path, version, headers, reader, writer)
            answer = self.answer(method, path, headers, body)
        except Refused as refused:
            shown = {**refused.headers, **({} if self.has("mute-errors") else self.cors(headers))}
            self.respond(writer, refused.status, refused.reason.encode(), shown, bodiless=method == "HEAD")
            if self.has("head-open") and method == "HEAD":
                await reader.read()
            return "close" not in headers.get("connection", "") and refused.status < 500
        status = 202 if path.startswith(("/publish", "/drain")) else 204
        told = {**self.cors(headers), **answer}
        text = b"" if status == 204 else json.dumps({"id": answer.get("X-Id")}).encode()
        self.respond(writer, status, text, told)
        return "close" not in headers.get("connection", "") or self.has("lingers")

    async def admit(self, head: str, headers: Mapping[str, str]) -> None:
        """Refuse whoever may not ask, or asks for too much."""
        if self.has("mute"):
            await asyncio.sleep(60)
        if self.has("guarded") and headers.get("authorization") != "Bearer a-secret-of-mine":
            raise Refused(401)
        if len(head) > 16_000:
            raise Refused(500 if self.has("huge-500") else 431)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """Do what a request asks for that has a short answer; return headers."""
        if path.startswith("/stream"):
            if method == "OPTIONS" and self.has("preflight-403"):
                raise Refused(403)
            if method == "OPTIONS":
                allowed = "authorization" if self.has("narrow") else "Authorization, Last-Event-ID"
                return {"Access-Control-Allow-Headers": allowed}
            if self.has("any-method") and method == "PATCH":
                return {}
            raise Refused(500 if self.has("head-500") and method == "HEAD" else 405, self.allow())
        if path.startswith("/drain"):
            if self.has("no-drain"):
                raise Refused(403)
            self.tasks.add(asyncio.ensure_future(self.drain()))
            return {}
        if self.draining and not self.has("loses-at-drain"):
            raise Refused(503)
        return {"X-Id": self.publish(path, headers, body)["id"]}

    def allow(self) -> dict[str, str]:
        """Return the header that says what a path is for."""
        return {} if self.has("no-allow") else {"Allow": "GET, OPTIONS"}

    def respond(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        body: bytes,
        headers: Mapping[str, str],
        *,
        bodiless: bool = False,
    ) -> None:
        """Write a short answer."""
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
        shown = b"" if bodiless and not self.has("head-body") else body
        writer.write("\r\n".join([*lines, "", ""]).encode() + shown)

    async def drain(self) -> None:
        """Leave: end all streams, and then listen no more."""
        self.draining = True
        await asyncio.sleep(0.03)
        if self.has("stays"):
            return
        for listener in list(self.listeners):
            if self.has("aborts"):
                listener.writer.write(b"5\r\nab")
                listener.writer.close()
                continue
            if not self.has("no-goodbye") and not self.text:
                listener.send(self.control("hub.bye", listener))
            listener.end()
        await asyncio.sleep(0.03)
        known = len(self.log)
        while self.has("loses-at-drain") and len(self.log) == known:  # noqa: ASYNC110 - it does not tell
            await asyncio.sleep(0.005)
        if self.server is not None:
            self.server.close()
        for task in self.tasks - {asyncio.current_task()}:
            task.cancel()


@asynccontextmanager
async def stand_in(
    *faults: str, text: bool = False, port: int = 0, log: list[Record] | None = None
) -> AsyncIterator[str]:
    """Run one; give its URL.

    Args:
        faults: Which are switched on.
        text: Whether it is the hub of bare messages.
        port: Where it listens; 0 for any.
        log: What was published before, and is from now on.
    """
    hub = StandIn(faults, text=text)
    hub.log = [] if log is None else log
    hub.server = await asyncio.start_server(hub.handle, "127.0.0.1", port, limit=2**20, backlog=256)
    try:
        yield f"http://127.0.0.1:{hub.server.sockets[0].getsockname()[1]}"
    finally:
        await settled()
        hub.server.close()
        tasks = list(hub.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def beside(*faults: str) -> Iterator[str]:
    """Run a stand-in in a thread; give its URL."""
    started, loop = threading.Event(), asyncio.new_event_loop()
    urls: list[str] = []
    done = asyncio.Event()

    async def serve() -> None:
        async with stand_in(*faults) as url:
            urls.append(url)
            started.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    started.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()

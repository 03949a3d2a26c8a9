"""The streams of the stand-in: how they begin, are kept alive, and end; with and without faults."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.conformance.stand_in_log import Log
from tests.conformance.stand_in_words import Listener, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGIN = "https://app.example.com"
BEAT = 0.2  # seconds


class Streams(Log):
    """Opens streams."""

    def cors(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers for pages."""
        origin = headers.get("origin", "")
        vary = {} if self.has("no-vary") else {"Vary": "Origin"}
        credentials = {} if self.has("no-credentials") else {"Access-Control-Allow-Credentials": "true"}
        if self.has("star"):
            return {"Access-Control-Allow-Origin": "*", **credentials, **vary}
        known = self.has("reflects") or (origin == "null" and self.has("takes-null"))
        if origin and (origin == ORIGIN or known):
            return {"Access-Control-Allow-Origin": origin, **credentials, **vary}
        return vary

    async def stream(
        self,
        path: str,
        version: str,
        headers: Mapping[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answer with a stream."""
        topics, after = self.asked(path, headers, version)
        if self.has("fifty", topics, "/many") and len(self.listeners) > 50:
            raise Refused(503)
        if self.draining and self.has("rude"):
            raise Refused(503)
        if self.has("garbage-500") and reader._buffer:  # type: ignore[attr-defined]
            raise Refused(500)
        if self.has("refuses-origin") and headers.get("origin") == ORIGIN:
            raise Refused(403)
        if self.has("nul-400") and "\0" in after:
            raise Refused(400, reason="")
        told = version == "HTTP/1.1" or self.has("chunks-for-all")
        chunked = told or self.has("hidden-chunks")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        listener = Listener(writer, topics, chunked, order=len(self.listeners))
        place, missing = self.place(listener, after)
        kept = "keep-alive" if version == "HTTP/1.1" or self.has("keeps") else "close"
        named = {
            "Content-Type": self.content_type(),
            **({} if self.has("cacheable") else {"Cache-Control": "no-store"}),
            **({"Cache-Control": "no-store, \x1b[31m"} if self.has("escapes") else {}),
            **({"Content-Encoding": "gzip"} if self.has("gzip") and "accept-encoding" in headers else {}),
            **({"Transfer-Encoding": "chunked"} if told else {}),
            "Connection": kept,
            **self.cors(headers),
        }
        writer.write("\r\n".join(["HTTP/1.1 200 OK", *(f"{k}: {v}" for k, v in named.items()), "", ""]).encode())
        self.begin(listener, place, missing)
        if self.draining or (missing and self.has("ends-unknown")):
            listener.end()
            return False
        if self.has("late", topics, "/resume-opening"):
            await asyncio.sleep(0.02)
        self.listeners.add(listener)
        self.listeners -= self.hanging(listener, reader)
        try:
            await self.keep_alive(listener, reader)
        finally:
            self.listeners.discard(listener)
        return False

    def content_type(self) -> str:
        """Return what streams are said to be."""
        if self.has("plain"):
            return "text/plain"
        return "text/event-stream" + ("; charset=latin-1" if self.has("latin-1") else "")

    def asked(self, path: str, headers: Mapping[str, str], version: str) -> tuple[list[str], str]:
        """Return what a stream is asked for: its topics, and where to go on after."""
        raw = re.findall(r"topic=([^&]*)", path)
        topics = [topic if self.has("undecoded") and "%74" in topic else unquote(topic) for topic in raw]
        if self.has("decodes-twice"):
            topics = [unquote(topic) for topic in topics]
        query = parse_qs(urlsplit(path).query)
        after = headers.get("last-event-id", "" if self.has("no-query") else query.get("after", [""])[0])
        return topics, "" if self.has("no-resume-1.0") and version == "HTTP/1.0" else after

    def begin(self, listener: Listener, place: int, missing: str) -> None:
        """Write the receipt, and what is held."""
        number = None if self.has("no-places") else place
        mark = b"\xef\xbb\xbf" if self.has("mark") else b": \xff\n" if self.has("latin") else b""
        data = {"heartbeat": BEAT}
        receipt = mark + b"retry: 1000\n" + self.control("hub.open", listener, data, number=number)
        if self.text:
            receipt = b"retry: 1000\nid: %b\n\n" % self.id_of(place, listener).encode()
        if self.has("no-retry"):
            receipt = receipt.replace(b"retry: 1000\n", b"")
        listener.send(receipt.replace(b"\n", b"\r\n") if self.has("mixed") else receipt)
        if missing:
            listener.send(self.control(missing, listener, number=number))
        matching = [record for record in self.log if self.matches(record.topic, listener)]
        if self.has("leaks", listener.topics, "/resume-quiet"):
            matching = self.log
        held = [record for record in matching if record.number > place]
        if self.has("stale", listener.topics, "/resume-opening"):
            held = matching[-1:]
        for record in held[self.has("skips-one") :]:
            listener.send(self.frame(record, listener))

    def hanging(self, listener: Listener, reader: asyncio.StreamReader) -> set[Listener]:
        """Return the listener if it has said more and hangs for that: a message could be faster than the hanging."""
        return {listener} if self.has("hangs-garbage") and vars(reader)["_buffer"] else set()

    async def keep_alive(self, listener: Listener, reader: asyncio.StreamReader) -> None:
        """Send heartbeats until the client goes."""
        gone = asyncio.ensure_future(reader.read(1))
        try:
            while not self.draining or self.has("stays"):
                done, _ = await asyncio.wait([gone], timeout=BEAT)
                if done:
                    await self.odd(listener, gone.result())
                    return
                self.beat(listener)
        finally:
            gone.cancel()

    async def odd(self, listener: Listener, data: bytes) -> None:
        """Close the stream of a client that says more, or no more."""
        if (self.has("hangs-garbage") and data) or (self.has("hangs-half-closed") and not data):
            self.listeners.discard(listener)
            await asyncio.sleep(60)

    def beat(self, listener: Listener) -> None:
        """Send one heartbeat."""
        quiet = "/quiet"
        if self.has("no-beat"):
            return
        if self.text:
            listener.send(b": beat\n\n")
        elif self.has("beat-message", listener.topics, quiet):
            listener.send(b'data: {"topic": "%b", "message": "beat"}\n\n' % listener.topics[0].encode())
        elif self.has("beat-open", listener.topics, quiet):
            listener.send(b"data: x\n")
        else:
            back = self.has("beat-back", listener.topics, quiet)
            number = None if self.has("no-places") else 0 if back else len(self.log)
            listener.send(self.control("hub.beat", listener, number=number))

"""A listener as simple as one can be: curl over HTTPS, which comes back with the last id it has seen."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from sse_signals.wire.decoder import Decoder
from tests.e2e.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

VERSIONS: Final = {"HTTP/2": "--http2", "HTTP/1.1": "--http1.1"}
_BACK: Final = 0.1  # seconds after which it comes back, whatever it was told: tests have no time
_HEAD: Final = re.compile(rb"HTTP/(\S+) (\d{3})")


@dataclass
class Stay:
    """One answer.

    Attributes:
        status: Its status; 0 where there was none.
        version: What was spoken.
        body: What came so far.
    """

    status: int = 0
    version: str = ""
    body: bytes = b""


@dataclass
class Listener:
    """Listens for as long as the context lasts.

    Attributes:
        url: The stream's.
        version: The version of HTTP, as in `VERSIONS`.
        options: More options of curl.
        inbox: Takes the events.
        stays: Every answer that it got, in order.
    """

    url: str
    version: str = "HTTP/2"
    options: Sequence[str] = ()
    inbox: Inbox = field(default_factory=Inbox)
    stays: list[Stay] = field(default_factory=list)
    last: str = ""
    _task: asyncio.Task[None] | None = None

    @property
    def nodes(self) -> list[str]:
        """The nodes that its streams were on, in order."""
        return [event.data["stream"].partition("-")[0] for event in self.inbox.received if event.name == "signals.open"]

    @property
    def streams(self) -> list[str]:
        """The names of its streams, in order."""
        return [event.data["stream"] for event in self.inbox.received if event.name == "signals.open"]

    @property
    def statuses(self) -> set[int]:
        """All statuses that it got."""
        return {stay.status for stay in self.stays if stay.status}

    @property
    def messages(self) -> list[Any]:
        """The messages of the signals that came."""
        return [event.data["message"] for event in self.inbox.received if event.name == "message"]

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def until(self, *messages: Any) -> None:
        """Wait until the last of the messages has come, and see that all of them have, once each and in order."""
        await self.inbox._until(lambda event: event.name == "message" and event.data["message"] == messages[-1], "it")
        assert self.messages == list(messages), (self.url, self.version)

    async def _listen(self) -> None:
        while True:
            stay = Stay()
            self.stays.append(stay)
            await self._stay(stay)
            await asyncio.sleep(_BACK)

    async def _stay(self, stay: Stay) -> None:
        resume = ("-H", f"Last-Event-ID: {self.last}") if self.last else ()
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sNik", "--noproxy", "*", VERSIONS[self.version], "-H", "Accept: text/event-stream"),
            *(*self.options, *resume, self.url),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            with suppress(asyncio.IncompleteReadError):
                head = _HEAD.match(await process.stdout.readuntil(b"\r\n\r\n"))
                assert head is not None
                stay.version, stay.status = f"HTTP/{head[1].decode()}", int(head[2])
                await self._read(stay, process.stdout)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await process.wait()

    async def _read(self, stay: Stay, stdout: asyncio.StreamReader) -> None:
        decoder = Decoder()
        while data := await stdout.read(2**16):
            stay.body += data
            if stay.status == 200:
                for event in decoder.feed(data):
                    self.last = event.last_event_id or self.last
                    self.inbox.put(event.event, event.last_event_id, event.data)

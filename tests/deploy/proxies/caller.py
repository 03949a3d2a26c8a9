"""Short requests through a proxy, over the version of HTTP that a test chooses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

from sse_signals.doctor.asking import Asker
from sse_signals.doctor.exchange import Ask
from sse_signals.doctor.line import Line
from sse_signals.doctor.target import Target

if TYPE_CHECKING:
    from types import TracebackType

    from sse_signals.doctor.facts import Answer
    from tests.deploy.proxies.world import Front

DEADLINE: Final = 30.0  # seconds


class Caller:
    """Sends short requests through a proxy.

    Args:
        front: The proxy.
        version: ``HTTP/2`` or ``HTTP/1.1``.
    """

    def __init__(self, front: Front, version: str) -> None:
        self._line = Line(Target.of(front.url), verify=False)
        if version == "HTTP/1.1":
            assert self._line._context is not None
            self._line._context.set_alpn_protocols(["http/1.1"])
        self._asker = Asker(self._line, asyncio.get_running_loop().time, DEADLINE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._line.close()

    async def ask(self, method: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> Answer:
        """Return the answer."""
        return await self._asker.try_to(Ask(method, path, headers, body))

    async def publish(self, topic: str, message: str, *headers: tuple[str, str]) -> Answer:
        """Publish a text."""
        return await self.ask("POST", f"/signals/publish?topic={topic}", *headers, body=message.encode())

    async def publish_surely(self, topic: str, message: str) -> None:
        """Publish a text once, as clients do: with a key, as often as it takes."""
        async with asyncio.timeout(DEADLINE):
            while status_of(await self.publish(topic, message, ("Idempotency-Key", f"{topic} {message}"))) != 202:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


def status_of(answer: Answer) -> int:
    """Return the status of an answer; 0 where there is none."""
    return 0 if answer.head is None else answer.head.status

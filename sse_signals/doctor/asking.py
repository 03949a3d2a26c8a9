"""Short answers: asked for, and read to their end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sse_signals.doctor.exchange import How, NoAnswer
from sse_signals.doctor.facts import Answer, Arrival
from sse_signals.doctor.line import NoConnection
from sse_signals.doctor.terms import LONGEST
from sse_signals.errors import InvalidInput
from sse_signals.wire.decoder import Decoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.doctor.exchange import Ask, Ending, Head
    from sse_signals.doctor.line import Line

PATIENCE: Final = 10.0  # seconds for a short answer


class Asker:
    """Asks.

    Args:
        line: Where.
        clock: Returns seconds.
        patience: Seconds to wait for an answer.
    """

    def __init__(self, line: Line, clock: Callable[[], float], patience: float = PATIENCE) -> None:
        self._line, self._clock, self._patience = line, clock, patience

    async def ask(self, ask: Ask) -> Answer:
        """Return the answer, or what there is in its place.

        Raises:
            NoConnection: The request cannot be sent.
        """
        asked = self._clock()
        head: Head | None = None
        body, failed = b"", None
        try:
            async with asyncio.timeout(self._patience), self._line.ask(ask) as exchange:
                head = await exchange.head()
                while len(body) < LONGEST and (data := await exchange.read()):
                    body += data
                failed = _failed(exchange.ending)
        except TimeoutError:
            failed = f"there was no whole answer within {self._patience:g} s"
        except NoAnswer as error:
            failed = f"the answer {error}"
        return Answer(self._clock() - asked, asked, head, body, failed, _events(head, body))

    async def try_to(self, ask: Ask) -> Answer:
        """Return the answer; a connection that fails is an answer that failed."""
        asked = self._clock()
        try:
            return await self.ask(ask)
        except NoConnection as error:
            return Answer(self._clock() - asked, asked, failed=f"the server {error}")


def _failed(ending: Ending | None) -> str | None:
    broken = ending is not None and ending.how in {How.INCOMPLETE, How.RESET}
    return f"the answer {ending}" if broken else None


def _events(head: Head | None, body: bytes) -> tuple[Arrival, ...]:
    found: list[Arrival] = []
    if head is not None and head.get("content-type").lower().startswith("text/event-stream"):
        with suppress(InvalidInput):
            found += [Arrival(0.0, one.event, one.data, one.last_event_id) for one in Decoder().feed(body)]
    return tuple(found)

"""How quick the way to the hub is, and what the clocks at its ends say."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from sse_signals.client.answers import document
from sse_signals.doctor.facts import Clocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.doctor.asking import Asker
    from sse_signals.doctor.facts import Answer
    from sse_signals.doctor.target import Requests


async def clocks(
    asker: Asker, requests: Requests, today: Callable[[], float], times: int
) -> tuple[tuple[Answer, ...], Clocks | None]:
    """Poll some times, one after the other; return the answers, and the clocks of the quickest.

    Args:
        asker: Asks.
        requests: The requests.
        today: Returns seconds since 1970-01-01 UTC.
        times: How often.
    """
    polls = []
    for _ in range(times):
        before = today()
        answer = await asker.try_to(requests.poll(ndjson=True))
        polls.append((answer, before, today()))
    good = [poll for poll in polls if poll[0].status == 200]
    answers = tuple(poll[0] for poll in polls)
    return answers, read(*min(good, key=lambda poll: poll[2] - poll[1])) if good else None


def read(answer: Answer, before: float, after: float) -> Clocks:
    """Return the clocks as an answer has them.

    Args:
        answer: To a poll for JSON lines.
        before: This machine's clock when it was asked for.
        after: The same when it had come.
    """
    first = document(answer.body.partition(b"\n")[0])
    head = answer.head
    return Clocks(
        here=(before + after) / 2,
        margin=(after - before) / 2,
        hub=_hub(first.get("time")),
        proxy=None if head is None else _date(head.get("date")),
    )


def _hub(text: object) -> float | None:
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if time is None or time.tzinfo is None else time.timestamp()


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() + 0.5  # it has whole seconds, cut off
    except (TypeError, ValueError, OverflowError):
        return None

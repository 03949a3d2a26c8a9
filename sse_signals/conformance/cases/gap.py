"""Telling what is missing: the one thing that a listener cannot find out by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sse_signals.conformance.cases.sources import LAST_EVENT_ID, PROCESSING, practice
from sse_signals.conformance.outcome import Case, Failed, NotTried, offered, require
from sse_signals.conformance.strange import GARBAGE, another_log, future, is_count, is_numbers, never_given

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.conformance.hub import Hub
    from sse_signals.conformance.stream import Stream

_EARLIER: Final = 3  # messages
_LONG: Final = 4000  # characters of an id
_PUBLISHERS: Final = 8
_MORE: Final = 16  # messages beyond what a history holds
_SLOWEST: Final = 50  # messages that a hub takes in a second
_TOLD: Final = practice("a silent hole is the one fault that nobody can mend")


async def _real_id(hub: Hub, topic: str) -> str:
    """Publish some messages; return the id of the last."""
    async with hub.stream(topic) as stream:
        for number in range(_EARLIER):
            await hub.publish(topic, f"earlier {number}")
        await stream.take(_EARLIER)
        return stream.last_event_id


async def _told(hub: Hub, name: str, change: Callable[[str], str]) -> str:
    """Resume with an id that nobody gave, and see what that is told."""
    topic = hub.topic(f"gap-{name}")
    return await _resumed(hub, topic, change(await _real_id(hub, topic)))


async def _told_of_another(hub: Hub, name: str, change: Callable[[str], str]) -> str:
    """Resume with an id that nobody gave, if that can be said of any that is not ahead."""
    topic = hub.topic(f"gap-{name}")
    real = await _real_id(hub, topic)
    if is_count(real):
        raise NotTried("ids are counts: each may have been given, but those to come, which gap.future tries")
    whole = [f"earlier {number}" for number in range(_EARLIER)] if is_numbers(real) else None
    return await _resumed(hub, topic, change(real), whole)


async def _resumed(hub: Hub, topic: str, after: str, whole: list[str] | None = None) -> str:
    """Resume with an id that nobody gave, and see what that is told.

    Args:
        hub: The hub.
        topic: Of the stream.
        after: The id.
        whole: All messages of the topic, where the id may stand for a place before them; None where it cannot.
    """
    async with hub.stream(topic, after=after, any_status=True) as stream:
        status = stream.head.status
        require(status == 200, f"it is answered with {status}, and an EventSource never comes back")
        try:
            return await _says(hub, topic, stream)
        except Failed:
            if whole is not None and stream.messages[:-1] == whole:
                raise NotTried("ids are numbers: it may stand for a place before all messages, and all came") from None
            raise


async def _says(hub: Hub, topic: str, stream: Stream, whole: int | None = None) -> str:
    """Return how a gap is told.

    Args:
        hub: The hub.
        topic: Of the stream.
        stream: Where it should be told.
        whole: How many messages would be all of them; None where that does not matter.

    Raises:
        Failed: It is not.
        NotTried: All of them came, so that there is no gap.
    """
    gap = hub.adapter.events.gap
    await hub.publish(topic, "later")
    try:
        came = await stream.upto("later")
    except Failed as failed:
        raise Failed(f"{failed}, and nothing was said") from None
    if len(came) == whole:
        raise NotTried(f"all {whole} messages were still held: give a higher --history")
    if gap and gap in stream.names:
        return f"the event {gap}, then what it has"
    what = f"replays what is left ({len(came)} messages)" if came else "goes on with what is new"
    raise Failed(f"{what} without a word")


async def _unknown(hub: Hub) -> str:
    return await _told_of_another(hub, "unknown", never_given)


async def _garbage(hub: Hub) -> str:
    return await _told(hub, "garbage", lambda _: GARBAGE)


async def _epoch(hub: Hub) -> str:
    return await _told_of_another(hub, "epoch", another_log)


async def _future(hub: Hub) -> str:
    return await _told(hub, "future", future)


async def _long(hub: Hub) -> str:
    return await _told(hub, "long", lambda real: (real or "x") * (_LONG // max(1, len(real))))


async def _nul(hub: Hub) -> str:
    offered(hub.adapter.subscribe.resume_query, "there is no parameter for it")
    topic = hub.topic("gap-nul")
    async with hub.stream(topic, after="a\0b", by_query=True, any_status=True) as stream:
        status = stream.head.status
        if 400 <= status < 500:
            reason = (await stream.connection.body()).strip()
            require(reason, f"{status} without a reason")
            return f"{status} with a reason"
        require(status == 200, f"it is answered with {status}")
        return await _says(hub, topic, stream)


async def _false_alarm(hub: Hub) -> str:
    topic = hub.topic("gap-none")
    after = await _real_id(hub, topic)
    require(after, "there is no id to resume with")
    async with hub.stream(topic, after=after) as stream:
        await hub.publish(topic, "later")
        await stream.upto("later")
        require(hub.adapter.events.gap not in stream.names, f"the event {hub.adapter.events.gap} came for a good id")
    return "nothing, where nothing is missing"


async def _trimmed(hub: Hub) -> str:
    if hub.adapter.history is None:
        raise NotTried("give --history: messages after which an earlier one is no longer held")
    topic, count = hub.topic("gap-trimmed"), hub.adapter.history + _MORE
    after = await _real_id(hub, topic)
    numbers = iter(range(count))

    async def publish() -> None:
        for number in numbers:
            await hub.publish(topic, f"{number}")

    await asyncio.gather(*(publish() for _ in range(_PUBLISHERS)))
    async with hub.stream(topic, after=after) as stream:
        return await _says(hub, topic, stream, whole=count)


def _long_enough(hub: Hub) -> float:
    return (hub.adapter.history or 0) / _SLOWEST


CASES: Final = (
    Case("gap", "unknown", "An id that was never given is told to be unknown.", _TOLD, _unknown),
    Case("gap", "garbage", "An id that is none is told to be unknown.", _TOLD, _garbage),
    Case("gap", "epoch", "The id of a log that was lost is told to be so.", _TOLD, _epoch),
    Case("gap", "future", "An id ahead of the log is told to be unknown.", _TOLD, _future),
    Case("gap", "long", "An id of 4,000 characters is answered with 200, and told to be unknown.", PROCESSING, _long),
    Case(
        "gap",
        "nul",
        "A NUL in an id of the query is refused with a reason, or told to be unknown.",
        LAST_EVENT_ID,
        _nul,
    ),
    Case(
        "gap",
        "none",
        "A good id brings no false alarm.",
        practice("an alarm that rings always is switched off"),
        _false_alarm,
    ),
    Case(
        "gap",
        "trimmed",
        "What is no longer held is told to be missing.",
        _TOLD,
        _trimmed,
        alone=True,
        longer=_long_enough,
    ),
)

"""Coming back: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from sse_signals.conformance.cases.sources import LAST_EVENT_ID, MESSAGES, practice
from sse_signals.conformance.outcome import Case, Failed, offered, require
from sse_signals.conformance.stream import resumed

if TYPE_CHECKING:
    from sse_signals.conformance.hub import Hub
    from sse_signals.conformance.stream import Stream

_COUNT: Final = 10
_CUTS: Final = 20
_PER_CUT: Final = 8  # messages that are published for each
_OPENINGS: Final = 20
_NO_ID: Final = "there is no id to resume with"


async def _published(hub: Hub, topic: str, count: int = _COUNT) -> list[str]:
    """Publish messages to a stream; return the ids with which it could be resumed, the first before all of them."""
    async with hub.stream(topic) as stream:
        for number in range(count):
            await hub.publish(topic, f"{number}")
        await stream.take(count)
        ids = [signal.last_event_id for signal in stream.signals]
    require(all(ids), _NO_ID)
    return ids


async def _goes_on(
    hub: Hub, topic: str, after: str, first: int, *, by_query: bool = False, version: str = "1.1"
) -> None:
    """Check that a stream goes on with a message, and with all that follow.

    Raises:
        Failed: It does not.
    """
    async with hub.stream(topic, after=after, by_query=by_query, version=version) as stream:
        await hub.publish(topic, f"after {first} {version} {by_query}")
        came = await stream.upto(f"after {first} {version} {by_query}")
    wrong = resumed([f"{number}" for number in range(first, _COUNT)], [m for m in came if "after" not in m])
    require(wrong is None, f"after {first} of {_COUNT}: {wrong}")


async def _each(hub: Hub) -> str:
    topic = hub.topic("resume-each")
    ids = await _published(hub, topic)
    for number, event_id in enumerate(ids[:-1], 1):
        await _goes_on(hub, topic, event_id, number)
    return f"after each of the first {_COUNT - 1} of {_COUNT} messages"


async def _last(hub: Hub) -> str:
    topic = hub.topic("resume-last")
    ids = await _published(hub, topic)
    await _goes_on(hub, topic, ids[-1], _COUNT)
    return "nothing came again"


async def _query(hub: Hub) -> str:
    offered(hub.adapter.subscribe.resume_query, "there is no parameter for it")
    topic = hub.topic("resume-query")
    ids = await _published(hub, topic)
    await _goes_on(hub, topic, ids[3], 4, by_query=True)
    return f"by {hub.adapter.subscribe.resume_query}="


async def _version(hub: Hub) -> str:
    topic = hub.topic("resume-1.0")
    ids = await _published(hub, topic)
    await _goes_on(hub, topic, ids[3], 4, version="1.0")
    return "by HTTP/1.0, with an id that came by HTTP/1.1"


async def _cuts(hub: Hub) -> str:
    topic, wanted = hub.topic("resume-cuts"), [f"{number}" for number in range(_CUTS * _PER_CUT)]
    came: list[str] = []
    stream = await hub.open(topic)

    async def publish() -> None:
        for message in wanted:
            await hub.publish(topic, message)

    publishing = asyncio.create_task(publish())
    try:
        for cut in range(_CUTS):
            await _read_a_part(stream, 7 + 13 * cut, hub.patience)
            came += stream.messages
            stream.close()
            require(stream.last_event_id, _NO_ID)
            stream = await hub.open(topic, after=stream.last_event_id)
        await publishing
        await hub.publish(topic, "last")
        came += await stream.upto("last")
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        stream.close()
    wrong = resumed(wanted, came)
    require(wrong is None, f"over {_CUTS} cuts: {wrong}")
    return f"{len(wanted)} messages over {_CUTS} cuts, within events too"


async def _read_a_part(stream: Stream, more: int, patience: float) -> None:
    """Read one message, and some bytes more, so that the cut is within an event."""
    try:
        async with asyncio.timeout(patience):
            while not stream.signals and await stream.read(31):
                pass
            await stream.read(more)
    except TimeoutError:
        raise Failed(f"nothing came within {patience:g} s") from None


async def _quiet(hub: Hub) -> str:
    topic = hub.topic("resume-quiet")
    async with hub.stream(topic) as stream:
        if not stream.last_event_id and hub.silence is not None:
            with contextlib.suppress(Failed):
                await stream.until(lambda: stream.last_event_id, "an id", hub.silence * 1.25 + 1)
        after = stream.last_event_id
    require(after, "a stream to which nothing has come yet has no id to resume with")
    await hub.publish(hub.topic("other-resume"), "for others")
    await hub.publish(topic, "while it was away")
    async with hub.stream(topic, after=after) as stream:
        (came,) = await stream.take(1)
        require(came == "while it was away", f"{came!r} came")
    return "the id came before any message"


async def _opening(hub: Hub) -> str:
    topic = hub.topic("resume-opening")
    for number in range(_OPENINGS):
        async with hub.stream(topic) as stream:
            await hub.publish(topic, f"{number}")
            (came,) = await stream.take(1)
            require(came == f"{number}", f"{came!r} came to stream {number}")
    return f"{_OPENINGS} of {_OPENINGS} messages published right after the beginning"


def _long_enough(hub: Hub) -> float:
    return 2 * (hub.silence or 0)


CASES: Final = (
    Case("resume", "each", "A stream goes on after the id that it resumes with.", LAST_EVENT_ID, _each),
    Case("resume", "last", "After the last id nothing comes again.", LAST_EVENT_ID, _last),
    Case(
        "resume",
        "cuts",
        "Cuts at any byte while publishing goes on lose nothing and repeat nothing.",
        practice("connections break within events"),
        _cuts,
    ),
    Case(
        "resume", "query", "An id in the query resumes, too.", practice("a page that begins anew has no header"), _query
    ),
    Case("resume", "http-1.0", "An id resumes on a connection of another kind.", MESSAGES + " 2.3", _version),
    Case(
        "resume",
        "quiet",
        "A stream to which nothing has come resumes where it began.",
        practice("otherwise what is published meanwhile is lost"),
        _quiet,
        longer=_long_enough,
    ),
    Case(
        "resume",
        "opening",
        "What is published once a stream has begun comes.",
        practice("pages load a state, and then listen"),
        _opening,
    ),
)

"""Messages and names that look like fields of the stream: each stays one message, and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.conformance.cases.sources import INTERPRETING, PROCESSING, practice
from sse_signals.conformance.cases.wire_format import as_lines
from sse_signals.conformance.outcome import Case, NotOffered, offered, require
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from sse_signals.conformance.adapter import Publish
    from sse_signals.conformance.connection import Answer
    from sse_signals.conformance.hub import Hub

_FIELDS: Final = "a\nid: injected\nevent: injected\nretry: 1\ndata: injected\n\ndata: injected\n\n:b"
_RETURNS: Final = _FIELDS.replace("\n", "\r")
_RESERVED: Final = ("error", "open")
_END: Final = "the end"


async def _harmless(hub: Hub, name: str, text: str, way: Publish | None) -> str:
    """Publish a text, and check that it comes as one message, unchanged."""
    topic = hub.topic(name)
    async with hub.stream(topic) as stream:
        await hub.publish(topic, text, way)
        await hub.publish(topic, _END)
        came = await stream.upto(_END)
        forged = [event.event for event in stream.events if event.event == "injected"]
        require(not forged, "an event of the message's own making came")
        require(all(signal.last_event_id != "injected" for signal in stream.signals), "it made an id")
        require(stream.retry_ms != 1, "it made a retry")
        require(len(came) == 1, f"{len(came)} messages came of one")
        require(came[0] == as_lines(hub, text), f"it came as {str(came[0])[:60]!r}")
    return "one message, unchanged"


async def _json(hub: Hub) -> str:
    offered(hub.adapter.as_value, "a message is never within something else")
    return await _harmless(hub, "inject-json", _FIELDS, hub.adapter.as_value)


async def _text(hub: Hub) -> str:
    offered(hub.adapter.as_text, "a message is always within something else")
    return await _harmless(hub, "inject-text", _FIELDS, hub.adapter.as_text)


async def _returns(hub: Hub) -> str:
    return await _harmless(hub, "inject-cr", _RETURNS, hub.adapter.as_text)


def _refused(answer: Answer, what: str) -> bool:
    """Say whether a request was refused as it should be."""
    require(answer.status < 500, f"{what} is answered with {answer.status}")
    return answer.status >= 400


async def _topic(hub: Hub) -> str:
    listened, refused = hub.topic("inject-topic"), 0
    names = (f"{listened}\n\ndata: injected\n\n", f"{listened}\rid: injected", f"{listened}\r\n")
    async with hub.stream(listened) as stream:
        for name in names:
            refused += _refused(
                await hub.ask(hub.requests.publish(hub.adapter.publish, name, "x")), "a line end in a topic"
            )
        await hub.publish(listened, _END)
        came = await stream.upto(_END)
        require(not came and b"injected" not in stream.body, "it came to a topic, or as a field, of another name")
    return "refused" if refused == len(names) else "taken, and harmless"


def _named(hub: Hub) -> Publish:
    if hub.adapter.named is None:
        raise NotOffered("publishers give no event names")
    return hub.adapter.named


async def _event(hub: Hub) -> str:
    way = _named(hub)
    topic, refused = hub.topic("inject-event"), 0
    names = ("a\ndata: injected\n\n", "a\rid: injected", "a\r\nretry: 1")
    async with hub.stream(topic) as stream:
        for name in names:
            try:
                request = hub.requests.publish(way, topic, "x", name)
            except ConfigurationError:
                raise NotOffered("an event's name travels in a header, which holds no line end") from None
            refused += _refused(await hub.ask(request), "a line end in an event's name")
        await hub.publish(topic, _END)
        await stream.upto(_END)
        require(b"injected" not in stream.body.replace(b"\\n", b"").replace(b"\\r", b""), "it came as a field")
    return "refused" if refused == len(names) else "taken, and harmless"


async def _reserved(hub: Hub) -> str:
    way = _named(hub)
    topic, refused = hub.topic("inject-reserved"), 0
    names = (*_RESERVED, *sorted(hub.adapter.events.control))
    async with hub.stream(topic) as stream:
        before = len(stream.events)
        for name in names:
            answer = await hub.ask(hub.requests.publish(way, topic, "x", name))
            refused += _refused(answer, f"the event name {name!r}")
        await hub.publish(topic, _END)
        await stream.upto(_END)
        fired = sorted({event.event for event in stream.events[before:]} & set(_RESERVED))
        require(not fired, f"the page's own handlers of {' and '.join(fired)} are fired")
    require(refused >= len(names) - len(_RESERVED), "the hub's own names are taken")
    return "refused" if refused == len(names) else "taken, and harmless"


CASES: Final = (
    Case("injection", "json", "A message within JSON makes no fields.", INTERPRETING, _json),
    Case("injection", "text", "A message that is the body makes no fields.", INTERPRETING, _text),
    Case("injection", "cr", "A carriage return alone makes no fields, either.", INTERPRETING, _returns),
    Case("injection", "topic", "Line ends in a topic are refused, or harmless.", INTERPRETING, _topic),
    Case("injection", "event", "Line ends in an event's name are refused, or harmless.", INTERPRETING, _event),
    Case(
        "injection",
        "reserved",
        "Publishers cannot use the names of the page's and the hub's own events.",
        PROCESSING + "; " + practice("a message would look like a lost connection"),
        _reserved,
    ),
)

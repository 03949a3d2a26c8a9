from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.model import EventId, Gap, GapReason, position
from sse_signals.topics import EVERYTHING, Filters
from sse_signals.wire import controls
from sse_signals.wire.decoder import Decoder, Message
from sse_signals.wire.formats import NDJSON, NDJSON_PLAIN, SSE, SSE_PLAIN

if TYPE_CHECKING:
    from sse_signals.wire.controls import Control

TIME = 1769860800123
ID = EventId("7k2m9xq4", position(1042))


def opened(**changes: Any) -> Control:
    """Return a receipt of which only some facts matter."""
    facts: dict[str, Any] = {
        "stream": "s1", "identity": ANONYMOUS, "filters": EVERYTHING, "heartbeat": 15, "recovered": None,
        "event_id": ID, "retry_ms": 2683, "time_ms": TIME,
    }  # fmt: skip
    return controls.receipt(**facts | changes)


# One row a control event: the event, its block in an event stream, its JSON line.
CONTROLS = {
    "open": (
        opened(),
        (
            b"retry: 2683\nevent: signals.open\nid: 7k2m9xq4-1042\n"
            b'data: {"protocol":1,"stream":"s1","subject":null,"heartbeat":15,"topics":["*"]}\n\n'
        ),
        (
            b'{"id":"7k2m9xq4-1042","event":"signals.open","time":"2026-01-31T12:00:00.123Z",'
            b'"message":{"protocol":1,"stream":"s1","subject":null,"heartbeat":15,"topics":["*"]},"retry":2683}\n'
        ),
    ),
    "open, recovered": (
        opened(recovered=True, identity=Identity("user:default/\u00fc"), filters=Filters.parse(["b/*", "a", "c:*"])),
        (
            b"retry: 2683\nevent: signals.open\nid: 7k2m9xq4-1042\n"
            b'data: {"protocol":1,"stream":"s1","recovered":true,"subject":"user:default/\xc3\xbc","heartbeat":15,'
            b'"topics":["a","b/*","c:*"]}\n\n'
        ),
        (
            b'{"id":"7k2m9xq4-1042","event":"signals.open","time":"2026-01-31T12:00:00.123Z",'
            b'"message":{"protocol":1,"stream":"s1","recovered":true,"subject":"user:default/\xc3\xbc","heartbeat":15,'
            b'"topics":["a","b/*","c:*"]},"retry":2683}\n'
        ),
    ),
    "open, not recovered, without id": (
        opened(recovered=False, event_id=None, heartbeat=0.5, retry_ms=0),
        (
            b"retry: 0\nevent: signals.open\n"
            b'data: {"protocol":1,"stream":"s1","recovered":false,"subject":null,"heartbeat":0.5,"topics":["*"]}\n\n'
        ),
        (
            b'{"event":"signals.open","time":"2026-01-31T12:00:00.123Z",'
            b'"message":{"protocol":1,"stream":"s1","recovered":false,"subject":null,"heartbeat":0.5,"topics":["*"]},"retry":0}\n'
        ),
    ),
    "gap": (
        controls.gap(Gap(GapReason.TRIMMED, EventId("7k2m9xq4", position(3, 2))), ID, TIME),
        (
            b"event: signals.gap\nid: 7k2m9xq4-1042\n"
            b'data: {"reason":"trimmed","from":"7k2m9xq4-3.2","to":"7k2m9xq4-1042"}\n\n'
        ),
        (
            b'{"id":"7k2m9xq4-1042","event":"signals.gap","time":"2026-01-31T12:00:00.123Z",'
            b'"message":{"reason":"trimmed","from":"7k2m9xq4-3.2","to":"7k2m9xq4-1042"}}\n'
        ),
    ),
    "gap after an unknown id": (
        controls.gap(Gap(GapReason.UNKNOWN_ID, None), ID, TIME),
        b'event: signals.gap\nid: 7k2m9xq4-1042\ndata: {"reason":"unknown-id","from":null,"to":"7k2m9xq4-1042"}\n\n',
        (
            b'{"id":"7k2m9xq4-1042","event":"signals.gap","time":"2026-01-31T12:00:00.123Z",'
            b'"message":{"reason":"unknown-id","from":null,"to":"7k2m9xq4-1042"}}\n'
        ),
    ),
    "heartbeat": (
        controls.heartbeat(ID, TIME),
        b"event: signals.heartbeat\nid: 7k2m9xq4-1042\ndata: {}\n\n",
        b'{"id":"7k2m9xq4-1042","event":"signals.heartbeat","time":"2026-01-31T12:00:00.123Z","message":{}}\n',
    ),
    "heartbeat without cursor": (
        controls.heartbeat(None, TIME),
        b"event: signals.heartbeat\ndata: {}\n\n",
        b'{"event":"signals.heartbeat","time":"2026-01-31T12:00:00.123Z","message":{}}\n',
    ),
    "goodbye": (
        controls.goodbye("draining", 1500, TIME),
        b'retry: 1500\nevent: signals.goodbye\ndata: {"reason":"draining"}\n\n',
        b'{"event":"signals.goodbye","time":"2026-01-31T12:00:00.123Z","message":{"reason":"draining"},"retry":1500}\n',
    ),
}


@pytest.mark.parametrize(("control", "block", "line"), CONTROLS.values(), ids=CONTROLS.keys())
def test_a_control_event_on_the_wire(control: Control, block: bytes, line: bytes) -> None:
    """A control event is exactly these bytes, as a block and as a JSON line, each in one HTTP chunk if chunked."""
    assert SSE_PLAIN.control(control) == block
    assert NDJSON_PLAIN.control(control) == line
    assert SSE.control(control) == b"%x\r\n" % len(block) + block + b"\r\n"
    assert NDJSON.control(control) == b"%x\r\n" % len(line) + line + b"\r\n"


@pytest.mark.parametrize(("control", "block", "line"), CONTROLS.values(), ids=CONTROLS.keys())
def test_a_control_event_is_read_back(control: Control, block: bytes, line: bytes) -> None:
    """A reader gets a control event's name, object, id and delay; without an id its own stays as it was."""
    decoder = Decoder(last_event_id="before")
    last_event_id = str(control.event_id) if control.event_id else "before"
    assert list(decoder.feed(block)) == [Message(control.data.decode(), last_event_id, control.name)]
    assert decoder.last_event_id == last_event_id
    assert decoder.retry_ms == control.retry_ms
    assert orjson.loads(line)["message"] == orjson.loads(control.data)


@pytest.mark.parametrize("reason", GapReason)
def test_each_reason_of_a_gap_is_named(reason: GapReason) -> None:
    """A gap gives its reason by the reason's own name."""
    assert orjson.loads(controls.gap(Gap(reason, ID), ID, TIME).data)["reason"] == str(reason)

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals import topics
from sse_signals.errors import InvalidInput
from sse_signals.model import Event, EventId, Signal, position
from sse_signals.names import visible
from sse_signals.wire import controls, frames
from sse_signals.wire.decoder import Decoder
from sse_signals.wire.formats import IN_PROCESS, NDJSON, NDJSON_PLAIN, SSE, SSE_PLAIN, Format

if TYPE_CHECKING:
    from collections.abc import Callable


TIME = 1769860800123
ID = EventId("7k2m9xq4", position(1042))
MESSAGE = b'{"test":"test"}'


# One row an event: its id, its signal, its frame, its JSON line.
EVENTS = {
    "plain": (
        ID,
        Signal(MESSAGE, "catalog:my-topic"),
        (
            b'id: 7k2m9xq4-1042\ndata: {"topic":"catalog:my-topic","time":"2026-01-31T12:00:00.123Z",'
            b'"message":{"test":"test"}}\n\n'
        ),
        (
            b'{"id":"7k2m9xq4-1042","topic":"catalog:my-topic","time":"2026-01-31T12:00:00.123Z",'
            b'"message":{"test":"test"}}\n'
        ),
    ),
    "broadcast": (
        ID,
        Signal(b"null"),
        b'id: 7k2m9xq4-1042\ndata: {"time":"2026-01-31T12:00:00.123Z","message":null}\n\n',
        b'{"id":"7k2m9xq4-1042","time":"2026-01-31T12:00:00.123Z","message":null}\n',
    ),
    "named": (
        EventId("7k2m9xq4", position(1042, 7)),
        Signal(b"1", "a", name="x y"),
        b'id: 7k2m9xq4-1042.7\nevent: x y\ndata: {"topic":"a","time":"2026-01-31T12:00:00.123Z","message":1}\n\n',
        b'{"id":"7k2m9xq4-1042.7","event":"x y","topic":"a","time":"2026-01-31T12:00:00.123Z","message":1}\n',
    ),
    "named broadcast": (
        ID,
        Signal(b"[]", name="x"),
        b'id: 7k2m9xq4-1042\nevent: x\ndata: {"time":"2026-01-31T12:00:00.123Z","message":[]}\n\n',
        b'{"id":"7k2m9xq4-1042","event":"x","time":"2026-01-31T12:00:00.123Z","message":[]}\n',
    ),
    "targets stay inside": (
        ID,
        Signal(b"true", "a", frozenset({"group:default/secret"})),
        b'id: 7k2m9xq4-1042\ndata: {"topic":"a","time":"2026-01-31T12:00:00.123Z","message":true}\n\n',
        b'{"id":"7k2m9xq4-1042","topic":"a","time":"2026-01-31T12:00:00.123Z","message":true}\n',
    ),
    "names that need quoting": (
        ID,
        Signal(b'""', 'a"b\\c', name='d"e\\f'),
        (
            b'id: 7k2m9xq4-1042\nevent: d"e\\f\n'
            b'data: {"topic":"a\\"b\\\\c","time":"2026-01-31T12:00:00.123Z","message":""}\n\n'
        ),
        (
            b'{"id":"7k2m9xq4-1042","event":"d\\"e\\\\f",'
            b'"topic":"a\\"b\\\\c","time":"2026-01-31T12:00:00.123Z","message":""}\n'
        ),
    ),
    "names that look like fields": (
        ID,
        Signal(b'"data: {"', "data: {", name="data: {"),
        (
            b'id: 7k2m9xq4-1042\nevent: data: {\ndata: {"topic":"data: {","time":"2026-01-31T12:00:00.123Z",'
            b'"message":"data: {"}\n\n'
        ),
        (
            b'{"id":"7k2m9xq4-1042","event":"data: {","topic":"data: {","time":"2026-01-31T12:00:00.123Z",'
            b'"message":"data: {"}\n'
        ),
    ),
    "beyond ASCII": (
        ID,
        Signal('"\u00fc\u2028"'.encode(), "\u00e4", name="\u00f6"),
        'id: 7k2m9xq4-1042\nevent: \u00f6\ndata: {"topic":"\u00e4","time":"2026-01-31T12:00:00.123Z",'
        '"message":"\u00fc\u2028"}\n\n'.encode(),
        '{"id":"7k2m9xq4-1042","event":"\u00f6","topic":"\u00e4","time":"2026-01-31T12:00:00.123Z",'
        '"message":"\u00fc\u2028"}\n'.encode(),
    ),
}


@pytest.mark.parametrize(("event_id", "signal", "frame", "line"), EVENTS.values(), ids=EVENTS.keys())
def test_an_event_on_the_wire(event_id: EventId, signal: Signal, frame: bytes, line: bytes) -> None:
    """An event is exactly these bytes, as a frame and as a JSON line."""
    event = frames.event(event_id, TIME, signal)
    assert frames.encode(event_id, TIME, signal) == frame
    assert event == Event(event_id.epoch, event_id.position, TIME, signal.address, signal.targets, frame)
    assert SSE_PLAIN.events([event]) == frame
    assert NDJSON_PLAIN.events([event]) == line
    assert event.message == orjson.loads(signal.data)


def test_events_follow_each_other() -> None:
    """Several events are their bytes one after another, in one HTTP chunk where there are chunks."""
    events = [frames.event(event_id, TIME, signal) for event_id, signal, _, _ in EVENTS.values()]
    body = b"".join(frame for _, _, frame, _ in EVENTS.values())
    lines = b"".join(line for _, _, _, line in EVENTS.values())
    assert SSE_PLAIN.events(iter(events)) == body
    assert NDJSON_PLAIN.events(iter(events)) == lines
    assert SSE.events(iter(events)) == b"%x\r\n" % len(body) + body + b"\r\n"
    assert NDJSON.events(iter(events)) == b"%x\r\n" % len(lines) + lines + b"\r\n"


@pytest.mark.parametrize("form", [SSE, SSE_PLAIN, NDJSON, NDJSON_PLAIN, IN_PROCESS])
def test_no_events_are_no_bytes(form: Format) -> None:
    """Without events nothing is written: an empty HTTP chunk would end the response."""
    assert form.events([]) == b""


@pytest.mark.parametrize(
    ("body", "chunk"),
    [
        (b"a", b"1\r\na\r\n"),
        (b"a\r\nb", b"4\r\na\r\nb\r\n"),
        (b"x" * 15, b"f\r\n" + b"x" * 15 + b"\r\n"),
        (b"x" * 16, b"10\r\n" + b"x" * 16 + b"\r\n"),
        (b"x" * 65535, b"ffff\r\n" + b"x" * 65535 + b"\r\n"),
    ],
)
def test_a_chunk(body: bytes, chunk: bytes) -> None:
    """A chunk is its length in hexadecimal, and the body unchanged between two CRLF."""
    assert frames.chunk(body) == chunk


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_000, "1970-01-01T00:00:01.000Z"),
        (951_782_400_500, "2000-02-29T00:00:00.500Z"),
        (TIME, "2026-01-31T12:00:00.123Z"),
        (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
    ],
)
def test_a_timestamp(time_ms: int, text: str) -> None:
    """A time is in UTC, with exactly three digits of the second's fraction even when they are zeros."""
    assert frames.timestamp(time_ms) == text


@given(st.integers(0, 7_258_118_399_999))
def test_a_timestamp_is_exact(time_ms: int) -> None:
    """Every millisecond until the year 2200 is shown as itself, neither rounded nor cut to its neighbour."""
    shown = datetime.fromisoformat(frames.timestamp(time_ms))
    assert (shown - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1) == time_ms


@pytest.mark.parametrize(
    ("form", "content_type", "chunked", "pulse"),
    [
        (SSE, "text/event-stream", True, b"5\r\n: hb\n\r\n"),
        (SSE_PLAIN, "text/event-stream", False, b": hb\n"),
        (
            NDJSON, "application/x-ndjson", True,
            b'4d\r\n{"event":"signals.heartbeat","time":"2026-01-31T12:00:00.123Z","message":{}}\n\r\n',
        ),
        (
            NDJSON_PLAIN, "application/x-ndjson", False,
            b'{"event":"signals.heartbeat","time":"2026-01-31T12:00:00.123Z","message":{}}\n',
        ),
        (IN_PROCESS, "", False, b""),
    ],
)  # fmt: skip
def test_a_pulse(form: Format, content_type: str, chunked: bool, pulse: bytes) -> None:
    """A sign of life carries no id; in an event stream it is a lone comment, which no reader takes for a message."""
    assert (form.content_type, form.chunked, form.pulse(TIME)) == (content_type, chunked, pulse)
    assert list(Decoder().feed(SSE_PLAIN.pulse(TIME) * 3)) == []


def test_nothing_is_written_in_process() -> None:
    """A subscriber in this process is given no bytes, as it reads the history itself."""
    assert IN_PROCESS.events([frames.event(ID, TIME, Signal(MESSAGE))]) == b""
    assert IN_PROCESS.control(controls.heartbeat(ID, TIME)) == b""


@pytest.mark.parametrize("text", ['"message":', 'a"message":1}', '{"message":"', "\\", 'data: {"time":"","message":0}'])
def test_the_message_is_found_whatever_stands_before_it(text: str) -> None:
    """Neither an event name, nor an address, nor a message that looks like the wire hides an event's message."""
    for signal in (Signal(MESSAGE, text), Signal(MESSAGE, name=visible(text, "event")), Signal(orjson.dumps(text))):
        assert frames.event(ID, TIME, signal).message == orjson.loads(signal.data)


def obeys(rule: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            rule(text)
        except InvalidInput:
            return False
        return True

    return check


def event_name(text: str) -> str:
    return visible(text, "event")


NASTY = [
    '"message":',
    "\u2028",
    "\u2029",
    "\x85",
    "\r\n",
    "\r",
    "\n\ndata: x\n\n",
    "\0",
    "\x1e",
    "}\n\n",
    "\ufeff",
    "\\",
]
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from([char for text in NASTY for char in text]), max_size=30)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
MESSAGES = st.recursive(
    VALUES | TEXTS | st.sampled_from(NASTY),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.sampled_from([*NASTY, "message"]), inner, max_size=4)
    ),
    max_leaves=12,
)
VISIBLE = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp")) | st.sampled_from(' :"\\{}'), min_size=1, max_size=30
)
SIGNALS = st.builds(
    Signal,
    data=MESSAGES.map(orjson.dumps),
    address=st.none() | VISIBLE.filter(obeys(topics.topic)).map(topics.topic),
    targets=st.none() | st.just(frozenset({"user:default/a"})),
    name=st.none() | VISIBLE.filter(obeys(event_name)).map(event_name),
)
IDS = st.builds(
    EventId,
    st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=8, max_size=32),
    st.builds(position, st.integers(0, 10**16 - 1), st.integers(0, 999)),
)
TIMES = st.integers(0, 7_258_118_399_999)


def body_of(event: Event) -> dict[str, Any]:
    """Return what a reader of an event must be told, beside its id and name."""
    topic = {} if event.address is None else {"topic": event.address}
    return {**topic, "time": frames.timestamp(event.time_ms), "message": event.message}


@given(IDS, TIMES, SIGNALS)
def test_a_signal_is_read_back(event_id: EventId, time_ms: int, signal: Signal) -> None:
    """Any valid signal comes out of a frame and of a JSON line as it went in, alone and in its one line."""
    event = frames.event(event_id, time_ms, signal)
    assert event.message == orjson.loads(signal.data)
    assert EventId.parse(event.id) == event_id

    (message,) = Decoder().feed(event.frame)
    assert (message.last_event_id, message.event) == (event.id, signal.name or "message")
    assert orjson.loads(message.data) == body_of(event)

    line = NDJSON_PLAIN.events([event])
    assert line.index(b"\n") == len(line) - 1
    assert b"\r" not in line
    name = {} if signal.name is None else {"event": signal.name}
    assert orjson.loads(line) == {"id": event.id, **name, **body_of(event)}


@given(st.lists(st.tuples(IDS, TIMES, SIGNALS), max_size=5))
def test_a_body_holds_its_events_and_nothing_else(placed: list[tuple[EventId, int, Signal]]) -> None:
    """However odd the signals, a body of several has one message and one JSON line for each, in order."""
    events = [frames.event(*place) for place in placed]
    messages = list(Decoder().feed(SSE_PLAIN.events(events)))
    lines = NDJSON_PLAIN.events(events).split(b"\n")
    assert [message.last_event_id for message in messages] == [event.id for event in events]
    assert [orjson.loads(line)["id"] for line in lines[:-1]] == [event.id for event in events]
    assert lines[-1] == b""

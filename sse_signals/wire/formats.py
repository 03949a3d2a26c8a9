"""The forms a stream can have: event stream or JSON lines, in HTTP chunks or plain for HTTP/1.0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from sse_signals.wire.controls import heartbeat
from sse_signals.wire.frames import chunk, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.model import Event
    from sse_signals.wire.controls import Control


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """How events become the bytes of a response body. Streams share bytes only with streams of the same format.

    Attributes:
        content_type: The response's media type.
        chunked: Whether the body is sent in HTTP chunks.
    """

    content_type: str
    chunked: bool
    _body: Callable[[Iterable[Event]], bytes]
    _control: Callable[[Control], bytes]
    _pulse: Callable[[int], bytes]

    def events(self, events: Iterable[Event]) -> bytes:
        """Return events as they are written to a connection, in one piece."""
        return self._wrap(self._body(events))

    def control(self, control: Control) -> bytes:
        """Return a control event as it is written to a connection."""
        return self._wrap(self._control(control))

    def pulse(self, time_ms: int) -> bytes:
        """Return a sign of life that leaves the client's last event id alone."""
        return self._wrap(self._pulse(time_ms))

    def _wrap(self, body: bytes) -> bytes:
        return chunk(body) if body and self.chunked else body  # an empty chunk would end the response


def _sse_body(events: Iterable[Event]) -> bytes:
    return b"".join([event.frame for event in events])


def _sse_control(control: Control) -> bytes:
    retry = b"retry: %d\n" % control.retry_ms if control.retry_ms is not None else b""
    event_id = b"id: %b\n" % str(control.event_id).encode() if control.event_id is not None else b""
    return b"%bevent: %b\n%bdata: %b\n\n" % (retry, control.name.encode(), event_id, control.data)


def _sse_pulse(_time_ms: int) -> bytes:
    # A comment without a blank line: some clients take a block of comments for an empty message.
    return b": hb\n"


def _ndjson_line(event: Event) -> bytes:
    head, _, data = event.frame.partition(b"\ndata: {")
    id_line, _, event_line = head.partition(b"\n")
    name = b'"event":%b,' % orjson.dumps(event_line[len(b"event: ") :].decode()) if event_line else b""
    return b'{"id":"%b",%b%b\n' % (id_line[len(b"id: ") :], name, data[:-2])


def _ndjson_body(events: Iterable[Event]) -> bytes:
    return b"".join([_ndjson_line(event) for event in events])


def _ndjson_control(control: Control) -> bytes:
    event_id = b'"id":"%b",' % str(control.event_id).encode() if control.event_id is not None else b""
    retry = b',"retry":%d' % control.retry_ms if control.retry_ms is not None else b""
    time = timestamp(control.time_ms).encode()
    name = control.name.encode()
    return b'{%b"event":"%b","time":"%b","message":%b%b}\n' % (event_id, name, time, control.data, retry)


def _ndjson_pulse(time_ms: int) -> bytes:
    return _ndjson_control(heartbeat(None, time_ms))


def _nothing(_what: object) -> bytes:
    return b""


_SSE: Final = ("text/event-stream", _sse_body, _sse_control, _sse_pulse)
_NDJSON: Final = ("application/x-ndjson", _ndjson_body, _ndjson_control, _ndjson_pulse)


SSE: Final = Format(_SSE[0], True, *_SSE[1:])
SSE_PLAIN: Final = Format(_SSE[0], False, *_SSE[1:])
NDJSON: Final = Format(_NDJSON[0], True, *_NDJSON[1:])
NDJSON_PLAIN: Final = Format(_NDJSON[0], False, *_NDJSON[1:])
IN_PROCESS: Final = Format("", False, _nothing, _nothing, _nothing)
"""For subscribers in this process, which are woken and read the history themselves."""

"""HTTP/2: one connection, and the streams of requests on it."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import FrameTooLargeError, ProtocolError, StreamClosedError

from sse_signals.doctor.exchange import Ending, Head, How, NoAnswer
from sse_signals.doctor.line1 import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from h2.events import Event

    from sse_signals.doctor.exchange import Ask

_PIECE: Final = 64 * 1024  # bytes
_FRAME_HEAD: Final = 9  # bytes before what a frame holds, which begin with its length
_OF_A_CONNECTION: Final = frozenset({"host", "connection"})  # headers that HTTP/2 does not have


class Exchange2:
    """See `exchange.Exchange`."""

    def __init__(self, connection: Connection2, number: int) -> None:
        self.number = number
        self.ending: Ending | None = None
        self._connection = connection
        self._head: asyncio.Queue[Head | Ending] = asyncio.Queue()
        self._data: asyncio.Queue[bytes | Ending] = asyncio.Queue()

    async def head(self) -> Head:
        """See `exchange.Exchange.head`."""
        came = await self._head.get()
        if isinstance(came, Ending):
            self.ending = came
            raise NoAnswer(came)
        return came

    async def read(self) -> bytes:
        """See `exchange.Exchange.read`."""
        came = self.ending or await self._data.get()
        if isinstance(came, bytes):
            return came
        self.ending = came
        return b""

    def give(self, what: Head | bytes | Ending) -> None:
        """Take what came for it."""
        if not isinstance(what, bytes):
            self._head.put_nowait(what)
        if not isinstance(what, Head):
            self._data.put_nowait(what)

    def close(self) -> None:
        """Tell the server that nobody reads its answer any more."""
        self._connection.forget(self)


class Connection2:
    """One connection of HTTP/2.

    Attributes:
        closed: How the connection, and all that is on it, has ended; None while it lasts.
        gone: Why it takes no more requests, if it takes none; those that it has taken may go on.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.closed: Ending | None = None
        self.gone: Ending | None = None
        self._reader, self._writer, self._host = reader, writer, host
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="latin-1"))
        self._streams: dict[int, Exchange2] = {}
        self._changed = asyncio.Event()  # there may be room, for requests or for their bodies
        self._settled = asyncio.Event()  # the server has said how many requests it takes at once
        self._h2.initiate_connection()
        self._flush()
        self._reading = asyncio.create_task(self._read())

    async def ask(self, ask: Ask) -> Exchange2:
        """Send a request, as soon as the server takes one more.

        Raises:
            NoAnswer: The connection ends, or takes no more.
        """
        await self._until(self._has_room)
        if self.gone is not None:
            raise NoAnswer(self.gone)
        number = self._h2.get_next_available_stream_id()
        exchange = self._streams[number] = Exchange2(self, number)
        headers = [
            (":method", ask.method),
            (":scheme", "https"),
            (":authority", self._host),
            (":path", ask.target),
            *((name.lower(), value) for name, value in ask.headers if name.lower() not in _OF_A_CONNECTION),
        ]
        if ask.body or ask.method == "POST":
            headers.append(("content-length", str(len(ask.body))))
        self._h2.send_headers(number, headers, end_stream=not ask.body)
        self._flush()
        with suppress(StreamClosedError, ProtocolError):  # who answers early need not read the body
            await self._send(number, ask.body)
        return exchange

    def forget(self, exchange: Exchange2) -> None:
        """Take nothing more for a request."""
        if self._streams.pop(exchange.number, None) is not None and self.closed is None:
            with suppress(ProtocolError):
                self._h2.reset_stream(exchange.number, ErrorCodes.CANCEL)
            self._flush()
            self._changed.set()

    async def close(self) -> None:
        """End it."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        self._end(Ending(How.CLEAN))

    async def _send(self, number: int, body: bytes) -> None:
        while body:
            await self._until(lambda: number not in self._streams or self._h2.local_flow_control_window(number) > 0)
            if number not in self._streams:  # it has answered, and reads no more
                self._h2.reset_stream(number, ErrorCodes.NO_ERROR)
                self._flush()
                return
            size = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size, len(body))
            self._h2.send_data(number, body[:size], end_stream=size == len(body))
            body = body[size:]
            self._flush()

    def _has_room(self) -> bool:
        most = self._h2.remote_settings.max_concurrent_streams
        return self.gone is not None or (self._settled.is_set() and self._h2.open_outbound_streams < most)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while self.closed is None and not condition():
            self._changed.clear()
            await self._changed.wait()
        if self.closed is not None:
            raise NoAnswer(self.closed)

    async def _read(self) -> None:
        came = b""
        try:
            while data := await self._reader.read(_PIECE):
                came += data
                # One by one, since h2 takes no frame after a GOAWAY that came with it.
                while self.closed is None and (size := self._frame(came)):
                    frame, came = came[:size], came[size:]
                    for event in self._h2.receive_data(frame):
                        self._take(event)
                self._flush()
            self._end(Ending(How.INCOMPLETE))
        except ProtocolError:
            self._end(Ending(How.RESET, "it broke the rules of HTTP/2"))
        except (OSError, ssl.SSLError) as error:
            self._end(Ending(How.RESET, reason(error)))

    def _frame(self, came: bytes) -> int:
        """Return the length of the first frame (RFC 9113, section 4.1), or 0 if that is not there yet.

        Raises:
            FrameTooLargeError: It is longer than was allowed.
        """
        if len(came) < _FRAME_HEAD:
            return 0
        size = _FRAME_HEAD + int.from_bytes(came[:3])
        if size > _FRAME_HEAD + self._h2.max_inbound_frame_size:
            raise FrameTooLargeError("longer than was allowed")
        return size if len(came) >= size else 0

    def _take(self, event: Event) -> None:
        match event:
            case RemoteSettingsChanged():
                self._settled.set()
            case ConnectionTerminated():
                self._leave(event)
            case ResponseReceived() | DataReceived() | StreamEnded() | StreamReset():
                self._hand_on(event)
        self._changed.set()

    def _leave(self, event: ConnectionTerminated) -> None:
        """Take no more requests; a server that leaves in good order answers those it has (RFC 9113, section 6.8)."""
        self.gone, last = Ending(How.RESET, f"GOAWAY {_code(event.error_code)}"), event.last_stream_id or 0
        if event.error_code != ErrorCodes.NO_ERROR or all(number > last for number in self._streams):
            self._end(self.gone)
            return
        self._h2.state_machine.state = ConnectionState.CLIENT_OPEN  # for h2 it was closed
        for number in [number for number in self._streams if number > last]:
            self._streams.pop(number).give(self.gone)

    def _hand_on(self, event: ResponseReceived | DataReceived | StreamEnded | StreamReset) -> None:
        number = event.stream_id or 0
        if isinstance(event, DataReceived):  # also what nobody waits for any more counts for the connection's window
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, number)
        exchange = self._streams.get(number)
        if exchange is None:
            return
        match event:
            case ResponseReceived():
                exchange.give(_head(event))
            case DataReceived() if event.data:
                exchange.give(event.data)
            case StreamEnded():
                self._streams.pop(number)
                exchange.give(Ending(How.CLEAN))
            case StreamReset():
                self._streams.pop(number)
                exchange.give(Ending(How.RESET, f"RST_STREAM {_code(event.error_code)}"))

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._writer.is_closing():
            self._writer.write(data)

    def _end(self, ending: Ending) -> None:
        if self.closed is not None:
            return
        self.closed, self.gone = ending, self.gone or ending
        self._changed.set()
        for exchange in self._streams.values():
            exchange.give(ending)
        self._streams.clear()
        self._writer.close()


def _head(event: ResponseReceived) -> Head:
    fields = [(str(name), str(value)) for name, value in event.headers or []]
    status = next(value for name, value in fields if name == ":status")
    return Head(int(status), tuple(pair for pair in fields if not pair[0].startswith(":")), "HTTP/2")


def _code(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else str(code)

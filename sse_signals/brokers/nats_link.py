"""One connection to NATS: requests with a deadline, and what is delivered to consumers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from nats.errors import Error as NatsError

from sse_signals.brokers.nats_answers import Refused, answer, delivered
from sse_signals.brokers.nats_client import UNSENT, client_of, connect
from sse_signals.errors import BrokerUnavailable, ConfigurationError

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from sse_signals.brokers.nats_url import Place

_SWEEP: Final = 0.05  # seconds between two looks for requests that got no answer
_LEAVE: Final = 0.5  # seconds that a connection gets to end in good order
API: Final = "$JS.API."


class Reader(Protocol):
    """Whoever takes what a consumer is given."""

    def take(self, record: int, time_ns: int, pending: int, message: Msg) -> None:
        """Take a record: its number, when the server took it, and how many are there after it."""
        ...

    def told(self, status: str, message: Msg) -> None:
        """Take what the server says about the consumer."""
        ...

    def lost(self) -> None:
        """Learn that there will be no more."""
        ...


class Link:
    """A connection. Once lost it stays lost, so that nothing is sent through another before that was looked at.

    Attributes:
        up: Whether it can be used.
        loop: The event loop it belongs to.
    """

    def __init__(self, place: Place, timeout: float) -> None:
        """Prepare one.

        Args:
            place: Where the servers are.
            timeout: Seconds after which a server that does not answer counts as away.
        """
        self._place = place
        self._timeout = timeout
        self._client, self._tcp = client_of(place)
        self._inbox = ""
        self._number = 0
        self._asked: dict[str, tuple[asyncio.Future[Msg], float]] = {}
        self._readers: dict[str, Reader] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._subscription: Subscription | None = None
        self._heard = 0.0
        self._leaving: asyncio.Task[None] | None = None
        self._complaint = ""  # what the server said last, such as that something is not permitted
        self.up = False
        self.loop = asyncio.get_running_loop()

    @property
    def max_payload(self) -> int:
        """The most bytes that the server takes in one message, with its headers."""
        return self._client.max_payload

    @property
    def server(self) -> str:
        """What its server calls itself until it ends; nothing if it is one of several, of which each has the log."""
        about = self._client._server_info  # noqa: SLF001 - it is told by no other
        return "" if "cluster" in about else str(about.get("server_id", ""))

    async def connect(self) -> None:
        """Connect to the first server that answers.

        Raises:
            BrokerUnavailable: None does.
            ConfigurationError: One does, but not to these credentials.
        """
        client = self._client
        try:
            async with asyncio.timeout(self._timeout):
                await connect(client, self._place, self._timeout, on_error=self._complained, on_close=self._closed)
                self._inbox = client.new_inbox() + "."
                self.up = True
                everything = self._inbox + "*"
                self._subscription = await client.subscribe(
                    everything, cb=self._incoming, pending_msgs_limit=0, pending_bytes_limit=0
                )
        except (OSError, NatsError, TimeoutError) as error:
            await self.close()
            if "authorization" in str(error).lower():
                raise ConfigurationError("NATS does not accept the credentials in its URL.") from None
            what = self._complaint or str(error) or type(error).__name__
            raise BrokerUnavailable(f"NATS cannot be reached: {what}") from error
        except asyncio.CancelledError:
            self.drop()
            raise

    async def request(
        self, subject: str, payload: bytes, headers: dict[str, str] | None = None, *, deadline: float | None = None
    ) -> Msg:
        """Ask, and return the answer.

        Args:
            subject: Whom.
            payload: What.
            headers: More of it.
            deadline: When it is too late, by the loop's time; by default after the timeout.

        Raises:
            Refused: There is nobody who could answer.
            BrokerUnavailable: There is no answer.
        """
        if not self.up or self._client.pending_data_size > UNSENT:
            raise BrokerUnavailable("NATS cannot be reached")
        self._number += 1
        token = str(self._number)
        future: asyncio.Future[Msg] = self.loop.create_future()
        self._asked[token] = future, deadline or self.loop.time() + self._timeout
        if self._sweeping is None:
            self._sweeping = self.loop.call_later(_SWEEP, self._sweep)
        try:
            await self.send(subject, payload, self._inbox + token, headers)
            message = await future
        finally:
            self._asked.pop(token, None)
        if not message.data and message.headers and message.headers.get("Status") == "503":
            raise Refused(0, "nobody answers; is JetStream enabled?")
        return message

    async def ask(self, question: str, value: Any = None, *, deadline: float | None = None) -> Any:
        """Ask JetStream's own interface, and return its answer as a JSON value.

        Raises:
            Refused: It refuses.
            BrokerUnavailable: There is no answer.
        """
        payload = b"" if value is None else orjson.dumps(value)
        return answer(await self.request(API + question, payload, deadline=deadline))

    async def send(self, subject: str, payload: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Send a message; answers go to ``reply``.

        Raises:
            BrokerUnavailable: The connection is lost.
        """
        if not self.up:
            raise BrokerUnavailable("the connection to NATS was lost")
        try:
            await self._client.publish(subject, payload, reply, headers)
        except (NatsError, OSError) as error:
            raise BrokerUnavailable(f"NATS cannot be reached: {error}") from error

    def listen(self, name: str, reader: Reader) -> str:
        """Give what a consumer is given to a reader from now on; returns where the server is to send it."""
        self._readers[name] = reader
        return self._inbox + name

    def ignore(self, name: str) -> None:
        """Give it to nobody any more."""
        self._readers.pop(name, None)

    def drop(self) -> None:
        """Cut the connection at once."""
        self._end()
        if self._tcp is not None:
            self._tcp.abort()
        elif self._leaving is None:
            self._leaving = self.loop.create_task(self._client.close(), name="sse_signals leaves NATS")

    async def close(self) -> None:
        """End the connection."""
        self._end()
        with suppress(TimeoutError, OSError, NatsError):
            async with asyncio.timeout(_LEAVE):
                await (self._leaving or self._client.close())
        if self._tcp is not None:
            self._tcp.abort()
        await asyncio.sleep(0)  # for what the client has cancelled to end

    async def _complained(self, error: Exception) -> None:
        self._complaint = str(error) or type(error).__name__

    async def _closed(self) -> None:
        self._end()

    def _end(self) -> None:
        self.up = False
        asked, self._asked = self._asked, {}
        for future, _ in asked.values():
            if not future.done():
                future.set_exception(BrokerUnavailable("the connection to NATS was lost", outcome_unknown=True))
        for reader in list(self._readers.values()):
            reader.lost()
        if self._subscription is not None:  # the client leaves its task behind when it cannot send what is left
            self._subscription._stop_processing()  # noqa: SLF001 - what is public waits for the server
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def _sweep(self) -> None:
        """Fail what got no answer in time; a server that has been silent for that long is not asked again."""
        now = self.loop.time()
        away = BrokerUnavailable(f"NATS does not answer in time {self._complaint}".rstrip(), outcome_unknown=True)
        late = [future for future, deadline in self._asked.values() if deadline <= now and not future.done()]
        for future in late:
            future.set_exception(away)
        self._sweeping = self.loop.call_later(_SWEEP, self._sweep) if self._asked else None
        if late and now - self._heard > self._timeout / 2:
            self.drop()

    async def _incoming(self, message: Msg) -> None:
        self._heard = self.loop.time()
        if not message.subject.startswith(self._inbox):
            name, record, time_ns, pending = delivered(message.reply)
            reader = self._readers.get(name)
            if reader is not None:
                reader.take(record, time_ns, pending, message)
            return
        token = message.subject[len(self._inbox) :]
        future, _ = self._asked.get(token, (None, 0.0))
        if future is None and token in self._readers:
            self._readers[token].told((message.headers or {}).get("Status", ""), message)
        elif future is not None and not future.done():
            future.set_result(message)

"""Reads a JetStream stream from a record on, as fast as it comes, and notices when nothing comes any more."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from sse_signals.brokers.nats_found import look
from sse_signals.brokers.nats_link import API
from sse_signals.errors import BrokerUnavailable

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from sse_signals.brokers.nats_link import Link

PIECE: Final = 1000  # records that are asked for at a time
_BYTES: Final = 4 * 1024 * 1024  # and their bytes, or two of the greatest
_HEARTBEAT: Final = 0.5  # seconds between the server's words that there is nothing
_SILENCE: Final = 2.0  # seconds without any after which it is gone
_CHECK: Final = 2.0  # seconds without a record after which the stream is asked whether there should have been one
_ASKS: Final = 30.0  # seconds for which the server waits for records
_IDLE: Final = 60.0  # seconds after which the server forgets a reader that has gone without a word
_COMPLETED: Final = "Batch Completed"  # which shows in how many have come
_SECOND: Final = 10**9


class Record(NamedTuple):
    """A message of the stream.

    Attributes:
        number: Its place.
        time_ns: When the server took it, in nanoseconds since 1970-01-01 UTC.
        subject: Where it was published.
        data: What it is.
        pending: How many are there after it, at the moment it was sent.
    """

    number: int
    time_ns: int
    subject: str
    data: bytes
    pending: int


class StreamReader:
    """A consumer of a stream that the server forgets when it is closed."""

    def __init__(self, link: Link, stream: str, start: int) -> None:
        """Make one that is not opened yet.

        Args:
            link: The connection.
            stream: Which stream.
            start: The number of the first record to read.
        """
        self._link = link
        self._stream = stream
        self._start = start
        self._name = token_hex(8)
        self._inbox = ""
        self._held: deque[Record] = deque()
        self._due = 0  # records that the server still may send for what it was asked
        self._fault: str | None = None
        self._last = start - 1
        self._stuck = False
        self._heard = self._news = 0.0
        self._woken = asyncio.Event()

    async def open(self) -> int:
        """Have the server begin; returns how many records there are to read at the moment.

        Raises:
            BrokerUnavailable: It does not.
        """
        config = {
            "name": self._name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._start,
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": round(_IDLE * _SECOND),
        }
        self._inbox = self._link.listen(self._name, self)
        question = {"stream_name": self._stream, "config": config, "action": "create"}
        pending: int = (await self._link.ask(f"CONSUMER.CREATE.{self._stream}.{self._name}", question))["num_pending"]
        return pending

    async def read(self) -> list[Record]:
        """Return the next records, waiting for the first.

        Raises:
            BrokerUnavailable: The server has gone, or the stream does not give what it has.
        """
        self._news = self._link.loop.time()
        while not self._held:
            await self._ask_for_more()
            self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(self._heard + _SILENCE, self._news + _CHECK)):
                    await self._woken.wait()
            if not self._held:
                await self._doubt()
        await self._ask_for_more()
        records = [self._held.popleft() for _ in range(min(PIECE, len(self._held)))]
        self._last = records[-1].number
        return records

    async def close(self) -> None:
        """Have the server forget it."""
        self._link.ignore(self._name)
        with suppress(BrokerUnavailable):
            await self._link.send(f"{API}CONSUMER.DELETE.{self._stream}.{self._name}", b"")

    def take(self, record: int, time_ns: int, pending: int, message: Msg) -> None:
        """Take a record."""
        self._heard = self._link.loop.time()
        self._due -= 1
        self._held.append(Record(record, time_ns, message.subject, message.data, pending))
        self._woken.set()

    def told(self, status: str, message: Msg) -> None:
        """Take what the server says instead of a record."""
        self._heard = self._link.loop.time()
        said = (message.headers or {}).get("Description", "")
        if status == "100" or said == _COMPLETED:
            return
        if status == "408" or "MaxBytes" in said:
            self._due = 0
        else:
            self._fault = said or status
        self._woken.set()

    def lost(self) -> None:
        """Learn that there will be no more."""
        self._fault = "the connection was lost"
        self._woken.set()

    async def _ask_for_more(self) -> None:
        if self._due <= 0 and len(self._held) < PIECE and self._fault is None:
            self._due = PIECE
            self._heard = self._link.loop.time()
            question = {
                "batch": PIECE,
                "max_bytes": max(_BYTES, 2 * self._link.max_payload),
                "expires": round(_ASKS * _SECOND),
                "idle_heartbeat": round(_HEARTBEAT * _SECOND),
            }
            await self._link.send(
                f"{API}CONSUMER.MSG.NEXT.{self._stream}.{self._name}", orjson.dumps(question), self._inbox
            )

    async def _doubt(self) -> None:
        """Look whether silence is right."""
        if self._fault is not None:
            raise BrokerUnavailable(f"the log cannot be followed: {self._fault}")
        now = self._link.loop.time()
        if now >= self._heard + _SILENCE:
            self._link.drop()
            raise BrokerUnavailable("NATS has gone silent")
        if now >= self._news + _CHECK:
            self._news = now
            await self._check()

    async def _check(self) -> None:
        """Compare what was read with what the server has; what it has only just got, it may be about to send."""
        last = (await look(self._link, self._stream)).last
        there = await self._link.ask(f"CONSUMER.INFO.{self._stream}.{self._name}")
        missing = there["num_pending"] or there["delivered"]["stream_seq"] > self._last
        stuck = bool(missing and not self._held)
        if last < self._last or (stuck and self._stuck):
            self._link.drop()  # so that the log is compared anew
            raise BrokerUnavailable(f"the log is at record {last}, and gives none after {self._last}")
        self._stuck = stuck

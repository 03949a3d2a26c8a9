"""What a node concludes when it finds a shared log, or its server, to be another than it was."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest
from redis.exceptions import ReadOnlyError, RedisError, ResponseError

from sse_signals.brokers.redis_known import KnownRecords
from sse_signals.brokers.redis_lua import Keys
from sse_signals.brokers.redis_places import Place
from sse_signals.brokers.redis_reading import Reading
from sse_signals.brokers.redis_session import Session, refused
from sse_signals.errors import BrokerUnavailable
from sse_signals.lineage import Lineage
from sse_signals.model import EventId
from tests.brokers.redis_nodes import Told
from tests.brokers.redis_records import NEW, OLD, OTHER, Server, end, known

KEYS = Keys("signals")


async def greet(server: Server, remembered: KnownRecords) -> Lineage:
    """Let a node that remembers something find a log."""
    session = Session(cast("Any", server), KEYS)
    await session.greet(remembered, Told())
    assert session.lineage == remembered.lineage == server.lineage
    return session.lineage


A = {number: number * 10 for number in range(1, 11)}  # ten records
TEN = tuple(A.items())
LATER = {**{number: number * 10 for number in range(1, 6)}, **{number: number * 11 for number in range(6, 13)}}


class Busy(Server):
    """A server on which another connection appends a record as soon as this one has looked.

    Attributes:
        remembered: What the process of both connections knows.
    """

    remembered = KnownRecords()

    def _greet(self, *words: Any) -> list[bytes]:
        said = super()._greet(*words)
        number = max(self.log) + 1
        self.log[number] = number * 10
        self.remembered.saw(OLD, number, number * 10)
        return said


async def test_what_other_connections_append_meanwhile_is_not_taken_for_lost() -> None:
    """The log is compared with what was known before it said where it is."""
    server = Busy(Lineage(OLD), dict(A))
    server.remembered = known(Lineage(OLD), *TEN)
    assert await greet(server, server.remembered) == Lineage(OLD)
    assert server.remembered.top == 11


@pytest.mark.parametrize(
    ("own", "records", "found", "log", "forks"),
    [
        (Lineage(OLD), TEN, Lineage(OLD), A, None),
        (Lineage(OLD), TEN, Lineage(OLD), LATER, ((OLD, 5),)),
        (Lineage(OLD), TEN[:5], Lineage(OLD), LATER, None),
        (Lineage(OLD), TEN, Lineage(OLD), {}, ((OLD, 0),)),
        (Lineage(OLD), TEN, Lineage(OLD), {9: 1, 10: 1, 11: 1}, ((OLD, 7),)),
        (Lineage(OLD), TEN, Lineage(OLD), {20: 1, 21: 1}, None),
        (Lineage(OLD), (), Lineage(OLD), A, None),
        (Lineage(OLD), TEN, Lineage(OTHER), A, None),
        (Lineage(OLD), TEN, Lineage(NEW, ((OLD, 5),)), LATER, None),
        (Lineage(OLD), TEN, Lineage(NEW, ((OLD, 8),)), LATER, ((OLD, 5), (NEW, 5))),
        (Lineage(NEW, ((OLD, 5),)), (*TEN[:5], (6, 66)), Lineage(OLD), A, ((OLD, 5), (NEW, 5))),
        (Lineage(NEW, ((OLD, 5),)), (*TEN[:5], (6, 66)), Lineage(OLD), {1: 10, 2: 20}, ((OLD, 2), (NEW, 2))),
        (Lineage(NEW, ((OLD, 5),)), ((6, 66),), Lineage(OLD), A, ((OLD, 0), (NEW, 0))),
    ],
)
async def test_a_log_is_compared_with_what_is_known(
    own: Lineage, records: tuple[tuple[int, int], ...], found: Lineage, log: dict[int, int], forks: Any
) -> None:
    """It is as it was, or gets a new epoch after the last record that is; numbers of records stand for their ends."""

    def ends(lineage: Lineage) -> Lineage:
        return Lineage(lineage.epoch, tuple((epoch, end(last)) for epoch, last in lineage.forks))

    lineage = await greet(Server(ends(found), dict(log)), known(ends(own), *records))
    if forks is None:
        assert lineage == ends(found)
    else:
        assert lineage.epoch not in (own.epoch, found.epoch)
        assert [(e, last >> 10) for e, last in lineage.forks] == list(forks)


async def test_who_loses_the_race_takes_the_winners_epoch() -> None:
    """Two nodes that see at once what is lost agree on one new epoch."""
    server = Server(Lineage(OLD), LATER)
    winner = Lineage(NEW, ((OLD, end(5)),))
    server.races = [winner]
    assert await greet(server, known(Lineage(OLD), *TEN)) == winner


@pytest.mark.parametrize(
    ("own", "records"),
    [
        (None, ()),
        (Lineage(OLD), ()),
        (Lineage(OLD), TEN[:9]),
        (Lineage(OTHER), TEN),
    ],
)
async def test_only_who_has_seen_all_vouches_for_a_server_with_a_new_id(own: Lineage | None, records: Any) -> None:
    """It may have held more: it gets a new epoch where it is now, and that once."""
    server = Server(Lineage(OLD), A, "other")
    remembered = known(own, *records) if own else KnownRecords()
    lineage = await greet(server, remembered)
    assert (lineage.epoch != OLD, lineage.forks, server.replid) == (True, ((OLD, end(10)),), "other")
    assert await greet(server, KnownRecords()) == lineage


async def test_a_server_with_a_new_id_has_only_been_restarted() -> None:
    """If it never was a replica; its id is noted, and the epoch stays. One that does not tell it is not asked again."""
    server = Server(Lineage(OLD), A, "other")
    assert await greet(server, known(Lineage(OLD), *TEN)) == Lineage(OLD)
    assert server.replid == "other"
    server.replication = None
    assert await greet(server, known(Lineage(OLD), *TEN)) == Lineage(OLD)
    assert (await greet(Server(Lineage(OLD), LATER, None), known(Lineage(OLD), *TEN))).epoch != OLD


@pytest.mark.parametrize(
    ("error", "nothing_done"),
    [
        (ResponseError("ERR Error running script: @user_script: 5: -OOM command not allowed"), True),
        (ResponseError("STALE the log is not the one that was known"), True),
        (ReadOnlyError("You can't write against a read only replica."), True),
        (ResponseError("ERR Error running script: the ID is equal or smaller"), False),
    ],
)
def test_what_an_error_says_of_the_outcome(error: RedisError, nothing_done: bool) -> None:
    """Only if the server has refused it is certain that nothing was done."""
    assert refused(error) == nothing_done


async def test_a_silent_server_that_is_a_replica_now_is_left() -> None:
    """A connection that came through the change waits for nothing there."""

    async def begin() -> Session:
        session = Session(cast("Any", Server(Lineage(OLD), A)), KEYS)
        await session.greet(KnownRecords(), Told())
        return session

    reading = Reading(begin, lambda session: session.greet(KnownRecords(), Told()), KEYS, KnownRecords(), 1.0)
    with pytest.raises(BrokerUnavailable, match="has become a replica"):
        await anext(reading.follow(EventId(OLD, 0)))


@pytest.mark.parametrize("after", [b"", b"+OK\r\n"], ids=["connecting", "greeting"])
async def test_a_beginning_that_is_given_up_leaves_no_connection(after: bytes) -> None:
    """Wherever it is interrupted; here while it selects the database, and while it asks for the replication."""
    gone, here = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"SELECT")
        if after:
            writer.write(after)
            await reader.readuntil(b"INFO")
        here.set()
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        gone.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening, asyncio.timeout(10):
        port = listening.sockets[0].getsockname()[1]
        place = Place(f"redis://127.0.0.1:{port}/1", KEYS.log, 5)
        beginning = asyncio.ensure_future(Session.begin(place, KEYS, KnownRecords(), Told()))
        await here.wait()
        beginning.cancel()
        await gone.wait()
        assert (await asyncio.gather(beginning, return_exceptions=True))[0].__class__ is asyncio.CancelledError

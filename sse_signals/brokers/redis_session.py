"""A connection to the Redis server that holds a log, which has been seen to be the log that this node knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from redis.exceptions import RedisError, ResponseError

from sse_signals.brokers.epochs import new_epoch
from sse_signals.brokers.redis_known import up_to
from sse_signals.brokers.redis_lua import STALE, call
from sse_signals.brokers.redis_scripts import FORK, GREET, LAYOUT, SAME, load
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.lineage import MAX_FORKS, Lineage
from sse_signals.model import INDEX_MASK, position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Connection

    from sse_signals.brokers.redis_known import KnownRecords, Seen
    from sse_signals.brokers.redis_lua import Keys
    from sse_signals.brokers.redis_places import Place

Command = tuple[str | bytes | int, ...]

# What a server says before it has done anything. A script's error may hold the words in its middle.
_REFUSALS: Final = (
    *("READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "OOM ", "MISCONF", "BUSY"),
    *("MOVED", "ASK", "TRYAGAIN", "NOPERM", "NOAUTH", "NOSCRIPT", STALE),
)


def refused(error: RedisError) -> bool:
    """Say whether a reply that is an error means that nothing was done."""
    return type(error) is not ResponseError or any(word in str(error) for word in _REFUSALS)


class Session:
    """A connection that one task uses at a time.

    Args:
        connection: It is connected.
        keys: Of the log.

    Attributes:
        lineage: The log as it was when it was greeted last.
    """

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys
        self.lineage = Lineage("")

    @classmethod
    async def begin(cls, place: Place, keys: Keys, known: KnownRecords, logger: Any) -> Session:
        """Connect, and greet the log.

        Raises:
            BrokerUnavailable: The server cannot be reached, or cannot be used at the moment.
            ConfigurationError: It will not be of use.
        """
        session: Session | None = None
        try:
            session = cls(await place.connect(), keys)
            await session.greet(known, logger)
        except (RedisError, OSError) as error:
            if session is not None:
                await session.end()
            raise BrokerUnavailable(
                f"Redis at {place} cannot be reached: {str(error) or type(error).__name__}"
            ) from error
        except BaseException:
            if session is not None:
                await session.end()
            raise
        return session

    async def ask(self, commands: Sequence[Command], replies: list[Any] | None = None) -> list[Any]:
        """Send commands in one go; an error that is a reply takes the place of the reply.

        Whoever is cancelled meanwhile, or gets an error, must `end` the session: its replies belong to nobody any more.

        Args:
            commands: What to do.
            replies: Where to put the replies as they come.

        Raises:
            RedisError: The connection is lost.
            OSError: The same.
        """
        replies = [] if replies is None else replies
        await self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        for _ in commands:
            try:
                replies.append(await self._connection.read_response())
            except ResponseError as error:
                replies.append(error)
        return replies

    async def lost(self) -> bool:
        """Say whether the server has closed the connection, so that nothing should be sent any more.

        Raises:
            RedisError: It is not connected.
        """
        return await self._connection.can_read()

    async def end(self) -> None:
        """Drop the connection, whatever is under way."""
        await self._connection.disconnect(nowait=True)

    async def greet(self, known: KnownRecords, logger: Any) -> None:
        """Find out which log there is, or begin it; give it a new epoch if it has lost something, or may have.

        A server that was started anew, or was a replica, may have lost what it held last. That costs nobody a gap who
        has read no further than it holds.

        Raises:
            RedisError: The server cannot be reached, or refuses.
            BrokerUnavailable: It is a replica.
            ConfigurationError: A newer version has made the log.
        """
        loading = load()
        while True:
            # Before the log says where it is: what other connections append meanwhile would seem to be lost.
            own, seen = known.lineage, known.copy()
            greeting = call(GREET, (self._keys.log, self._keys.meta), new_epoch(), await self._replication(), LAYOUT)
            layout, epoch, record, forks, replid, first = (await self._done([*loading, greeting]))[-1]
            if int(layout) > LAYOUT:
                raise ConfigurationError("The log in Redis was made by a newer version, which this one cannot share.")
            found = Lineage.from_json({"epoch": epoch.decode(), "forks": orjson.loads(forks)})
            server = str(greeting[-2]) or replid.decode()
            parent, last = await self._kept(own, seen, found, int(record), int(first))
            if last is None and server == replid.decode():
                break
            lineage = found if last is None else parent.fork(new_epoch(), position(last, INDEX_MASK))
            epoch, ends = lineage.epoch, lineage.to_json()["forks"]
            if last is None and (self._was_replica or not _whole(own, seen, found, int(record))):
                # It may have held more, which nobody here has seen all of: ids above its head are not to be trusted.
                epoch, ends = new_epoch(), [*ends, [found.epoch, "here"]][-MAX_FORKS:]
            told = (found.epoch, replid, epoch, orjson.dumps(ends), server)
            if (await self._done([call(FORK, (self._keys.meta,), *told)]))[0] and epoch != found.epoch:
                what = "the log may have lost records" if last is None else "the log went backwards"
                logger.warning(what, epoch=epoch)
        self.lineage = found
        known.adopt(found)

    async def _replication(self) -> str:
        """Return the id of what the server's replicas follow; empty if it may not be known."""
        (about,) = await self.ask([("INFO", "replication")])
        said = fields(about)
        if said.get("role", "master") != "master":
            raise BrokerUnavailable("Redis is a replica: its master, or another one, has to be asked.")
        self._was_replica = bool(said.get("master_replid2", "").strip("0"))
        return said.get("master_replid", "")

    async def _kept(
        self, own: Lineage | None, seen: list[Seen], found: Lineage, head: int, first: int
    ) -> tuple[Lineage, int | None]:
        """Compare the log with what is known of it.

        Returns:
            What it is or goes on from, and the number of the last record that it still has in common with that; None if
            nothing is lost.
        """
        parent, limit, behind = found, None, False
        if own is not None and own.epoch != found.epoch:
            limit = found.shared(own.epoch)
            if limit is None:
                limit = own.shared(found.epoch)  # it is as it was before it got the epoch that we know
                if limit is None:
                    return found, None  # another log
                parent, behind = own, True
        held = up_to(seen, limit)
        newest = held[-1][0] if held else 0
        if newest < first:  # nothing of what is known is still there to compare
            return parent, newest if behind else None
        if newest <= head and await self._same(held[-1:]) == newest:
            return parent, newest if behind else None
        return parent, await self._same([one for one in held if one[0] >= first]) or max(first - 2, 0)

    async def _same(self, records: Sequence[tuple[int, int]]) -> int:
        numbers = [number for seen in records for number in seen]
        return int((await self._done([call(SAME, (self._keys.log,), *numbers)]))[0])

    async def _done(self, commands: Sequence[Command]) -> list[Any]:
        replies = await self.ask(commands)
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        return replies


def _whole(own: Lineage | None, seen: list[Seen], found: Lineage, head: int) -> bool:
    """Say whether this process has seen the log up to its present head."""
    return own is not None and own.epoch == found.epoch and bool(seen) and seen[-1][0] == head


def fields(about: Any) -> dict[str, str]:
    """Return what ``INFO`` has said; nothing if it was an error."""
    if isinstance(about, RedisError):
        return {}
    lines = (line.partition(":") for line in about.decode().split("\r\n"))
    return {name: value for name, colon, value in lines if colon}

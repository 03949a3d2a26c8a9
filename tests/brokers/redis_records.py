"""Records of a shared log, a server that has some, and what a node remembers of them."""

from __future__ import annotations

from typing import Any

import orjson
from redis.exceptions import ResponseError

from sse_signals.brokers.redis_known import KnownRecords
from sse_signals.brokers.redis_scripts import FORK, GREET, SAME
from sse_signals.lineage import Lineage
from sse_signals.model import INDEX_MASK, position

OLD, NEW, OTHER = "oldepoch", "newepoch", "another1"


def end(record: int) -> int:
    """Return the last position of a record."""
    return position(record, INDEX_MASK)


def known(lineage: Lineage, *records: tuple[int, int]) -> KnownRecords:
    """Return what a node remembers that has seen these records."""
    remembered = KnownRecords()
    remembered.adopt(lineage)
    for record, time_ms in records:
        remembered.saw(lineage.epoch, record, time_ms)
    return remembered


class Server:
    """A connection to a server that has a log and does what the scripts say.

    Attributes:
        lineage: What it says that the log is.
        log: Times of records by number.
        first: The oldest record it holds.
        replication: What it says of it.
        races: Logs that other nodes make of it just before this one does.
    """

    def __init__(self, lineage: Lineage, log: dict[int, int], replication: str | None = "id") -> None:
        self.lineage = lineage
        self.log = log
        self.replid = "id"
        self.replication = replication
        self.races: list[Lineage] = []
        self._replies: list[Any] = []

    def pack_commands(self, commands: Any) -> Any:
        """Keep them as they are."""
        return commands

    async def send_packed_command(self, commands: Any, *, check_health: bool) -> None:
        """Do them."""
        assert not check_health
        self._replies += [self._reply(*command) for command in commands]

    async def read_response(self) -> Any:
        """Return the next reply."""
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def disconnect(self, *, nowait: bool) -> None:
        """Be gone."""
        assert nowait

    def _reply(self, name: str, *words: Any) -> Any:
        if name == "EVALSHA":
            done: Any = {GREET.sha: self._greet, SAME.sha: self._same, FORK.sha: self._fork}[words[0]]
            return done(*words[2 + words[1] :])
        said = f"role:master\r\nmaster_replid:{self.replication}\r\nmaster_replid2:{'0' * 40}\r\n"
        refusal = ResponseError("NOPERM this user has no permissions to run the 'info' command")
        return {
            "INFO": refusal if self.replication is None else said.encode(),
            "ROLE": [b"slave", b"somewhere"],
            "XREAD": None,
            "HGET": self.lineage.epoch.encode(),
        }.get(name, b"OK")

    def _greet(self, *_: Any) -> list[bytes]:
        forks = orjson.dumps(self.lineage.to_json()["forks"])
        head = max(self.log, default=0)
        first = min(self.log, default=head + 1)
        return [b"1", self.lineage.epoch.encode(), b"%d" % head, forks, self.replid.encode(), b"%d" % first]

    def _same(self, *numbers: int) -> int:
        same = [n for n, time in zip(numbers[::2], numbers[1::2], strict=True) if self.log.get(n) == time]
        return max(same, default=0)

    def _fork(self, epoch: str, _: bytes, new: str, forks: bytes, replid: str) -> int:
        if self.races:
            self.lineage = self.races.pop()
        if epoch != self.lineage.epoch:
            return 0
        here = b"%d" % end(max(self.log, default=0))
        self.lineage = Lineage.from_json({"epoch": new, "forks": orjson.loads(forks.replace(b'"here"', here))})
        self.replid = replid
        return 1

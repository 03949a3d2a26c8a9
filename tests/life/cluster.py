"""Two nodes, or more, on one log and one shared state, with clocks and connections that a test moves by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from sse_signals.brokers.memory import MemoryBroker
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.cursor.start import Live
from sse_signals.errors import BrokerUnavailable, NotAuthenticated
from sse_signals.grants import Grants
from sse_signals.hub.stream import Stream
from sse_signals.identity import Identity
from sse_signals.life.access import Access
from sse_signals.life.limits import FailedAuthentications
from sse_signals.life.lives import Lives
from sse_signals.life.nodes import Nodes
from sse_signals.life.revocations import Revocations
from sse_signals.life.security import Security
from sse_signals.model import EventId, HistoryLimits, Signal
from sse_signals.rules import NO_RULES
from sse_signals.service import Service
from sse_signals.topics import Filters
from sse_signals.wire.decoder import Decoder
from sse_signals.wire.formats import SSE_PLAIN
from tests.fakes import NOON, Scheduler, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sse_signals.interfaces import Authenticator, Credentials

HOUR = 3_600_000
ANN = "user:default/ann"
READS = Grants(unmarked=True)


class Log(MemoryBroker):
    """A log that can be out of reach for control records, or lose them."""

    cut = False
    lossy = False

    async def control(self, data: bytes) -> EventId:
        if self.cut:
            raise BrokerUnavailable("the log is cut off")
        return await self.head() if self.lossy else await super().control(data)


class State(MemoryState):
    """A shared state that can be out of reach."""

    cut = False

    def __bool__(self) -> bool:
        return True  # however empty it is

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        if self.cut:
            raise BrokerUnavailable("the state is cut off")
        await super().put(key, value, ttl)

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        if self.cut:
            raise BrokerUnavailable("the state is cut off")
        return await super().items(prefix)


@dataclass
class Owners:
    """An authenticator that never lets anybody in, and says of those who are in what they own."""

    owned: dict[str, frozenset[str]] = field(default_factory=dict)
    failing: Exception | None = None
    asked: Callable[[], object] = lambda: None

    async def authenticate(self, credentials: Credentials) -> Identity:
        raise AssertionError(credentials)

    async def refresh(self, identity: Identity) -> Identity:
        self.asked()
        if self.failing is not None:
            raise self.failing
        owns = self.owned.get(identity.subject or "")
        return identity if owns is None else ann(owns=owns, token_id=identity.token_id, subject=identity.subject)


def ann(
    *,
    owns: frozenset[str] = frozenset(),
    token_id: str | None = "t1",
    subject: str | None = ANN,
    issued_ms: int | None = NOON - HOUR,
    expires_ms: int | None = NOON + HOUR,
    grants: Grants = READS,
) -> Identity:
    """Return an identity, by default that of Ann with her first token."""
    return Identity(subject, owns, grants, expires_ms, issued_ms, token_id, "test", Grants())


class Peer:
    """One node of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.scheduler = Scheduler()
        logger = structlog.get_logger("sse_signals")
        self.service = Service(cluster.log, limits=HistoryLimits(), logger=logger, clock=cluster.clock)
        self.revocations = Revocations(cluster.state, lifetime=86_400.0, clock=cluster.clock)
        self.owners = Owners()
        authenticators: list[Authenticator] = [self.owners]
        self.access = Access(
            authenticators,
            rules=NO_RULES,
            revocations=self.revocations,
            failures=FailedAuthentications(),
            anonymous=False,
            clock=cluster.clock,
            logger=logger,
        )
        self.lives = Lives(lambda: self.service.node.hub, self.scheduler, expiring=60.0, clock=cluster.clock)
        self.nodes = Nodes(cluster.state)
        self.drained = 0
        self.security = Security(
            access=self.access,
            lives=self.lives,
            nodes=self.nodes,
            revocations=self.revocations,
            service=self.service,
            drain=self._drain,
            logger=logger,
        )

    def _drain(self) -> None:
        self.drained += 1

    def open(self, identity: Identity, *topics: str) -> Stream:
        """Open a stream."""
        transport = Transport()
        stream = Stream(
            name=self.nodes.name_stream(),
            filters=Filters.parse(topics),
            identity=identity,
            wire_format=SSE_PLAIN,
            transport=transport,
            notify=lambda: asyncio.get_running_loop().call_soon(self._enter, stream),
        )
        self.service.node.open(stream, Live())
        self.lives.add(stream)
        self.service.node.turnstile.enter(stream)
        return stream

    def _enter(self, stream: Stream) -> None:
        self.service.node.turnstile.enter(stream)

    async def caught_up(self) -> None:
        """Wait until this node has taken, and written, all that the log holds."""
        head = await self.cluster.log.head()
        hub = self.service.node.hub
        await until(lambda: hub.head >= head.position)
        await until(lambda: all(hub.settled(stream) for stream in hub.streams if stream.ended is None))

    def lets_in(self, identity: Identity) -> bool:
        """Say whether an identity is still good here."""
        try:
            self.access.check(identity)
        except NotAuthenticated:
            return False
        return True


class Cluster:
    """Nodes that share what nodes share."""

    def __init__(self) -> None:
        self.now_ms = NOON
        self.log = Log(clock=self.clock)
        self.state = State(clock=self.clock)
        self.peers: list[Peer] = []

    def clock(self) -> int:
        """Return the time, in milliseconds since 1970-01-01 UTC."""
        return self.now_ms

    async def publish(self, address: str | None = "a", targets: frozenset[str] | None = None) -> str:
        """Publish a signal and wait until every node has taken it."""
        receipt = await self.log.publish([Signal(b"1", address, targets)])
        for peer in self.peers:
            await peer.caught_up()
        return str(receipt.ids[0])


@asynccontextmanager
async def cluster(size: int = 2) -> AsyncIterator[Cluster]:
    """Run a cluster."""
    nodes = Cluster()
    nodes.peers += [Peer(nodes) for _ in range(size)]
    for peer in nodes.peers:
        await peer.service.start()
        await peer.security.start()
    try:
        yield nodes
    finally:
        for peer in nodes.peers:
            await peer.security.stop()
            await peer.service.stop()


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, under a deadline."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing rings a bell for tests
            await asyncio.sleep(0)


def taken(stream: Stream) -> list[str]:
    """Return what a stream's client has got: ids of events, and names of the hub's own events with their reason."""
    transport = stream.transport
    assert isinstance(transport, Transport)
    return [
        f"{message.event} {message.data}" if message.event.startswith("signals.") else message.last_event_id
        for message in Decoder().feed(transport.taken)
    ]

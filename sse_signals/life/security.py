"""What one node knows of who may be there, kept in step with all other nodes."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import BrokerUnavailable, NotAuthenticated, NotGranted, SignalsError
from sse_signals.life import orders
from sse_signals.life.buckets import Buckets
from sse_signals.life.errands import Errands
from sse_signals.life.nodes import SAY_EVERY
from sse_signals.life.ownership import look_again
from sse_signals.life.revocations import Revocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.hub.stream import Stream
    from sse_signals.identity import Identity
    from sse_signals.life.access import Access
    from sse_signals.life.lives import Lives
    from sse_signals.life.nodes import Nodes
    from sse_signals.life.revocations import Revocations
    from sse_signals.service import Service

REFRESH_EVERY: Final = 15.0  # seconds between two looks at what the subjects of open streams own
AGAIN: Final = 1.0  # seconds after which a node that has learnt nothing tries once more
LAST_WORDS: Final = 3.5  # seconds at the end for telling others who is revoked: as long as log and state may take
FORWARDED_RATE: Final = 1.0  # renewals of streams on other nodes that a subject may send per second
FORWARDED_BURST: Final = 100  # and at once: as many as it may have streams


class Renewal(Enum):
    """What became of the wish to prolong a stream.

    A forwarded one is decided by the node that has the stream, and nobody hears how: if it refuses, as for a token of
    another subject, the stream goes on as it was, and is told ``signals.expiring`` when it would have been.
    """

    DONE = "done"
    FORWARDED = "forwarded"
    UNKNOWN = "unknown"


class Security:
    """Access, revocations and the lives of open streams, on one node among others.

    Attributes:
        access: Says who somebody is.
        lives: The open streams.
        nodes: The other nodes.
        in_step: Whether this node has learnt who is revoked, without which it may let nobody in.
    """

    def __init__(
        self,
        *,
        access: Access,
        lives: Lives,
        nodes: Nodes,
        revocations: Revocations,
        service: Service,
        drain: Callable[[], object],
        logger: Any,
    ) -> None:
        """Make it; nothing happens before `start`.

        Args:
            access: Says who somebody is.
            lives: The open streams.
            nodes: The other nodes.
            revocations: Who is refused.
            service: The node's end of the log.
            drain: Called when this node shall end its streams and take no more.
            logger: Where orders of other nodes and failures are told.
        """
        self.access = access
        self.lives = lives
        self.nodes = nodes
        self._revocations = revocations
        self._service = service
        self._drain = drain
        self._logger = logger
        self._watches: list[asyncio.Task[None]] = []
        self._errands = Errands()
        detail = "This subject has renewed streams of other nodes too often: renew each when signals.expiring comes."
        self._forwarded = Buckets(FORWARDED_RATE, FORWARDED_BURST, reason="renewal-rate", detail=detail)
        self._untold: dict[Revocation, None] = {}  # what this node alone knows
        self.in_step = False
        self._unheard = 0  # looks in a row in which nothing could be heard

    async def start(self) -> None:
        """Learn what the other nodes know, and keep in step with them."""
        self._service.on_control.append(self._obey)
        pause = SAY_EVERY if await self.keep_in_step() else AGAIN
        self._watches.append(asyncio.create_task(self._for_ever(self.keep_in_step, SAY_EVERY, pause)))
        self._watches.append(asyncio.create_task(self._for_ever(self.refresh, REFRESH_EVERY, REFRESH_EVERY)))

    async def stop(self) -> None:
        """Keep in step no longer, once others were told who is revoked; harmless when it was not started."""
        if self._obey in self._service.on_control:
            self._service.on_control.remove(self._obey)
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        self._watches.clear()
        for revocation in self._untold:
            self._errands.send(self._tell(revocation))
        if self.in_step:
            self._errands.send(self.nodes.gone())
        await self._errands.finish(LAST_WORDS)
        if self._untold:
            names = [f"{each.kind} {each.name}" for each in self._untold]
            self._logger.error("other nodes do not know of revocations", revoked=names[:8], count=len(names))

    async def revoke(self, revocation: Revocation) -> None:
        """Refuse somebody from now on, everywhere, and end what they have open.

        A caller that is cancelled does not stop it.

        Raises:
            BrokerUnavailable: It is in force here, but not everywhere.
        """
        self._revocations.note(revocation)
        self._enforce()
        await asyncio.shield(self._errands.send(self._spread(revocation)))

    async def renew(self, name: str, identity: Identity, *, request_id: str | None = None) -> Renewal:
        """Let an open stream go on with a fresh identity of the same subject, here or on the node that has it.

        Raises:
            NotAuthenticated: The identity has expired or is revoked by now.
            NotGranted: The stream is somebody else's, or may not read what it asks for any more; it goes on as it was.
            TooMany: The subject has renewed streams of other nodes too often.
            BrokerUnavailable: The other nodes cannot be told.
        """
        self.access.check(identity)
        stream = self.lives.find(name)
        if stream is not None:
            self._renew(stream, identity, request_id)
            return Renewal.DONE
        if not await self.nodes.knows_place_of(name):
            return Renewal.UNKNOWN
        self._forwarded.spend(identity.subject or "")  # each is a record in the log, whatever it says
        await self._service.control(orders.encode(orders.Renew(name, identity)))
        return Renewal.FORWARDED

    async def drain(self, node: str) -> bool:
        """Have a node end its streams and take no more; False when there is no such node.

        Raises:
            BrokerUnavailable: It cannot be told.
        """
        if node == self.nodes.own:
            self._drain()
            return True
        if not await self.nodes.knows(node):
            return False
        await self._service.control(orders.encode(orders.Drain(node)))
        return True

    async def keep_in_step(self) -> bool:
        """Say that this node is there, and learn what others have decided even if the log did not bring it.

        Returns:
            Whether it could.
        """
        try:
            await self.nodes.here()
            unreadable = await self._revocations.load()
        except SignalsError as error:
            self._unheard += 1
            if self._unheard & (self._unheard - 1) == 0:  # ever more seldom: it may be away for the night
                self._logger.warning("other nodes cannot be heard", error=str(error), times=self._unheard)
            return False
        self.in_step, self._unheard = True, 0
        if unreadable:
            self._logger.warning("revocations cannot be read", keys=unreadable[:8], count=len(unreadable))
        self._enforce()
        for revocation in list(self._untold):
            await self._tell(revocation)
        return True

    async def refresh(self) -> None:
        """Look again what the subjects of open streams own and may do; what changed holds for their streams at once."""
        await look_again(self.lives, self.access, self._logger)

    def _renew(self, stream: Stream, identity: Identity, request_id: str | None = None) -> None:
        if identity.subject is None or identity.subject != stream.identity.subject:
            raise NotGranted(
                "The stream is not of this subject.", field="stream", hint="Renew it with a token of who opened it."
            )
        self.lives.change(stream, identity)
        self._logger.info("stream renewed", stream=stream.name, request_id=request_id)

    def _obey(self, text: bytes) -> None:
        """Do what another node, or this one, has told all nodes."""
        match orders.decode(text):
            case orders.Revoke(revocation):
                self._revocations.note(revocation)
                self._enforce()
            case orders.Renew(name, identity):
                stream = self.lives.find(name)
                if stream is not None:
                    self._renew_for_another(stream, identity)
            case orders.Drain(node) if node == self.nodes.own:
                self._drain()

    def _renew_for_another(self, stream: Stream, identity: Identity) -> None:
        try:
            self.access.check(identity)  # again: it was another node that did, and some time ago
            self._renew(stream, identity)
        except (NotAuthenticated, NotGranted) as error:
            self._logger.info("stream not renewed", stream=stream.name, error=str(error))

    def _enforce(self) -> None:
        """End the open streams that what is new in the revocations concerns."""
        news = self._revocations.news
        for revocation in news:  # to which the tokens of revoked streams are added meanwhile
            if revocation.kind == "subject":
                self._end_revoked(self.lives.of(revocation.name))
            elif revocation.kind == "stream":
                stream = self.lives.find(revocation.name)
                if stream is not None:
                    self._refuse_tokens_of(stream, revocation.at_ms)
                    self.lives.end(stream, "revoked")
        if any(revocation.kind == "token" for revocation in news):
            self._end_revoked(self.lives.streams)
        news.clear()

    def _refuse_tokens_of(self, stream: Stream, at_ms: int) -> None:
        """Refuse all tokens that a stream was opened and renewed with: its client would only come back with them."""
        for token_id in self.lives.tokens_of(stream):
            revocation = Revocation("token", token_id, at_ms)
            self._revocations.note(revocation)
            self._errands.send(self._tell(revocation))

    async def _spread(self, revocation: Revocation) -> None:
        order = orders.encode(orders.Revoke(revocation))
        try:
            await self._revocations.keep(revocation)
        except BrokerUnavailable:
            await self._service.control(order)  # then at least those who are there hear of it
            raise
        try:
            await self._service.control(order)
        except BrokerUnavailable as error:  # every node reads what is kept, only not at once
            self._logger.warning("other nodes hear of a revocation late", error=str(error))

    async def _tell(self, revocation: Revocation) -> None:
        self._untold[revocation] = None
        try:
            await self.revoke(revocation)
        except SignalsError as error:
            self._logger.warning("other nodes do not know of a revocation yet", error=str(error))
        else:
            self._untold.pop(revocation, None)

    def _end_revoked(self, streams: Iterable[Stream]) -> None:
        for stream in streams:
            if self._revocations.refuses(stream.identity):
                self.lives.end(stream, "revoked")

    async def _for_ever(self, step: Callable[[], Any], seconds: float, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            pause = seconds
            try:
                if await step() is False:
                    pause = AGAIN
            except Exception:  # whatever fails once must not end the watch over who is there
                self._logger.exception("keeping in step failed")

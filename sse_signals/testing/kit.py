"""`SignalsHub`: the hub of a test, as the test sees it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sse_signals import messages, topics
from sse_signals.life.authentication import Authentication
from sse_signals.model import HistoryLimits, Signal
from sse_signals.refs import entity_ref
from sse_signals.testing.expectation import open_streams
from sse_signals.testing.expecting import Expecting, outside_loops
from sse_signals.testing.faults import Cut, gap, stalled, unavailable
from sse_signals.testing.running import RunningHub
from sse_signals.testing.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from contextlib import AbstractContextManager

    from sse_signals.web.site import Limits


class SignalsHub(Expecting):
    """A hub that lives as long as a test, on a port of its own.

    Every call works in any thread, with or without an event loop, and most take a millisecond. Those that wait
    (`expect`, `expect_nothing`, `wait_for_streams`) have a form for asynchronous tests, which is awaited.
    """

    def __init__(self, running: RunningHub, tokens: Tokens | None) -> None:
        super().__init__(running.ledger)
        self._running = running
        self._tokens = tokens

    @property
    def url(self) -> str:
        """Where it is, for example ``http://127.0.0.1:43210/signals``."""
        return self._running.url

    def token(
        self,
        subject: str,
        *,
        owns: Iterable[str] = (),
        publish: bool | Iterable[str] = False,
        admin: bool = False,
        expires_in: float = 3600.0,
    ) -> str:
        """Return a token for ``Authorization: Bearer``, on a hub with ``authentication=True``.

        Args:
            subject: Who shows it, for example ``user:default/jane``.
            owns: The entity refs they own, for targeted signals.
            publish: Whether they may publish: everywhere, nowhere, or where these topic filters say.
            admin: Whether they may revoke and drain.
            expires_in: Seconds that it is good for.

        Raises:
            RuntimeError: The hub lets everybody do everything.
            InvalidInput: A ref or a filter breaks its rules.
        """
        return self._with_tokens().make(subject, owns=owns, publish=publish, admin=admin, expires_in=expires_in)

    def refuse(self, token: str) -> None:
        """Know a token no longer: requests with it are 401 from now on, and open streams stay."""
        self._with_tokens().refuse(token)

    def _with_tokens(self) -> Tokens:
        if self._tokens is None:
            raise RuntimeError("this hub lets everybody do everything: make it with authentication=True")
        return self._tokens

    def publish(
        self,
        message: Any,
        *,
        topic: str | None = None,
        target_ownership_entity_refs: Iterable[str] | None = None,
        event: str | None = None,
    ) -> str:
        """Publish a signal as somebody else would, and return its event id.

        It is in `published`, and answers no `expect`: that waits for what the code under test does.

        Args:
            message: Any JSON value.
            topic: Its whole address, for example ``orders/1`` or ``catalog:my-topic``; None is a broadcast.
            target_ownership_entity_refs: Only identities that own one of these receive it; None means everyone.
            event: A name for ``addEventListener``.

        Raises:
            InvalidInput: Something breaks a rule; the error names it.
            BrokerUnavailable: The hub is `unavailable`.
        """
        if isinstance(target_ownership_entity_refs, str):
            raise TypeError("target_ownership_entity_refs is a list of entity refs, not one text")
        refs = target_ownership_entity_refs
        signal = Signal(
            data=messages.encode(message),
            address=topics.address(None, topic),
            targets=None if refs is None else frozenset(entity_ref(ref) for ref in refs),
            name=None if event is None else topics.event_name(event),
        )
        return self._running.call(lambda: self._running.log.publish_by_test(signal))

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return self._running.service.streams

    def wait_for_streams(self, count: int, *, within: float = 2.0) -> None:
        """Wait until that many streams are open, no more and no less: to publish only once the code under test listens.

        Args:
            count: How many.
            within: Seconds to wait at most.

        Raises:
            AssertionError: There are more or fewer; the text says which.
            RuntimeError: An event loop runs here: ``await hub.wait_for_streams_async(…)``.
        """
        outside_loops("wait_for_streams")
        self._counted(count, self._ledger.wait(lambda: self.streams == count or None, within), within)

    async def wait_for_streams_async(self, count: int, *, within: float = 2.0) -> None:
        """As `wait_for_streams`, in a test that runs in an asyncio event loop."""
        self._counted(count, await self._ledger.wait_async(lambda: self.streams == count or None, within), within)

    def _counted(self, count: int, found: bool | None, within: float) -> None:
        if not found:
            raise AssertionError(open_streams(count, within, self._running.open_streams()))

    def cut(self, *, refuse: float = 0.0) -> Cut:
        """End every open stream without a word, as a network or a crash does. What was on its way is lost.

        ``with hub.cut(): …`` refuses new streams, too, until the block ends.

        Args:
            refuse: Seconds for which new streams are refused in the same way.
        """
        return Cut(self._running, refuse)

    def stall(self) -> AbstractContextManager[None]:
        """Stop the network for streams: ``with hub.stall(): …``.

        Open ones stay open and nothing comes, not even heartbeats; new ones get no answer. When the block ends, all of
        it goes on, and what was to come comes. As ever, the hub drops who takes nothing for 30 s.
        """
        return stalled(self._running)

    def gap(self) -> None:
        """Lose the log: every open stream is told of a gap, and so is whoever resumes from before.

        The reason is ``epoch``. For ``trimmed``, resume on a hub with ``history=HistoryLimits(count=…)``.
        """
        self._running.call(lambda: gap(self._running))

    def unavailable(self, *, retry_after: float = 1.0) -> AbstractContextManager[None]:
        """Take the log away: ``with hub.unavailable(): …``. Publishing is 503, the hub not ready; streams stay open.

        Args:
            retry_after: Seconds that the answers tell to wait; whole ones.
        """
        return unavailable(self._running, retry_after)


@contextmanager
def hub(
    *,
    authentication: bool = False,
    anonymous: bool = False,
    history: HistoryLimits | None = None,
    heartbeat: float = 15.0,
    retry: float = 0.05,
    prefix: str = "/signals",
    limits: Limits | None = None,
    cors_origins: Collection[str] = frozenset(),
) -> Iterator[SignalsHub]:
    """Run a hub for as long as the context lasts, which ends within a second, whatever is open.

    Args:
        authentication: Whether one has to show a token, which `SignalsHub.token` makes. Without it, everybody may do
            everything.
        anonymous: Whether, with authentication, one may listen without a token, too.
        history: How much it holds for those who resume.
        heartbeat: Seconds between two heartbeats of a stream.
        retry: Seconds that a stream's client is told to wait before it comes back, when its connection has ended. A
            real hub says 2 to 4, which differ from client to client; tests need not wait so long.
        prefix: The path that its routes begin with.
        limits: What clients may ask for.
        cors_origins: Origins of pages that may use it.

    Raises:
        ConfigurationError: One of these is not what it may be.
    """
    tokens = Tokens() if authentication else None
    options = {"heartbeat": heartbeat, "prefix": prefix, "limits": limits, "cors_origins": cors_origins}
    if tokens is not None:
        options["authentication"] = Authentication([tokens], anonymous=anonymous)
    running = RunningHub(history or HistoryLimits(), options, retry=retry)
    try:
        yield SignalsHub(running, tokens)
    finally:
        running.end()

"""`SignalsHub`: the hub of a test, as the test sees it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sse_signals import messages, topics
from sse_signals.errors import ConfigurationError
from sse_signals.life.authentication import Authentication
from sse_signals.model import HistoryLimits, Signal
from sse_signals.testing.expectation import open_streams, receivers
from sse_signals.testing.expecting import Expecting, outside_loops
from sse_signals.testing.faults import Cut, Fault, Stall, Unavailable, forget, gap
from sse_signals.testing.ledger import HubEnded
from sse_signals.testing.promises import Promises
from sse_signals.testing.running import RunningHub
from sse_signals.testing.tokens import Guarding, Tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Iterable, Iterator

    from sse_signals.web.limits import Limits


class SignalsHub(Expecting, Guarding):
    """A hub that lives as long as a test, on a port of its own.

    Every call works in any thread, with or without an event loop, and most take a millisecond. Those that wait
    (`expect`, `expect_nothing`, `wait_for_streams`) have a form for asynchronous tests, which is awaited.
    """

    def __init__(self, running: RunningHub, tokens: Tokens | None, promises: Promises) -> None:
        Expecting.__init__(self, running.ledger, promises)
        Guarding.__init__(self, tokens)
        self._running = running

    @property
    def url(self) -> str:
        """Where it is, for example ``http://127.0.0.1:43210/signals``."""
        return self._running.url

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
            RuntimeError: It is for some only, on a hub without authentication, where nobody owns anything: that
                somebody does not receive it would show nothing.
        """
        targets = receivers(target_ownership_entity_refs, "target_ownership_entity_refs")
        if targets is not None:
            self._with_tokens()
        signal = Signal(
            data=messages.encode(message),
            address=topics.address(None, topic),
            targets=targets,
            name=None if event is None else topics.event_name(event),
        )
        return self._running.call(lambda: self._running.log.publish_by_test(signal))

    @property
    def streams(self) -> int:
        """How many streams are open.

        Raises:
            RuntimeError: The hub has ended.
        """
        if self._ledger.ended:
            raise HubEnded
        return self._running.service.streams

    def wait_for_streams(self, count: int, *, within: float = 10.0) -> None:
        """Wait until that many streams are open, no more and no less: to publish only once the code under test listens.

        Args:
            count: How many.
            within: Seconds to wait at most: enough for a client whose first stream was cut (see `cut`).

        Raises:
            AssertionError: There are more or fewer; the text says which.
            RuntimeError: An event loop runs here: ``await hub.wait_for_streams_async(…)``. Or the hub has ended.
            ValueError: ``within`` is not from 0 to 86,400.
        """
        __tracebackhide__ = True
        outside_loops("wait_for_streams")
        self._counted(count, self._ledger.wait(lambda: self.streams == count or None, within), within)

    def wait_for_streams_async(self, count: int, *, within: float = 10.0) -> Coroutine[Any, Any, None]:
        """As `wait_for_streams`, in a test that runs in an asyncio event loop. Not awaited, it fails as the others."""
        return self._promises.give("wait_for_streams_async", self._come(count, within))

    async def _come(self, count: int, within: float) -> None:
        __tracebackhide__ = True
        self._counted(count, await self._ledger.wait_async(lambda: self.streams == count or None, within), within)

    def _counted(self, count: int, found: bool | None, within: float) -> None:
        __tracebackhide__ = True
        if not found:
            raise AssertionError(open_streams(count, within, self._running.open_streams()))

    def cut(self, *, refuse: float = 0.0) -> Cut:
        """End every open stream without a word, as a network or a crash does. What was on its way is lost.

        ``with hub.cut(): …`` refuses new streams, too, until the block ends. `Cut.streams` says how many were open: of
        none nothing is shown, so `wait_for_streams` first.

        A client knows ``retry`` from its first stream on. One whose very first stream is refused comes back when its
        own rules say: browsers and this package's clients after some 3 s.

        Args:
            refuse: Seconds for which new streams are refused in the same way; a block lasts as long as itself.

        Raises:
            ValueError: ``refuse`` is not from 0 to 86,400.
        """
        return Cut(self._running, refuse)

    def stall(self) -> Fault:
        """Stop the network for streams, from this call on: ``with hub.stall(): …``, or until `Fault.end` or `forget`.

        Open ones stay open and nothing comes, not even heartbeats; new ones get no answer. When the block ends, all of
        it goes on, and what was to come comes. As ever, the hub drops who takes nothing for 30 s.
        """
        return Stall(self._running)

    def gap(self) -> None:
        """Lose the log: every open stream is told of a gap, and so is whoever resumes from before.

        While the hub is `unavailable`, they are told once it is back. The reason is ``epoch``. For
        ``trimmed``, resume on a hub with ``history=HistoryLimits(count=…)``.
        """
        self._running.call(lambda: gap(self._running))

    def unavailable(self, *, retry_after: float = 1.0) -> Fault:
        """Take the log away, from this call on: ``with hub.unavailable(): …``, or until `Fault.end` or `forget`.

        Publishing is 503, the hub is not ready, and streams stay open.

        Args:
            retry_after: Seconds that the answers tell to wait; whole ones.

        Raises:
            RuntimeError: It is so already.
            ValueError: ``retry_after`` is not from 0 to 86,400.
        """
        return Unavailable(self._running, retry_after)

    def forget(self) -> None:
        """Begin anew, for a hub that serves several tests: call it before each.

        Nothing has been published, no idempotency key is known, and every fault has ended. What stays: open streams,
        tokens, and the log, from which who asks for it (``since=``) gets what came before; `gap` loses it.

        Raises:
            AssertionError: Something that has to be awaited was not.
        """
        __tracebackhide__ = True
        self._running.call(lambda: forget(self._running))
        self._promises.check()


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
        ValueError: ``retry`` is not from 0 to 86,400.
        AssertionError: At the end of the context: something that has to be awaited was not.
    """
    __tracebackhide__ = True
    if anonymous and not authentication:
        raise ConfigurationError("anonymous says who needs no token, so it needs authentication=True")
    tokens = Tokens() if authentication else None
    options = {"heartbeat": heartbeat, "prefix": prefix, "limits": limits, "cors_origins": cors_origins}
    if tokens is not None:
        options["authentication"] = Authentication([tokens], anonymous=anonymous)
    running = RunningHub(history or HistoryLimits(), options, retry=retry)
    promises = Promises()
    try:
        yield SignalsHub(running, tokens, promises)
        promises.check()
    finally:
        promises.drop()  # where the test has failed, that is what counts
        running.end()

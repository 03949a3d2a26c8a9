"""What a test sees of what was published on its hub, and how it waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sse_signals.testing.expectation import ANY, Expectation, matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from sse_signals.testing.ledger import Ledger, Published
    from sse_signals.testing.promises import Promises


class Expecting:
    """The part of `SignalsHub` that looks at what was published."""

    def __init__(self, ledger: Ledger, promises: Promises) -> None:
        self._ledger = ledger
        self._promises = promises

    @property
    def published(self) -> Sequence[Published]:
        """All that was published so far, by anybody, oldest first. What was answered with a 2xx is in it."""
        return tuple(self._ledger.published)

    def published_to(self, topic: str | None) -> Sequence[Published]:
        """Return what was published so far to a topic, or to all that begin alike (``orders/*``).

        Args:
            topic: A topic filter. Broadcasts are found with None, and with nothing else.

        Raises:
            InvalidInput: It breaks the rules.
        """
        return tuple(filter(matcher(topic), self.published))

    def expect(
        self,
        topic: str | None,
        *,
        message: Any = ANY,
        targets: Iterable[str] | None = ANY,
        where: Callable[[Published], bool] | None = None,
        within: float = 2.0,
    ) -> Published:
        """Return the signal that the code under test published, or wait until it does.

        **Each signal answers one** `expect`, the oldest first. So it does not matter whether it was published before
        the call or is so during it, and to expect the same twice takes two signals. What the test published itself
        answers none, and a broadcast answers only ``expect(None)``.

        Args:
            topic: An address, a prefix ending in ``*``, or None for a broadcast.
            message: What its message equals, as JSON: ``True`` is not ``1``.
            targets: The entity refs that it is for, all of them; None if it has to be for everyone. **Without it, what
                was meant for a few and went to everyone passes.**
            where: Called with a `Published`; says whether it is the one, with True or False. What it raises is raised.
            within: Seconds to wait at most.

        Raises:
            AssertionError: It was not published; the text says what was.
            RuntimeError: An event loop runs here, which this would stop: ``await hub.expect_async(…)``. Or the hub has
                ended.
            InvalidInput: The topic, the message or a target breaks its rules.
            TypeError: ``where`` says something else, or is a coroutine function; or ``targets`` is one text.
            ValueError: ``within`` is not from 0 to 86,400.
        """
        __tracebackhide__ = True
        outside_loops("expect")
        wanted = Expectation(topic, message=message, targets=targets, where=where)
        return self._found(wanted, self._ledger.wait(lambda: self._ledger.take(wanted.matches), within), within)

    def expect_async(
        self,
        topic: str | None,
        *,
        message: Any = ANY,
        targets: Iterable[str] | None = ANY,
        where: Callable[[Published], bool] | None = None,
        within: float = 2.0,
    ) -> Coroutine[Any, Any, Published]:
        """As `expect`, in a test that runs in an asyncio event loop. Not awaited, it fails at the end of the hub."""
        __tracebackhide__ = True
        wanted = Expectation(topic, message=message, targets=targets, where=where)
        return self._promises.give("expect_async", self._expected(wanted, within))

    async def _expected(self, wanted: Expectation, within: float) -> Published:
        __tracebackhide__ = True
        found = await self._ledger.wait_async(lambda: self._ledger.take(wanted.matches), within)
        return self._found(wanted, found, within)

    def _found(self, wanted: Expectation, found: Published | None, within: float) -> Published:
        __tracebackhide__ = True
        if found is None:
            raise AssertionError(wanted.missed(within, self.published, self._ledger.is_open))
        return found

    def expect_nothing(
        self,
        topic: str | None,
        *,
        for_: float,
        message: Any = ANY,
        targets: Iterable[str] | None = ANY,
        where: Callable[[Published], bool] | None = None,
    ) -> None:
        """Fail if the code under test has published to a topic, or does so within a time: it always takes that time.

        **A broadcast counts for every topic**, since it reaches who listens there; one that is wanted answers an
        ``expect(None)`` first. What has answered an `expect` does not count, nor what the test published itself.

        It can only say that nothing came *yet*; better expect what comes after the point at which it would have been
        published, and give 0 here.

        Args:
            topic: An address, a prefix ending in ``*``, or None for nothing but broadcasts.
            for_: Seconds; 0 looks at what has been published so far.
            message: What its message equals, as JSON.
            targets: The entity refs that it is for, all of them; None if only what is for everyone counts.
            where: Called with a `Published`; says whether it is one that should not be, with True or False.

        Raises:
            AssertionError: It was published.
            RuntimeError: An event loop runs here: ``await hub.expect_nothing_async(…)``. Or the hub has ended.
            InvalidInput: The topic, the message or a target breaks its rules.
            TypeError: As with `expect`.
            ValueError: ``for_`` is not from 0 to 86,400.
        """
        __tracebackhide__ = True
        outside_loops("expect_nothing")
        wanted = Expectation(topic, message=message, targets=targets, where=where, or_broadcast=True)
        _absent(wanted, self._ledger.wait(lambda: self._ledger.find(wanted.matches), for_))

    def expect_nothing_async(
        self,
        topic: str | None,
        *,
        for_: float,
        message: Any = ANY,
        targets: Iterable[str] | None = ANY,
        where: Callable[[Published], bool] | None = None,
    ) -> Coroutine[Any, Any, None]:
        """As `expect_nothing`, in a test that runs in an asyncio event loop. Not awaited, it fails as the others."""
        __tracebackhide__ = True
        wanted = Expectation(topic, message=message, targets=targets, where=where, or_broadcast=True)
        return self._promises.give("expect_nothing_async", self._expected_nothing(wanted, for_))

    async def _expected_nothing(self, wanted: Expectation, for_: float) -> None:
        __tracebackhide__ = True
        _absent(wanted, await self._ledger.wait_async(lambda: self._ledger.find(wanted.matches), for_))


def outside_loops(name: str) -> None:
    """Refuse a call that waits where it would stop an event loop.

    Raises:
        RuntimeError: There is one; the text says what to write instead.
    """
    __tracebackhide__ = True
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{name} would stop the event loop that runs here: write 'await hub.{name}_async(…)'")


def _absent(wanted: Expectation, found: Published | None) -> None:
    __tracebackhide__ = True
    if found is not None:
        raise AssertionError(wanted.unwanted(found))

"""The keys that an issuer publishes at a URL (RFC 7517, section 5), kept fresh."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sse_signals.auth.fetch import shown
from sse_signals.auth.jwk_set import Unusable, parse
from sse_signals.auth.keys import Key, KeySet
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import IssuerUnavailable, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from sse_signals.auth.fetch import Fetch

_NEVER: Final = -(10**15)


class Jwks:
    """The keys at a URL: a `KeySource`.

    They are fetched when first asked for, every ``max_age`` seconds from then on, and when somebody names a key that is
    not among them. A key that is known is never waited for; one that disappeared is refused once that has been seen.

    Args:
        url: Where the JWK set is.
        fetch: What fetches it.
        clock: Milliseconds since 1970-01-01 UTC.
        logger: Where failures are told, and keys that cannot be used.
        max_age: Seconds after which the set is fetched again.
        cool_down: Seconds between two fetches at least, whether or not they succeed.
        keep: Seconds that known keys go on while the issuer cannot be reached.

    Raises:
        ConfigurationError: The URL is not one to fetch from.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Fetch,
        clock: Callable[[], int] = wall_clock_ms,
        logger: FilteringBoundLogger,
        max_age: float = 300.0,
        cool_down: float = 10.0,
        keep: float = 86_400.0,
    ) -> None:
        fetch.check(url)
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._logger = logger
        self._max_age = max_age
        self._cool_down = cool_down
        self._keep = keep
        self._keys: KeySet | None = None
        self._fetched_ms = self._tried_ms = self._asked_ms = _NEVER
        self._failure: str | None = None
        self._skipped: list[str] = []
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def find(self, kid: str | None, algorithm: str) -> Key:
        """Return the key that a token names; see `KeySource.find`.

        Raises:
            NotAuthenticated: As there.
            IssuerUnavailable: No keys were ever got, or for too long a time, or the key is unknown and the newest set
                cannot be fetched.
        """
        self._asked_ms = self._clock()
        keys = self._current()
        if keys is not None:
            if self._older_than(self._fetched_ms, self._max_age):
                self._start()
            try:
                return keys.find(kid, algorithm)
            except NotAuthenticated as error:
                if error.cause != "unknown-key":
                    raise
        fetching = self._start()
        if fetching is not None:
            await asyncio.wait([fetching])  # who no longer waits does not end it for the others
            keys = self._current()
        if keys is None or self._failure is not None:
            reason = self._failure or "the hub is stopping"
            raise IssuerUnavailable(f"the issuer's keys cannot be fetched: {reason}", retry_after=self._cool_down)
        return keys.find(kid, algorithm)

    async def close(self) -> None:
        """End what goes on in the background."""
        self._closed = True
        self._unset_timer()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _current(self) -> KeySet | None:
        """Return the newest set, unless it was fetched too long ago."""
        return None if self._older_than(self._fetched_ms, self._keep) else self._keys

    def _older_than(self, time_ms: int, seconds: float) -> bool:
        """Say whether a time is so long ago; one in the future, by a clock that was set back, counts as long ago."""
        return not 0 <= self._clock() - time_ms < seconds * 1000

    def _start(self) -> asyncio.Task[None] | None:
        """Return the fetch that is under way, after starting one if it may be; None when it may not."""
        if self._task is None and not self._closed and self._older_than(self._tried_ms, self._cool_down):
            self._tried_ms = self._clock()
            self._task = asyncio.create_task(self._refresh())
        return self._task

    async def _refresh(self) -> None:
        try:
            keys, skipped = parse(await self._fetch.json(self._url))
        except (IssuerUnavailable, Unusable) as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - a fetch that failed unseen would be the last one
            self._failed(type(error).__name__)
        else:
            self._got(keys, skipped)
        finally:
            self._task = None
            self._next()

    def _got(self, keys: list[Key], skipped: list[str]) -> None:
        if self._failure is not None:
            self._logger.info("the issuer's keys can be fetched again", url=shown(self._url))
        if skipped != self._skipped and skipped:
            self._logger.warning("some of the issuer's keys cannot be used", url=shown(self._url), keys=skipped)
        self._keys, self._skipped, self._failure = KeySet(keys), skipped, None
        self._fetched_ms = self._clock()

    def _failed(self, reason: str) -> None:
        self._failure = reason
        known = len(self._current() or ())
        self._logger.warning("the issuer's keys cannot be fetched", url=shown(self._url), reason=reason, known=known)

    def _next(self) -> None:
        """Set the timer for the next fetch: even if nobody asks meanwhile, a key that disappeared is found out.

        Keys that nobody has asked for as long as they may be kept are forgotten instead.
        """
        self._unset_timer()
        if self._closed:
            return
        if self._older_than(self._asked_ms, self._keep):
            self._keys = None
            return
        seconds = self._max_age if self._failure is None else max(self._cool_down, self._max_age / 10)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._start)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

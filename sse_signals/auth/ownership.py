"""What Backstage's users own: asked for, remembered, and asked for again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sse_signals.auth.userinfo import refusal
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import IssuerUnavailable, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from sse_signals.auth.userinfo import Userinfo

UNKNOWN: Final = "ownership-unknown"
_MANY: Final = 3  # failures in a row, after which Backstage counts as out of reach
_NEVER: Final = -(10**15)


@dataclass(slots=True)
class _Known:
    """What is known of one subject.

    Attributes:
        owns: What it owned when that was last told; None if it never was.
        told_ms: When that was.
        token: Its token that lasts longest, to ask with; None where tokens themselves tell.
        issued_ms: When the token that told was issued.
        expires_ms: When that token expires.
        tried_ms: When the last answer was asked for.
        failure: Why there was none.
        refused: Whether the token was refused.
        asking: The question that is under way.
    """

    owns: frozenset[str] | None = None
    told_ms: int = _NEVER
    token: str | None = field(default=None, repr=False)
    issued_ms: int = _NEVER
    expires_ms: int = _NEVER
    tried_ms: int = _NEVER
    failure: str | None = None
    refused: bool = False
    asking: asyncio.Task[None] | None = None


class Ownership:
    """Remembers what subjects own. Of each, one question at most is under way, however many wait for the answer.

    While there is no answer, what was told before goes on for ``keep`` seconds, but never beyond the tokens' ``exp``.

    Args:
        userinfo: What is asked.
        clock: Milliseconds since 1970-01-01 UTC.
        logger: Where failures are told.
        max_age: Seconds after which it asks again.
        keep: Seconds that an answer goes on while there is no newer one.
        cool_down: Seconds between two questions for a subject at least, whether or not they are answered.
        size: How many subjects it remembers; of more, those go that nobody asked for longest.
    """

    def __init__(
        self,
        userinfo: Userinfo,
        *,
        clock: Callable[[], int] = wall_clock_ms,
        logger: FilteringBoundLogger,
        max_age: float = 60.0,
        keep: float = 3600.0,
        cool_down: float = 5.0,
        size: int = 50_000,
    ) -> None:
        self._userinfo = userinfo
        self._clock = clock
        self._logger = logger
        self._max_age = max_age
        self._keep = keep
        self._cool_down = cool_down
        self._size = size
        self._subjects: OrderedDict[str, _Known] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._swept_ms = self._failed_ms = _NEVER
        self._failures = 0  # in a row
        self._closed = False

    def __len__(self) -> int:
        return len(self._subjects)

    async def of(self, subject: str, token: str, expires_ms: int) -> frozenset[str]:
        """Return what somebody owns who has just shown a verified token.

        Args:
            subject: Who it is, an entity ref in its one form.
            token: The token; the one that lasts longest is kept to ask again.
            expires_ms: When it expires, in milliseconds since 1970-01-01 UTC.

        Raises:
            NotAuthenticated: ``ownership-refused``: Backstage refuses the token.
            IssuerUnavailable: Nobody can tell.
        """
        known = self._entry(subject)
        for _ in range(2):  # a second time if it was another token, of the same subject, that was refused
            self._take(known, token, expires_ms)
            asking = None if self._fresh(known) else self._ask(subject, known)
            if asking is None:
                break
            await asyncio.wait([asking])  # who no longer waits does not end it for the others
        return self._answer(known)

    def told(self, subject: str, owns: frozenset[str], *, issued_ms: int, expires_ms: int) -> None:
        """Remember what a token itself tells of its subject; of several, the one that was issued last is right."""
        known = self._entry(subject)
        if known.token is None and issued_ms >= known.issued_ms:
            known.owns, known.issued_ms = owns, issued_ms
            known.expires_ms = max(known.expires_ms, expires_ms)

    def knows(self, subject: str) -> bool:
        """Say whether there is a token of a subject to ask with, or an answer to go on with."""
        self._sweep()
        known = self._subjects.get(subject)
        return known is not None and (known.token is not None or known.owns is not None)

    async def today(self, subject: str) -> frozenset[str]:
        """Return what somebody owns who is still there.

        Raises:
            NotAuthenticated: ``ownership-refused``: Backstage refuses its token. ``ownership-unknown``: nobody could
                tell for too long a time.
        """
        known = self._entry(subject)
        if known.owns is not None and known.token is None:
            return known.owns
        # While Backstage is out of reach, one question at a time finds out when it is back: none of them holds up all.
        out_of_reach = self._failures >= _MANY and not self._older_than(self._failed_ms, self._cool_down)
        if not self._fresh(known) and not out_of_reach:
            asking = self._ask(subject, known)
            if asking is not None:
                await asyncio.wait([asking])
        try:
            return self._answer(known)
        except IssuerUnavailable as error:
            raise NotAuthenticated(
                UNKNOWN,
                f"What its subject owns could not be asked for too long: {error}.",
                hint="Come back with a new token, and check that the hub reaches Backstage.",
            ) from None

    async def close(self) -> None:
        """End what is under way, and forget all tokens."""
        self._closed = True
        self._subjects.clear()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _entry(self, subject: str) -> _Known:
        self._sweep()
        known = self._subjects.setdefault(subject, _Known())
        self._subjects.move_to_end(subject)
        if len(self._subjects) > self._size:
            self._subjects.popitem(last=False)
        return known

    def _sweep(self) -> None:
        """Forget subjects, and with them their tokens, once these have expired."""
        if self._older_than(self._swept_ms, self._max_age):
            self._swept_ms = now_ms = self._clock()
            for subject in [subject for subject, known in self._subjects.items() if known.expires_ms <= now_ms]:
                del self._subjects[subject]

    def _take(self, known: _Known, token: str, expires_ms: int) -> None:
        if known.token is None or expires_ms > known.expires_ms or (known.refused and token != known.token):
            if known.refused:
                known.tried_ms = _NEVER
            known.token, known.expires_ms, known.refused = token, expires_ms, False

    def _fresh(self, known: _Known) -> bool:
        return known.owns is not None and not self._older_than(known.told_ms, self._max_age)

    def _answer(self, known: _Known) -> frozenset[str]:
        if known.refused:
            raise refusal()
        if known.owns is None or self._older_than(known.told_ms, self._keep):
            reason = known.failure or "nobody has asked"
            raise IssuerUnavailable(f"ownership cannot be asked for: {reason}", retry_after=self._cool_down)
        return known.owns

    def _older_than(self, time_ms: int, seconds: float) -> bool:
        """Say whether a time is so long ago; one in the future, by a clock that was set back, counts as long ago."""
        return not 0 <= self._clock() - time_ms < seconds * 1000

    def _ask(self, subject: str, known: _Known) -> asyncio.Task[None] | None:
        """Return the question that is under way, after asking it if it may be; None when it may not."""
        token = known.token
        lasts = not self._closed and self._clock() < known.expires_ms
        if known.asking is None and token is not None and lasts and self._older_than(known.tried_ms, self._cool_down):
            known.tried_ms = self._clock()
            known.asking = asyncio.create_task(self._refresh(subject, known, token))
            self._tasks.add(known.asking)
            known.asking.add_done_callback(self._tasks.discard)
        return known.asking

    async def _refresh(self, subject: str, known: _Known, token: str) -> None:
        try:
            owns = await self._userinfo.owned(subject, token)
        except NotAuthenticated:
            known.refused = known.token == token
            if not known.refused:
                known.tried_ms = _NEVER  # the newer token has not been tried
        except IssuerUnavailable as error:
            self._failed(known, str(error))
        except Exception as error:  # noqa: BLE001 - a question that failed unseen would be the last one
            self._failed(known, type(error).__name__)
        else:
            self._got(known, owns)
        finally:
            known.asking = None

    def _got(self, known: _Known, owns: frozenset[str]) -> None:
        if self._failures >= _MANY:
            self._logger.info("ownership can be asked for again", url=self._userinfo.url)
        self._failures, known.failure, known.refused = 0, None, False
        known.owns = known.owns if known.owns == owns else owns  # who knows the same object need not compare
        known.told_ms = self._clock()

    def _failed(self, known: _Known, reason: str) -> None:
        known.failure = reason
        self._failed_ms = self._clock()
        self._failures += 1
        if self._failures <= _MANY:  # and not for each subject
            self._logger.warning("ownership cannot be asked for", url=self._userinfo.url, reason=reason)

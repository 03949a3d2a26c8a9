"""The keys of Backstage's plugins, each of which publishes its own.

Anybody can write a token that names a plugin which does not exist, and its keys would have to be fetched to find out.
So keys that were never got are asked for once, by whoever comes first; how often that may fail in a minute is bounded
for all of them together, and a plugin that has just failed is not tried again. Plugins whose keys are known, and those
that the operator has listed, are not held up by any of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

from sse_signals.auth.backstage_tokens import ALGORITHM
from sse_signals.auth.causes import quoted
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import IssuerUnavailable, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.auth.jwks import Jwks
    from sse_signals.auth.keys import Key

UNKNOWN_PLUGIN: Final = "unknown-plugin"
_ID: Final = re.compile(r"[a-z0-9_-]{1,64}")
_MINUTE: Final = 60.0


class PluginKeys:
    """Where the keys of each plugin are.

    Args:
        make: Makes the source of a plugin's keys.
        listed: The only plugins there are; None accepts any that has keys.
        clock: Milliseconds since 1970-01-01 UTC.
        tries: How many plugins that are not listed may fail to show keys within a minute.
        cool_down: Seconds for which a plugin without keys is not tried again.
        size: How many plugins' keys are known at most; of more, the least recently used go.
    """

    def __init__(
        self,
        make: Callable[[str], Jwks],
        *,
        listed: frozenset[str] | None = None,
        clock: Callable[[], int] = wall_clock_ms,
        tries: int = 30,
        cool_down: float = 10.0,
        size: int = 256,
    ) -> None:
        self._make = make
        self._listed = listed
        self._clock = clock
        self._tries = tries
        self._cool_down = cool_down
        self._size = size
        self._known: OrderedDict[str, Jwks] = OrderedDict()
        self._trying: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, tuple[int, str]] = {}  # when, and why
        self._failures: deque[int] = deque()  # when, within the last minute
        self._closed = False

    def __len__(self) -> int:
        return len(self._known)

    async def find(self, plugin: str, kid: str | None, algorithm: str) -> Key:
        """Return the key that a plugin's token names; see `sse_signals.auth.keys.KeySource.find`.

        Raises:
            NotAuthenticated: As there, or ``unknown-plugin``: it is none, or none that is listed.
            IssuerUnavailable: Its keys cannot be fetched, or may not be at the moment.
        """
        self._check(plugin)
        if plugin not in self._known:
            await asyncio.wait([self._try(plugin)])  # who no longer waits does not end it for the others
        source = self._known.get(plugin)
        if source is None:
            reason = self._failed.get(plugin, (0, "the hub is stopping"))[1]
            raise self._unavailable(plugin, reason, self._cool_down)
        self._known.move_to_end(plugin)
        return await source.find(kid, algorithm)

    async def close(self) -> None:
        """End what goes on in the background."""
        self._closed = True
        tasks = list(self._trying.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        while self._known:
            await self._known.popitem()[1].close()

    def _check(self, plugin: str) -> None:
        if not _ID.fullmatch(plugin):
            raise _unknown(f"{quoted(plugin)} is no plugin id.")
        if self._listed is not None and plugin not in self._listed:
            raise _unknown(f"The plugin {plugin!r} is not one of those that this hub is set to accept.")

    def _try(self, plugin: str) -> asyncio.Task[None]:
        task = self._trying.get(plugin)
        if task is None:
            self._check_may_try(plugin)
            task = self._trying[plugin] = asyncio.create_task(self._first(plugin))
            task.add_done_callback(lambda _: self._trying.pop(plugin, None))
        return task

    def _check_may_try(self, plugin: str) -> None:
        now_ms = self._clock()
        if self._closed:
            raise self._unavailable(plugin, "the hub is stopping", self._cool_down)
        self._failed = {name: entry for name, entry in self._failed.items() if self._lasts(entry[0], self._cool_down)}
        if plugin in self._failed:
            raise self._unavailable(plugin, self._failed[plugin][1], self._cool_down)
        while self._failures and not self._lasts(self._failures[0], _MINUTE):
            self._failures.popleft()
        if self._listed is None and len(self._failures) + len(self._trying) >= self._tries:
            wait = _MINUTE if not self._failures else _MINUTE - (now_ms - self._failures[0]) / 1000
            raise self._unavailable(plugin, "too many plugins without keys were named within the last minute", wait)

    async def _first(self, plugin: str) -> None:
        source = self._make(plugin)
        try:
            await self._got(plugin, source)
        except IssuerUnavailable as error:
            self._failed[plugin] = (self._clock(), str(error))
            self._failures.append(self._clock())
        finally:
            if plugin not in self._known:
                await source.close()

    async def _got(self, plugin: str, source: Jwks) -> None:
        # It may have keys although none of them is what a token without a key's name would mean.
        with contextlib.suppress(NotAuthenticated):
            await source.find(None, ALGORITHM)
        self._known[plugin] = source
        while len(self._known) > self._size:
            await self._known.popitem(last=False)[1].close()

    def _lasts(self, since_ms: int, seconds: float) -> bool:
        return 0 <= self._clock() - since_ms < seconds * 1000

    def _unavailable(self, plugin: str, reason: str, wait: float) -> IssuerUnavailable:
        return IssuerUnavailable(f"the keys of plugin {plugin!r}: {reason}", retry_after=wait, named=True)


class KeysOf:
    """The keys of one plugin: a `sse_signals.auth.keys.KeySource`.

    Args:
        plugins: The keys of all.
        plugin: Its id, as a token says it.
    """

    def __init__(self, plugins: PluginKeys, plugin: str) -> None:
        self._plugins = plugins
        self._plugin = plugin

    async def find(self, kid: str | None, algorithm: str) -> Key:
        """Return the key that a token names; see `PluginKeys.find`."""
        return await self._plugins.find(self._plugin, kid, algorithm)


def _unknown(detail: str) -> NotAuthenticated:
    return NotAuthenticated(
        UNKNOWN_PLUGIN, detail, hint="Let a Backstage plugin make the token, and check which plugins the hub accepts."
    )

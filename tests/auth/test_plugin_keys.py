from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sse_signals.auth.fetch import Fetch
from sse_signals.auth.jwks import Jwks
from sse_signals.auth.plugin_keys import PluginKeys
from sse_signals.auth.plugin_tokens import PluginTokens
from sse_signals.errors import IssuerUnavailable, NotAuthenticated
from tests.auth.backstage_issuer import Backstage, backstage, plugin_jwks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def issuer() -> AsyncIterator[Backstage]:
    async with backstage() as running:
        yield running


class Doors:
    """The keys of plugins, made with any options, all of which end with the test."""

    def __init__(self, issuer: Backstage) -> None:
        self.issuer = issuer
        self.logger = structlog.get_logger("sse_signals")
        self.fetch = Fetch(self.logger)
        self.made: list[PluginKeys] = []
        self.sources: list[Jwks] = []

    def make(self, **options: Any) -> PluginKeys:
        keys = PluginKeys(self._source, clock=self.issuer.clock, **options)
        self.made.append(keys)
        return keys

    def _source(self, plugin: str) -> Jwks:
        url = self.issuer.server.at(plugin_jwks(plugin))
        self.sources.append(Jwks(url, fetch=self.fetch, clock=self.issuer.clock, logger=self.logger))
        return self.sources[-1]


@pytest.fixture
async def doors(issuer: Backstage) -> AsyncIterator[Doors]:
    made = Doors(issuer)
    yield made
    for keys in made.made:
        await keys.close()
    await made.fetch.close()


async def test_a_plugin_is_tried_once_for_all_who_wait(issuer: Backstage, doors: Doors) -> None:
    """However many tokens of a plugin come before its keys are known; who gives up does not end it for the others."""
    keys = doors.make()
    release = issuer.server.hang(plugin_jwks("catalog"))
    tasks = [asyncio.create_task(keys.find("catalog", "catalog-1", "ES256")) for _ in range(50)]
    await issuer.server.until_asked(1, plugin_jwks("catalog"))
    tasks[0].cancel()
    release()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert found[1:] == [issuer.plugin_keys["catalog"].public] * 49
    assert issuer.server.requests[plugin_jwks("catalog")] == 1


async def test_a_plugin_with_several_keys_is_one(issuer: Backstage, doors: Doors) -> None:
    """That a token without a key's name would be ambiguous, or that there is no key yet, is no failure to fetch."""
    keys = doors.make()
    path = plugin_jwks("catalog")
    issuer.server.publish(issuer.users_key, issuer.plugin_keys["catalog"], path=path)
    assert await keys.find("catalog", "catalog-1", "ES256") == issuer.plugin_keys["catalog"].public
    issuer.server.publish(path=plugin_jwks("empty"))
    with pytest.raises(NotAuthenticated, match="unknown-key"):
        await keys.find("empty", "empty-1", "ES256")
    assert len(keys) == 2


async def test_9_a_plugin_without_keys_is_not_tried_again_at_once(issuer: Backstage, doors: Doors) -> None:
    """9: For some seconds nothing is fetched for it; then it is, and nothing is left running of what failed."""
    keys = doors.make(tries=2)
    path = plugin_jwks("late")
    for _ in range(3):
        with pytest.raises(IssuerUnavailable, match="404") as caught:
            await keys.find("late", None, "ES256")
    assert caught.value.retry_after == 10
    assert issuer.server.requests[path] == 1
    assert [source._closed for source in doors.sources] == [True]
    issuer.install("late")
    issuer.clock.advance(9.999)
    with pytest.raises(IssuerUnavailable):
        await keys.find("late", None, "ES256")
    issuer.clock.advance(0.001)
    assert await keys.find("late", None, "ES256") == issuer.plugin_keys["late"].public


async def test_9_what_is_under_way_counts(issuer: Backstage, doors: Doors) -> None:
    """9: Not even at once can more plugins be tried than may fail in a minute; listed ones can."""
    for plugin in ("a", "b"):
        issuer.install(plugin)
        issuer.server.hang(plugin_jwks(plugin))
    keys, listed = doors.make(tries=1), doors.make(tries=1, listed=frozenset({"a", "b"}))
    tasks = [asyncio.create_task(keys.find("a", None, "ES256"))]
    await issuer.server.until_asked(1, plugin_jwks("a"))
    with pytest.raises(IssuerUnavailable, match="too many plugins") as caught:
        await keys.find("b", None, "ES256")
    assert caught.value.retry_after == 60
    tasks += [asyncio.create_task(listed.find(plugin, None, "ES256")) for plugin in ("a", "b")]
    await issuer.server.until_asked(1, plugin_jwks("b"))
    await keys.close()
    await listed.close()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, IssuerUnavailable) for outcome in outcomes)
    with pytest.raises(IssuerUnavailable, match="stopping"):
        await keys.find("a", None, "ES256")
    assert all(source._closed for source in doors.sources)


async def test_so_many_plugins_are_known(issuer: Backstage, doors: Doors) -> None:
    """Of more, the one that was not used for longest goes, and is fetched again when it comes back."""
    keys = doors.make(size=2)
    for plugin in ("a", "b", "a", "c", "a", "b"):
        if plugin not in issuer.plugin_keys:
            issuer.install(plugin)
        assert await keys.find(plugin, None, "ES256") == issuer.plugin_keys[plugin].public
    assert len(keys) == 2
    assert [issuer.server.requests[plugin_jwks(plugin)] for plugin in "abc"] == [1, 2, 1]
    assert [source._closed for source in doors.sources] == [False, True, True, False]


async def test_tokens_of_so_many_plugins_are_remembered(
    issuer: Backstage, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more, those of the plugin that came first go, and are verified again."""
    monkeypatch.setattr("sse_signals.auth.plugin_tokens._PLUGINS", 1)
    tokens = PluginTokens(doors.make(), audience="signals", clock=issuer.clock)
    issuer.install("other")
    one, other = issuer.plugin(), issuer.plugin("other")
    first = await tokens.authenticate(one, "catalog")
    assert await tokens.authenticate(one, "catalog") is first
    await tokens.authenticate(other, "other")
    again = await tokens.authenticate(one, "catalog")
    assert again == first
    assert again is not first

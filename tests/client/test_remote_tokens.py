"""Tokens of remote clients: when one is asked for, and what becomes of those that are no good."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sse_signals import BrokerUnavailable, ConfigurationError, NotAuthenticated, NotGranted, SignalsClient
from tests.authenticated import NO_GRANTS, PUBLISHER, house


async def test_who_may_not_publish_is_told_what_is_missing() -> None:
    """No token, one that is no good, one that does not allow it, and one that does."""
    async with house() as hub:
        reader, publisher = hub.tokens.issue("r", grants=NO_GRANTS), hub.tokens.issue("p", grants=PUBLISHER)
        for token, error, said in (
            (None, NotAuthenticated, "no-credentials"),
            ("token-unknown", NotAuthenticated, "unknown-key: It was not issued. Issue it."),
            (reader, NotGranted, "topic"),
        ):
            async with SignalsClient.for_plugin("a", url=hub.url, token=token) as client:
                with pytest.raises(error, match=said) as caught:
                    await client.publish(1, topic="t")
                assert str(token) not in str(caught.value)
        async with SignalsClient.for_plugin("a", url=hub.url, token=publisher) as client:
            assert await client.publish(1, topic="t")


async def test_a_function_gives_a_token_when_one_is_needed() -> None:
    """Before the first request, and when it is refused; once, however many publish at the same time."""
    async with house() as hub:
        given = ["token-old"]

        async def token() -> str:
            await asyncio.sleep(0)
            given.append(hub.tokens.issue("p", grants=PUBLISHER) if len(given) > 1 else "token-old")
            return given[-1]

        async with SignalsClient.for_plugin("a", url=hub.url, token=token) as client:
            ids = await asyncio.gather(*(client.publish(number) for number in range(5)))
            assert len(set(ids)) == 5
            assert len(given) == 3
            hub.tokens.known["replaced"] = hub.tokens.known.pop(given[-1])
            assert await client.publish("again")
        assert len(given) == 4


async def test_a_function_that_fails_is_the_publisher_s_own_affair() -> None:
    """Its error comes out as it is; one that hangs ends with the timeout; what is no token is told without it."""

    def fails() -> str:
        raise LookupError("no secret store")

    async def hangs() -> str:
        await asyncio.sleep(3600)
        raise AssertionError

    def wrong() -> Any:
        return b"secret"

    async def publish(token: Any) -> None:
        async with SignalsClient.for_plugin("a", url="http://127.0.0.1:1", token=token, timeout=0.2) as client:
            await client.publish(1)

    with pytest.raises(LookupError):
        await publish(fails)
    with pytest.raises(BrokerUnavailable, match=r"has not answered for 0\.2 s"):
        await publish(hangs)
    with pytest.raises(ConfigurationError, match="not bytes") as caught:
        await publish(wrong)
    assert "secret" not in str(caught.value)

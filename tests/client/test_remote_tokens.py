"""Tokens of remote clients: when one is asked for, and what becomes of those that are no good."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sse_signals import BrokerUnavailable, ConfigurationError, NotAuthenticated, NotGranted, SignalsClient
from sse_signals.client import remote_stream, subscribing
from sse_signals.client.tokens import GetToken
from tests.authenticated import NO_GRANTS, PUBLISHER, house
from tests.client.scripted import Asked, Reply, reply, scripted, stream
from tests.client.test_reading import frame, place, receipt


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


@pytest.mark.parametrize("begun", ["expired", "expiring"])
async def test_a_token_that_is_no_good_is_not_sent_again(begun: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when no fresh one can be had at first, and whether the stream was ended for it or broke off."""
    monkeypatch.setattr(subscribing, "LONGEST", 0.01)
    monkeypatch.setattr(remote_stream, "renew_again", lambda *_: 60.0)
    given: list[str] = []

    async def token() -> str:
        given.append(f"token-{len(given)}")
        if len(given) == 2:
            raise OSError("the issuer is away")
        return given[-1]

    told = {"expired": b'event: signals.goodbye\ndata: {"reason":"expired"}\n\n', "expiring": EXPIRING}[begun]
    first, second = stream(receipt(place(4)), told, then="close"), stream(receipt(place(4)), frame(5))

    def answer(asked: Asked) -> Reply:
        if asked.head.startswith("POST"):
            return reply(404)
        return first if len(server.asked) == 1 else second

    async with (
        scripted(by=answer) as server,
        SignalsClient.for_plugin("a", url=server.url, token=token) as client,
        client.subscribe() as events,
    ):
        assert (await anext(events)).id == str(place(5))
    sent = [asked.header("Authorization") for asked in server.asked if asked.head.startswith("GET")]
    assert sent == ["Bearer token-0", "Bearer token-2"]


EXPIRING = b"retry: 100\nevent: signals.expiring\ndata: {}\n\n"


async def test_a_token_that_is_good_is_not_waited_for() -> None:
    """While somebody needs another one, and the function hangs, it is sent by all others."""
    given: list[str] = []

    async def token() -> str:
        given.append("token")
        await asyncio.sleep(0 if len(given) == 1 else 3600)
        return "token"

    async with SignalsClient.for_plugin("a", url="http://127.0.0.1:1", token=token) as client:
        hub: Any = client._remote
        assert await hub.token(GetToken()) == "token"
        renewing = asyncio.create_task(hub.token(GetToken("token", fresh=True)))
        while len(given) < 2:  # noqa: ASYNC110 - it hangs then
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            assert await hub.token(GetToken()) == "token"
        renewing.cancel()

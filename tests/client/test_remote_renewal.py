"""Streams whose token comes to its end: renewed in place, or opened anew with a fresh one; nothing is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sse_signals import NotAuthenticated, SignalsClient
from tests.authenticated import PUBLISHER, House, house
from tests.client.scripted import Asked, Reply, reply, scripted, stream
from tests.client.test_reading import frame, place, receipt

pytestmark = pytest.mark.usefixtures("soon")
ANN = "user:default/ann"
EXPIRING = b'event: signals.expiring\ndata: {"expiresAt":"2026-01-31T12:00:00.123Z"}\n\n'


class Issuer:
    """Gives tokens of one subject, each for so many seconds; counts them."""

    def __init__(self, hub: House, seconds: float = 100.0) -> None:
        self.hub = hub
        self.seconds = seconds
        self.given: list[str] = []
        self.asked = asyncio.Event()

    async def __call__(self) -> str:
        """Give the next token."""
        self.given.append(self.hub.tokens.issue(ANN, grants=PUBLISHER, seconds=self.seconds))
        self.asked.set()
        return self.given[-1]


async def test_a_stream_is_renewed_in_place() -> None:
    """Before its token ends, on the same connection; and again, and again."""
    async with asyncio.timeout(20), house() as hub:
        issuer = Issuer(hub)
        async with SignalsClient.for_plugin("a", url=hub.url, token=issuer) as client, client.subscribe() as events:
            (opened,) = hub.service.site.service.node.hub.streams
            for number in range(3):
                issuer.asked.clear()
                hub.clock.advance(50)
                await issuer.asked.wait()
                hub.clock.advance(45)
                while opened.identity.expires_ms != hub.tokens.known[issuer.given[-1]].expires_ms:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                await client.publish(number)
                assert (await anext(events)).message == number
            assert list(hub.service.site.service.node.hub.streams) == [opened]
        assert len(issuer.given) >= 4  # where it takes long, another may be asked for before the last is in force


async def test_a_stream_that_ends_with_its_token_goes_on_with_another() -> None:
    """Where nobody renewed it in time, as after the sleep of a laptop: at once, with a fresh token, without a gap."""
    async with asyncio.timeout(20), house() as hub:
        issuer = Issuer(hub)
        publisher = SignalsClient.for_plugin("a", url=hub.url, token=hub.tokens.issue("p", grants=PUBLISHER))
        async with (
            publisher,
            SignalsClient.for_plugin("a", url=hub.url, token=issuer) as client,
            client.subscribe() as events,
        ):
            await publisher.publish("before")
            hub.clock.advance(101)
            await issuer.asked.wait()
            assert (await anext(events)).message == "before"
            while len(issuer.given) < 2:  # noqa: ASYNC110 - the hub looks at its clock now and then
                await asyncio.sleep(0.01)
            await publisher.publish("after")
            assert (await anext(events)).message == "after"


async def test_a_text_cannot_be_renewed() -> None:
    """The stream ends with it, and the iteration with the hub's own words."""
    async with asyncio.timeout(20), house() as hub:
        token = hub.tokens.issue(ANN, seconds=100)
        async with SignalsClient.for_plugin("a", url=hub.url, token=token) as client, client.subscribe() as events:
            hub.clock.advance(50)
            hub.clock.advance(51)
            with pytest.raises(NotAuthenticated, match="expired"):
                await anext(events)


async def test_with_a_text_nobody_is_asked_for_a_renewal() -> None:
    """The same token again would renew nothing."""
    async with (
        scripted(stream(receipt(place(4)), EXPIRING, frame(5))) as server,
        SignalsClient.for_plugin("a", url=server.url, token="t") as client,
        client.subscribe() as events,
    ):
        assert (await anext(events)).message == {"n": 1}
    assert len(server.asked) == 1


def renewing(*answers: Reply, streams: list[Reply]) -> Any:
    """Return a script: streams in turn, and answers to renewals in turn."""
    waiting, renewals = list(streams), list(answers)

    def by(asked: Asked) -> Reply:
        mine = renewals if asked.head.startswith("POST") else waiting
        return mine.pop(0) if len(mine) > 1 else mine[0]

    return by


async def test_a_renewal_that_fails_is_tried_again() -> None:
    """With a token asked for anew each time, whatever goes wrong: the hub's log, the network, the function."""
    tokens: list[str | Exception] = ["t0", "t1", "t2", LookupError("no secret store"), "t3", "t4"]

    def token() -> str:
        given = tokens.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    answers = [reply(503), reply(401), reply(503, then="reset"), reply(200, b"{}")]
    by = renewing(*answers, streams=[stream(receipt(place(4)), EXPIRING, EXPIRING, frame(5))])
    async with (
        scripted(by=by) as server,
        SignalsClient.for_plugin("a", url=server.url, token=token) as client,
        client.subscribe() as events,
    ):
        assert (await anext(events)).message == {"n": 1}
        while len(server.asked) < 5:  # noqa: ASYNC110 - it happens beside the iteration
            await asyncio.sleep(0.01)
        shown = [asked.header("Authorization") for asked in server.asked]
    assert shown == [f"Bearer t{number}" for number in range(5)]
    assert all("/streams/s1/renew" in asked.head for asked in server.asked[1:])


@pytest.mark.parametrize("final", [reply(404), reply(403)])
async def test_a_renewal_that_is_refused_for_good_is_not_repeated(final: Reply) -> None:
    """The stream's own end will tell; it goes on until then."""
    by = renewing(final, reply(200), streams=[stream(receipt(place(4)), EXPIRING, frame(5))])
    tokens = iter(["t0", "t1", "t2"])
    async with scripted(by=by) as server:
        async with (
            SignalsClient.for_plugin("a", url=server.url, token=lambda: next(tokens)) as client,
            client.subscribe() as events,
        ):
            assert (await anext(events)).message == {"n": 1}
            while len(server.asked) < 2:  # noqa: ASYNC110 - it happens beside the iteration
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
        assert len(server.asked) == 2


async def test_a_renewal_ends_with_its_stream() -> None:
    """Another stream has begun with the newest token: the old one's name means nothing any more."""
    first = stream(receipt(place(4)), b"retry: 10\n\n", EXPIRING, then="close")
    by = renewing(reply(503), streams=[first, stream(receipt(place(4)), frame(5))])
    async with (
        scripted(by=by) as server,
        SignalsClient.for_plugin("a", url=server.url, token=lambda: "t") as client,
        client.subscribe() as events,
    ):
        assert (await anext(events)).message == {"n": 1}
        held: Any = events
        await asyncio.wait_for(held._renewing, 10)


async def test_a_function_that_fails_later_is_asked_again() -> None:
    """On entering its error comes out; in the middle of the night it is waited for."""
    tokens: list[str | Exception] = ["t0", LookupError(), LookupError(), "t1"]

    def token() -> str:
        given = tokens.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    goodbye = b'retry: 10\nevent: signals.goodbye\ndata: {"reason":"expired"}\n\n'
    ends = stream(receipt(place(4)), goodbye, then="close")
    by = renewing(streams=[ends, stream(receipt(place(4)), frame(5))])
    async with scripted(by=by) as server:
        async with SignalsClient.for_plugin("a", url=server.url, token=token) as client, client.subscribe() as events:
            assert (await anext(events)).message == {"n": 1}
        assert [asked.header("Authorization") for asked in server.asked] == ["Bearer t0", "Bearer t1"]
    async with (
        scripted(by=renewing(streams=[ends, stream(receipt(place(4)), frame(5))])) as server,
        SignalsClient.for_plugin("a", url=server.url, token=iter(["t0", "a proxy's page", "t1"]).__next__) as client,
        client.subscribe() as events,
    ):
        assert (await anext(events)).message == {"n": 1}
    tokens.append(LookupError())
    async with SignalsClient.for_plugin("a", url="http://127.0.0.1:1", token=token) as client:
        with pytest.raises(LookupError):
            async with client.subscribe():
                pass

"""An asynchronous client keeps the time that it was given, also for tokens, and says what it has waited for."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import Any

import pytest

from sse_signals import BrokerUnavailable, SignalsClient
from sse_signals.client import remote_stream
from tests.client.scripted import Reply, reply, scripted, stream
from tests.client.test_reading import frame, place, receipt

DONE = reply(202, b'{"id":"a-1"}')
SOON = 10.0  # seconds, also on a busy machine; what never ends takes twice as long


async def hangs() -> str:
    """Never give a token."""
    await asyncio.sleep(3600)
    raise AssertionError


async def test_those_who_wait_for_one_token_have_the_same_time() -> None:
    """Nobody waits in line for the others to have waited first."""
    async with SignalsClient.for_plugin("a", url="http://127.0.0.1:1", token=hangs, timeout=0.5) as client:
        since = time.monotonic()
        outcomes = await asyncio.gather(*(client.publish(1) for _ in range(60)), return_exceptions=True)
        assert time.monotonic() - since < SOON  # one after another it would be half a minute
    assert {str(each) for each in outcomes} == {"token() has not answered for 0.5 s"}


async def test_a_second_token_has_the_time_that_is_left() -> None:
    """After a 401; what was taken before is still told."""
    asked: list[float] = []

    async def token() -> str:
        asked.append(time.monotonic())
        await (asyncio.sleep(0.4) if len(asked) == 1 else hangs())
        return "t"

    async with (
        scripted(reply(401)) as server,
        SignalsClient.for_plugin("a", url=server.url, token=token, timeout=1.5) as client,
    ):
        with pytest.raises(BrokerUnavailable, match=r"has not answered for (0\.\d+|1|1\.[01]\d*) s"):
            await client.publish(1)
        assert 1.4 < time.monotonic() - asked[0] < SOON


async def test_a_deadline_of_the_function_s_own_is_its_own() -> None:
    """A TimeoutError that it raises is not the client's."""

    async def token() -> str:
        raise TimeoutError("the issuer")

    async with SignalsClient.for_plugin("a", url="http://127.0.0.1:1", token=token) as client:
        with pytest.raises(TimeoutError, match="the issuer"):
            await client.publish(1)


@pytest.mark.parametrize("pausing", [False, True])
async def test_closing_in_the_middle_of_a_publish_tells_what_may_have_become_of_it(*, pausing: bool) -> None:
    """No other try is made, and a pause before one is not waited for."""
    first = reply(502, then="close", Retry_After="20") if pausing else Reply(b"", "hold")
    async with scripted(first) as server:
        client = SignalsClient.for_plugin("a", url=server.url)
        publishing = asyncio.create_task(client.publish(1))
        while "pause" not in _awaited(publishing) if pausing else not server.asked:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.001)
        since = time.monotonic()
        await client.close()
        with pytest.raises(BrokerUnavailable) as caught:
            await publishing
        assert caught.value.outcome_unknown
        assert time.monotonic() - since < SOON
        assert len(server.asked) == 1


def _awaited(publishing: asyncio.Task[str]) -> list[str]:
    """Return the functions that a task is in."""
    names: list[str] = []
    inner: Any = publishing.get_coro()
    while (code := getattr(inner, "cr_code", None)) is not None:
        names.append(code.co_name)
        inner = getattr(inner, "cr_await", None)
    return names


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(b"HTTP/1.1 200 O", "hold"), "no answer has come"),
        (stream(b": hello\n\n"), "an event stream has come, but not its first event"),
    ],
)
async def test_what_a_subscriber_has_waited_for_is_told(answer: Reply, said: str) -> None:
    """As long as no try has ended there is no other reason."""
    async with scripted(answer) as server, SignalsClient.for_plugin("a", url=server.url, timeout=1.0) as client:
        with pytest.raises(BrokerUnavailable, match=said):
            async with client.subscribe():
                pass
    async with SignalsClient.for_plugin("a", url=server.url, timeout=0.2, token=hangs) as client:
        with pytest.raises(BrokerUnavailable, match="token"):
            async with client.subscribe():
                pass


async def test_leaving_waits_no_longer_than_a_moment_for_a_token() -> None:
    """A function that does not let itself be cancelled is left alone with what it does."""
    ended = asyncio.Event()
    given: list[str] = []

    async def token() -> str:
        given.append("t")
        while len(given) > 1 and not ended.is_set():
            try:
                await ended.wait()
            except asyncio.CancelledError:
                continue
        return "t"

    expired = b'event: signals.goodbye\ndata: {"reason":"expired"}\n\n'
    async with scripted(stream(receipt(None), expired, then="close")) as server:
        client = SignalsClient.for_plugin("a", url=server.url, token=token)
        async with client.subscribe():
            while len(given) < 2:  # noqa: ASYNC110 - it is in there then
                await asyncio.sleep(0.001)
            since = time.monotonic()
        assert remote_stream._LEAVING * 0.8 < time.monotonic() - since < SOON
        ended.set()
        await client.close()


async def test_nothing_is_given_after_the_end() -> None:
    """What has come and was not taken is left: who resumes by the id has it again."""
    async with scripted(stream(receipt(place(4)), frame(5), frame(6))) as server:
        client = SignalsClient.for_plugin("a", url=server.url)
        async with client.subscribe() as events:
            assert (await anext(events)).id == str(place(5))
            await client.close()
            assert [event async for event in events] == []
            assert events.last_event_id == str(place(5))


async def test_what_a_proxy_has_compressed_is_read() -> None:
    """Although nobody has asked for it."""
    packed = gzip.compress(b'{"id":"a-1"}')
    async with (
        scripted(reply(202, packed, Content_Encoding="gzip")) as server,
        SignalsClient.for_plugin("a", url=server.url) as client,
    ):
        assert await client.publish(1) == "a-1"

"""Asynchronous clients in several event loops and threads, and what each loop leaves behind: nothing."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sse_signals import SignalsClient
from sse_signals.client import http
from tests.client.scripted import reply, scripted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import aiohttp
    from blockbuster import BlockBuster

    from sse_signals.testing import SignalsHub


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[aiohttp.ClientSession]]:
    """All sessions that are made; without the collector of garbage."""
    made: list[aiohttp.ClientSession] = []
    begin = http.Link.__init__

    def noted(link: http.Link, session: aiohttp.ClientSession) -> None:
        made.append(session)
        begin(link, session)

    monkeypatch.setattr(http.Link, "__init__", noted)
    gc.disable()
    try:
        yield made
    finally:
        gc.enable()


async def publish(client: SignalsClient, count: int) -> None:
    """Publish from as many tasks at once."""
    await asyncio.gather(*(client.publish(number) for number in range(count)))


def test_tasks_that_begin_at_once_share_one_session(
    signals_hub: SignalsHub, sessions: list[aiohttp.ClientSession]
) -> None:
    """Also while what an earlier event loop left is let go; and each loop closes what it had when it ends."""
    client = SignalsClient.for_hub(signals_hub.url)
    for round_number in range(1, 4):
        asyncio.run(publish(client, 5))
        assert len(sessions) == round_number
        assert all(session.closed for session in sessions)
    assert len(signals_hub.published) == 15


def test_an_event_loop_that_ends_leaves_no_connection(
    signals_hub: SignalsHub, sessions: list[aiohttp.ClientSession]
) -> None:
    """Nobody has closed the client; a script calls ``asyncio.run`` as often as it likes."""
    client = SignalsClient.for_hub(signals_hub.url)
    for _ in range(10):
        asyncio.run(publish(client, 1))
    assert _connected(int(signals_hub.url.rpartition(":")[2].partition("/")[0])) == 0
    assert all(session.closed for session in sessions)


def _connected(port: int) -> int:
    """Return how many sockets of this process are connected to a port."""
    return sum(isinstance(each, socket.socket) and _peer(each) == port for each in gc.get_objects())


def _peer(each: socket.socket) -> object:
    try:
        return each.getpeername()[1]
    except (OSError, IndexError):
        return None


@pytest.mark.parametrize("closed", [False, True])
def test_a_loop_that_was_closed_without_its_farewell(*, closed: bool) -> None:
    """A runner that is not ``asyncio.run`` may forget it: the next loop tidies up."""
    client = SignalsClient.for_hub("http://127.0.0.1:1", timeout=0.01)
    remote: Any = client._remote

    async def linked() -> http.Link:
        link: http.Link = await remote._link()
        return link

    loop = asyncio.new_event_loop()
    left = loop.run_until_complete(linked())
    if closed:
        loop.close()
    asyncio.run(linked())
    assert left._session.closed is closed
    assert len(remote._links) == 2 - closed
    if not closed:
        loop.run_until_complete(left.close())
        loop.close()


def test_many_threads_with_loops_of_their_own(signals_hub: SignalsHub, blockbuster: BlockBuster) -> None:
    """They tidy up after each other, and nothing is tidied twice."""
    blockbuster.deactivate()  # what measures coverage has a lock that threads share
    silent = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(50))  # it would lock
    client = SignalsClient.for_hub(signals_hub.url, logger=silent)
    errors: list[BaseException] = []

    def work() -> None:
        for _ in range(10):
            try:
                asyncio.run(publish(client, 2))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(signals_hub.published) == 160


def test_what_another_thread_has_tidied_up_is_let_be() -> None:
    """Between the look for closed loops and the tidying somebody else may have done it."""

    class Shared(dict[asyncio.AbstractEventLoop, http.Link]):
        def pop(self, key: Any, *default: Any) -> Any:
            super().pop(key, None)
            return super().pop(key, *default)

    client = SignalsClient.for_hub("http://127.0.0.1:1")
    remote: Any = client._remote
    remote._links = Shared()

    async def linked() -> None:
        await remote._link()

    for _ in range(3):
        asyncio.run(linked())
    assert len(remote._links) == 1


@pytest.fixture
def netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A password for this machine, where many programs look for one."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.mark.usefixtures("netrc")
async def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy nor a password (security 24); nor is a cookie kept."""
    done = reply(202, b'{"id":"a-1"}', Set_Cookie="session=1; Path=/")
    async with scripted(done) as elsewhere, scripted(done) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, elsewhere.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        url = server.url.replace("127.0.0.1", "localhost")  # a jar would keep no cookie of an address
        for hub_url in (server.url, url):
            async with SignalsClient.for_hub(hub_url) as client:
                await publish(client, 1)
                await publish(client, 1)
        assert (elsewhere.connections, len(server.asked)) == (0, 4)
        heads = "".join(asked.head.lower() for asked in server.asked)
        assert "authorization" not in heads
        assert "cookie" not in heads


async def test_a_connection_is_kept_for_less_long_than_a_hub_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds: what is sent on one that is just being closed has to be sent again."""
    async with scripted(reply(202, b'{"id":"a-1"}')) as server, SignalsClient.for_hub(server.url) as client:
        await publish(client, 1)
        await publish(client, 1)
        loop = asyncio.get_running_loop()
        time = loop.time
        with monkeypatch.context() as patch:
            patch.setattr("aiohttp.connector.monotonic", lambda: time() + 9.5)
            await publish(client, 1)
        assert server.connections == 2

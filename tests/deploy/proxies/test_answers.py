"""Short answers through every proxy of deploy/proxies: what passes unchanged, what does not pass, what is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import aiohttp
import pytest
import pytest_asyncio

from tests.deploy.proxies.away import EVENTS, told_to_come_again
from tests.deploy.proxies.caller import Caller, status_of
from tests.deploy.proxies.listener import Listener
from tests.deploy.proxies.world import ORIGIN, each, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.deploy.proxies.world import Front, World

pytestmark = pytest.mark.asyncio(loop_scope="module")
FOREIGN: Final = ("Origin", "https://evil.example")
OURS: Final = ("Origin", ORIGIN)
CLOSE: Final = ("Connection", "close")  # of an answer without a body the caller knows no other end
JSON: Final = ("Content-Type", "application/json")
# Method, path below the prefix, headers, body.
ASKED: Final[tuple[tuple[str, str, tuple[tuple[str, str], ...], bytes], ...]] = (
    ("GET", "/health/live", (OURS,), b""),
    ("HEAD", "/health/ready", (OURS, CLOSE), b""),
    ("GET", "/nothing?here=1", (OURS,), b""),
    ("GET", "/stream?since=nonsense", (OURS,), b""),
    ("GET", "/stream?topic=a", (FOREIGN,), b""),
    ("HEAD", "/stream", (CLOSE,), b""),
    ("PUT", "/publish", (OURS,), b"{}"),
    ("POST", "/publish", (OURS, JSON), b"{"),
    ("POST", "/publish", (FOREIGN, JSON), b'{"message": 1}'),
    ("POST", "/publish", (JSON, ("Content-Encoding", "gzip")), b"{}"),
    ("OPTIONS", "/publish", (OURS, ("Access-Control-Request-Method", "POST")), b""),
    ("OPTIONS", "/stream", (FOREIGN, ("Access-Control-Request-Method", "GET")), b""),
    ("POST", "/streams/none-at-all/renew", (OURS,), b""),
    ("GET", "/client.js", (("Accept-Encoding", "gzip"),), b""),
    ("GET", "/client.js", (("Accept-Encoding", "identity"),), b""),
    ("GET", "/console", (), b""),
)
# What a proxy may say itself, and what is different each time.
OWN: Final = {
    *("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server", "via", "alt-svc"),
    *("x-request-id", "x-envoy-upstream-service-time"),
}
INSIDE: Final = ("metrics", "drain", "drains", "revocations", "streams")
SECRET: Final = "canary-of-a-secret"


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def gates_as_they_were(there: World) -> AsyncIterator[None]:
    """Undo what a test has done to the network, whatever became of the test."""
    yield
    for gate in there.gates:
        await gate.restore()
    await each(there, back)


async def test_unchanged(there: World) -> None:
    """Answers of the hub pass as they are: status, body, and every header that is not the connection's own."""

    async def check(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller, direct_session() as direct:
            for method, path, headers, body in ASKED:
                answer = await caller.ask(method, f"/signals{path}", *headers, body=body)
                url = there.hubs[0].url.replace("127.0.0.1", "localhost") + path
                async with direct.request(method, url, headers=dict(headers), data=body or None) as wanted:
                    content = await wanted.read()
                assert status_of(answer) == wanted.status, (method, path, answer)
                assert _without_ids(answer.body) == _without_ids(content), (method, path)
                assert answer.head is not None
                assert _said(answer.head.fields) == _said(wanted.headers.items()), (method, path)
        assert topic

    await each(there, check)


def direct_session() -> aiohttp.ClientSession:
    """Return a client that sends no headers of its own."""
    return aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"))


def _said(fields: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return headers as they are compared: blanks in lists mean nothing."""
    some = ((name.lower(), value.replace(", ", ",")) for name, value in fields)
    return {(name, value) for name, value in some if name not in OWN}


def _without_ids(body: bytes) -> bytes:
    """Take out what is different in each answer."""
    before, name, rest = body.partition(b'"requestId":"')
    return before + name + rest.partition(b'"')[2]


async def test_not_from_outside(there: World) -> None:
    """Metrics, drains, revocations and the list of streams do not reach a hub, however they are written."""

    async def check(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller:
            for word in INSIDE:
                for written in (
                    word,
                    f"%{ord(word[0]):02x}{word[1:]}",
                    f"{word}/",
                    f"./{word}",
                    f"/{word}",
                    f"x/../{word}",
                ):
                    for method in ("GET", "POST"):
                        answer = await caller.ask(
                            method, f"/signals/{written}?of={topic}", body=b"{}" * (method == "POST")
                        )
                        # Some take // and .. away, and some hand them on: to the hub those are no such path.
                        assert status_of(answer) in {301, 307, 308, 400, 404}, (method, written, answer)
            for path in ("/", "/metrics", "/signals", "/other/signals/stream"):
                assert status_of(await caller.ask("GET", path)) in {403, 404}, path

    await each(there, check)
    reached = [line.split()[1].partition("?")[0] for gate in there.gates for line in gate.requests]
    assert reached
    assert not {path for path in reached if path.removeprefix("/signals/") in INSIDE}


async def test_a_publish_is_sent_once(there: World) -> None:
    """A publish whose answer is lost is not sent again by the proxy; a stream is asked for again, where it can."""

    async def check(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller:
            for turn in range(2):  # over a fresh connection, and maybe over one that was kept
                answer = await caller.publish(f"{topic}/lost", str(turn), ("Idempotency-Key", topic))
                assert status_of(answer) in {0, 502, 503, 504}, answer
                assert _count(there, "POST", f"{topic}/lost") == turn + 1
        if front.program.retries:
            async with Listener(f"{front.url}/stream?topic={topic}/first", version) as listener:
                await listener.inbox.until_open()
                assert listener.statuses == {200}
                assert len(listener.stays) == 1

    first: set[str] = set()

    def loses(line: str) -> bool:
        again = line in first
        first.add(line)
        return "/lost" in line or ("/first" in line and not again)

    for gate in there.gates:
        gate.loses = loses
    await each(there, check)


def _count(there: World, method: str, topic: str) -> int:
    return sum(line.startswith(f"{method} ") and topic in line for gate in there.gates for line in gate.requests)


async def test_logs(there: World) -> None:
    """A proxy logs the path and not the query, when all is well and when no hub is there."""

    async def check(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller:
            for method, path in (("GET", "/stream"), ("POST", "/publish")):
                where = f"/signals{path}?topic={topic}&ticket={SECRET}&lastEventId={SECRET}"
                await caller.ask(
                    method, where, ("Authorization", f"Bearer {SECRET}"), ("Referer", f"https://a/?{SECRET}")
                )

    await each(there, check)
    for gate in there.gates:
        await gate.close()
    await each(there, check)
    for front in there.fronts:
        logged = await asyncio.to_thread(front.logged)
        assert ("/signals/publish" in logged.replace("\\/", "/")) == front.program.logs_path, front.name
        assert SECRET not in logged, front.name


async def test_hubs_away(there: World) -> None:
    """With one hub gone everything works; with both gone an EventSource is told to come again, and all else a 503."""

    async def works(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller:
            await caller.publish_surely(topic, "one that may be on a connection which is just being cut")
            for turn in range(4):
                assert status_of(await caller.publish(topic, str(turn))) == 202
                async with Listener(f"{front.url}/stream?topic={topic}", version) as listener:
                    await listener.inbox.until_open()
                    assert [stay.status for stay in listener.stays] == [200]

    async def away(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller:
            url = f"/signals/stream?topic={topic}"
            publish, lines, poll = await asyncio.gather(
                caller.publish(topic, "nobody is there"),
                caller.ask("GET", url, ("Accept", "application/x-ndjson")),
                caller.ask("GET", f"{url}&poll=1", EVENTS),
            )
            for answer in (publish, lines, poll):
                assert status_of(answer) in {502, 503}, answer
        await told_to_come_again(front, version, topic)

    await there.gates[0].close()
    await each(there, works)
    await there.gates[1].close()
    await each(there, away)


async def test_hubs_that_hang_up(there: World) -> None:
    """Where hubs are there, but close connections without an answer, an EventSource is told to come again as well."""
    for gate in there.gates:
        gate.loses = lambda line: line.startswith("GET /signals/stream")
    await each(there, told_to_come_again)


async def test_no_hub_is_ready(there: World) -> None:
    """Where none says that it is ready, as without the log behind them, the hubs are asked all the same."""

    async def check(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller:
            assert status_of(await caller.publish(topic, "now")) == 202
            answer = await caller.ask("GET", f"/signals/nothing?{topic}", OURS)
            assert answer.head is not None
            assert answer.head.get("access-control-allow-origin") == ORIGIN
            async with Listener(f"{front.url}/stream?topic={topic}", version) as listener:
                await until(lambda: listener.inbox.received, "an event")
                assert listener.statuses == {200}

    asked = [len(gate.requests) for gate in there.gates]
    for gate in there.gates:
        gate.ready = False
    enough = 3 * len(there.fronts)  # questions for health
    await until(lambda: all(len(gate.requests) > at + enough for gate, at in zip(there.gates, asked, strict=True)), "4")
    await each(there, check)


async def until_status(caller: Caller, method: str, path: str, statuses: set[int]) -> None:
    """Ask until the answer has one of the statuses."""
    async with asyncio.timeout(30):
        while status_of(await caller.ask(method, path, body=b"x" * (method == "POST"))) not in statuses:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def back(front: Front, version: str, topic: str) -> None:
    """Wait until a proxy has noticed that the hubs are there again."""
    async with Caller(front, version) as caller:
        await until_status(caller, "POST", f"/signals/publish?topic={topic}", {202})

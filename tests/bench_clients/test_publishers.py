"""Publishers against a server that answers well, badly, slowly or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from typing import TYPE_CHECKING

import pytest

from sse_signals.bench import publishers as module
from sse_signals.bench.messages import Messages
from sse_signals.bench.publishers import Publishers
from sse_signals.bench.remote import now_us
from sse_signals.bench.target import Form, Target
from sse_signals.errors import LoadFailed
from tests.bench_clients.scripted import ACCEPTED, DEADLINE, Scripted, accept, scripted, until

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from sse_signals.bench.publishers import Published

MESSAGES = Messages("run", 100)
Made = Callable[..., Publishers]


@pytest.fixture
def made() -> Iterator[Made]:
    """Make publishers for a server, of one form or of several."""
    all_made = []

    def make(server: Scripted, *forms: Form) -> Publishers:
        all_made.append(Publishers(server.target.address, MESSAGES, forms or [server.target.form]))
        return all_made[-1]

    yield make
    for publishers in all_made:
        publishers.close()


async def steady(publishers: Publishers, rate: float, seconds: float) -> Published:
    return await asyncio.to_thread(publishers.steady, rate, seconds)


async def test_a_steady_rate(made: Made) -> None:
    """So many messages a second, each once, numbered without a gap, on one connection where answers are fast."""
    async with scripted(accept) as server:
        published = await steady(made(server), 200, 0.1)
    assert (published.count, published.refused, published.accepted) == (20, {}, [20])
    assert published.latencies.count == 20
    assert published.seconds >= 0.1
    numbers = sorted((json.loads(body)["p"], json.loads(body)["n"]) for body in server.bodies)
    assert len(set(numbers)) == 20
    assert server.connections == 1 + numbers[-1][0]
    due = sorted(json.loads(body)["t"] for body in server.bodies)
    assert [each - due[0] for each in due] == pytest.approx([5000 * number for number in range(20)], abs=1)


async def test_slow_answers_do_not_slow_it_down(made: Made) -> None:
    """The rate is kept by further connections: nothing is answered until seven requests are there."""

    async def answer(server: Scripted, _: int) -> bytes:
        await until(lambda: len(server.bodies) >= 7)
        return ACCEPTED

    async with scripted(answer) as server:
        published = await steady(made(server), 100, 0.1)
    assert published.count == 10
    assert server.connections >= 7


async def test_where_too_many_answers_are_awaited_it_falls_behind(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is late is counted, with a latency from when it was due, and nothing is left out."""
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)
    came: list[int] = []

    async def answer(*_: object) -> bytes:
        came.append(now_us())
        await until(lambda: now_us() > came[0] + 300_000)
        return ACCEPTED

    async with scripted(answer) as server:
        published = await steady(made(server), 100, 0.05)
    assert published.count == 5
    assert published.behind >= 1  # the third was due after 20 ms and sent after 300, or later
    assert published.latencies.longest >= 300_000
    assert sum(published.latencies.between([29_000])) >= 3
    assert server.connections == 2


async def test_where_nothing_is_answered_it_waits(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """No further connection is opened than there may be, and nobody waits for ever."""
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(module, "PATIENCE", 0.05)

    async def answer(*_: object) -> bytes:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async with scripted(answer) as server:
        publishers = made(server)
        with pytest.raises(LoadFailed, match=r"no answer for 0\.05 s"):
            await steady(publishers, 100, 0.05)
        assert len(publishers._all) == 2


async def test_as_fast_as_answered(made: Made) -> None:
    """So many requests are unanswered at any time, no more; each is answered only when all of them are there."""
    waiting, most = 0, 0

    async def answer(*_: object) -> bytes:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0)
        waiting -= 1
        return ACCEPTED

    async with scripted(answer) as server:
        published = await asyncio.to_thread(made(server).busy, 3, 0.05)
    assert published.count == len(server.bodies) >= 3
    assert server.connections == 3
    assert most <= 3


async def test_forms_take_turns(made: Made) -> None:
    """What was accepted is told for each."""
    async with scripted(accept) as server:
        head = server.target.form.head
        forms = [Form(head, b'{"message":', b"}"), server.target.form]
        published = await steady(made(server, *forms), 100, 0.05)
    assert published.accepted == [3, 2]
    assert [b'{"message":{"bench"' in body for body in server.bodies].count(True) == 3


async def test_refusals_are_counted_with_what_was_said(made: Made) -> None:
    """By status; the load goes on."""
    answers = [
        ACCEPTED,
        b"HTTP/1.1 429 X\r\nContent-Length: 5\r\n\r\nfirst",
        b"HTTP/1.1 429 X\r\nContent-Length: 6\r\n\r\nsecond",
        b"HTTP/1.1 413 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbig\r\n0\r\n\r\n",
        ACCEPTED,
    ]

    async def answer(_: Scripted, number: int) -> bytes:
        return answers[number]

    async with scripted(answer) as server:
        published = await steady(made(server), 100, 0.05)
    assert published.count == 2
    assert published.refused == {429: 2, 413: 1}
    assert published.told == {
        429: "answered 429 Too Many Requests: first",
        413: "answered 413 Request Entity Too Large: big",
    }


@pytest.mark.parametrize("lost", [None, ACCEPTED[1:20], b"SSH-2.0\r\n\r\n"], ids=["none", "half", "nonsense"])
async def test_a_connection_that_is_lost_instead_of_an_answer(made: Made, lost: bytes | None) -> None:
    """Whether the message was published nobody knows: it counts as refused, and the next takes another connection."""

    async def answer(_: Scripted, number: int) -> bytes | None:
        return lost if number == 1 else ACCEPTED

    async with scripted(answer) as server:
        published = await steady(made(server), 100, 0.05)
    assert (published.count, published.refused) == (4, {0: 1})
    assert server.connections >= 2


async def test_an_answer_in_many_pieces(made: Made) -> None:
    """It counts once it is complete."""
    ended = asyncio.Event()

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b'"}')
        for place in range(len(ACCEPTED)):
            writer.write(ACCEPTED[place : place + 1])
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(dribble, "127.0.0.1", 0)
    async with asyncio.timeout(DEADLINE), server:
        script = Scripted(accept)
        script.target = Target.hub(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "a")
        publishers = made(script)
        published = await steady(publishers, 100, 0.01)
        publishers.close()
        await ended.wait()
    assert (published.count, published.refused) == (1, {})


@pytest.mark.parametrize("told", [True, False], ids=["told", "silent"])
async def test_a_connection_that_the_server_closes_after_an_answer(made: Made, told: bool) -> None:
    """The next request goes over another one, and nothing is lost."""
    closed = ACCEPTED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    async def answer(_: Scripted, number: int) -> bytes:
        return closed if number < 2 else ACCEPTED

    async with scripted(answer) as server:
        publishers = made(server)
        if told:
            published = await steady(publishers, 100, 0.05)
            assert (published.count, published.refused) == (5, {})
        else:
            assert (await steady(publishers, 100, 0.03)).count == 3
            publisher = publishers._idle[-1]
            assert publisher._sock is not None
            publisher._sock.shutdown(2)
            assert (await steady(publishers, 100, 0.03)).refused == {}
    assert server.connections >= 3


async def test_no_answer(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that hangs is told, and ends the load."""
    monkeypatch.setattr(module, "PATIENCE", 0.05)

    async def answer(*_: object) -> bytes:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async with scripted(answer) as server:
        with pytest.raises(LoadFailed, match=r"no answer for 0\.05 s"):
            await steady(made(server), 100, 0.01)


async def test_a_hub_that_goes_away(made: Made) -> None:
    """Where no connection can be made any more, the load ends with the reason."""
    async with scripted(accept) as server:
        publishers = made(server)
        assert (await steady(publishers, 100, 0.03)).count == 3
    with pytest.raises(LoadFailed, match=r"cannot be reached at 127.0.0.1:[0-9]+: Connection refused"):
        await steady(publishers, 100, 0.03)


@pytest.mark.parametrize("how", ["steady", "busy"])
async def test_a_hub_that_goes_away_after_it_has_accepted_some(made: Made, how: str) -> None:
    """What was published until then is returned with the reason; what was not answered counts as refused."""

    async def answer(server: Scripted, number: int) -> bytes | None:
        if number < 3:
            return ACCEPTED
        server.stop()
        return None

    async with scripted(answer) as server:
        published = await asyncio.to_thread(getattr(made(server), how), 1 if how == "busy" else 100, 60.0)
    assert published.count == 3
    assert published.refused[0] == published.refused.total() >= 2
    assert "cannot be reached" in published.failed
    assert published.seconds < 60


async def test_a_hub_that_answers_no_more(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same; the publishers can be used again."""
    monkeypatch.setattr(module, "PATIENCE", 0.05)

    async def answer(_: Scripted, number: int) -> bytes:
        if number == 1:
            await asyncio.get_running_loop().create_future()
        return ACCEPTED

    async with scripted(answer) as server:
        publishers = made(server)
        published = await steady(publishers, 100, 0.02)
        assert (published.count, published.refused, published.told) == (1, {0: 1}, {0: "did not answer"})
        assert "no answer for 0.05 s" in published.failed
        assert (await steady(publishers, 100, 0.02)).failed == ""


@pytest.mark.parametrize("how", ["steady", "busy"])
async def test_it_stops_when_it_is_called(made: Made, how: str) -> None:
    """What was published until then is returned, all of it answered; then it can publish again."""
    async with scripted(accept) as server:
        ours, theirs = Pipe()
        with ours, theirs:
            publishers = made(server)
            await asyncio.to_thread(call, ours, publishers, theirs)
            await asyncio.to_thread(theirs.recv)
            publishing = asyncio.create_task(asyncio.to_thread(getattr(publishers, how), 2, 600.0))
            await until(lambda: server.bodies)
            await asyncio.to_thread(ours.send, ())
            published = await publishing
            assert published.count == len(server.bodies)
            await asyncio.to_thread(theirs.recv)
            publishers.stop()
            assert (await steady(publishers, 100, 0.02)).count == 2


def call(ours: Connection, publishers: Publishers, theirs: Connection) -> None:
    ours.send(())
    publishers.wait(theirs)

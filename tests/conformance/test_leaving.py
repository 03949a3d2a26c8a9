"""Hubs that leave, come back, or are told to by a command that fails."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

import pytest

from sse_signals.conformance.leaving import run
from sse_signals.conformance.outcome import NotTried, Verdict
from tests.conformance.descriptions import JSON_HUB, TEXT_HUB
from tests.conformance.runs import described, ended, hub_at, ran
from tests.conformance.stand_in import stand_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conformance.stand_in_words import Record

LASTS = replace(described(JSON_HUB).drain, lasts=True, within=20.0)
DRAIN = {"drain.prompt", "drain.clean", "drain.lost", "drain.told", "drain.late"}


async def test_a_hub_that_comes_back_may_owe_messages_until_then() -> None:
    """What was acknowledged and had not come before the end comes after a resume, where the log lasts."""
    log: list[Record] = []

    async def again(port: int) -> None:
        while not (hub._shared and hub._shared["drain"].done()):  # noqa: ASYNC110 - the run does not tell
            await asyncio.sleep(0.01)
        async with stand_in(port=port, log=log):
            await asyncio.Event().wait()

    async with stand_in("loses-at-drain", log=log) as url:
        hub = hub_at(url, JSON_HUB, drain=LASTS)
        back = asyncio.create_task(again(int(url.rpartition(":")[2])))
        results = await ran(hub, "drain")
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)
    assert ended(results, Verdict.PASS) == DRAIN, results
    assert results["drain.lost"].seen == "each message came, the last ones when it was back"


async def test_a_hub_that_does_not_come_back_cannot_be_blamed() -> None:
    """Where the log lasts and nobody starts it again, what is missing may be in it."""
    async with stand_in("loses-at-drain") as url:
        results = await ran(hub_at(url, JSON_HUB, drain=replace(LASTS, within=0.5)), "drain.lost")
    assert ended(results, Verdict.NOT_TRIED) == {"drain.lost"}
    assert results["drain.lost"].seen.endswith(
        " acknowledged messages had not come, and it did not come back within 0.5 s"
    )


async def test_a_hub_without_a_word_for_it_tells_when_to_come_back() -> None:
    """Where no event is told to say goodbye, a time to come back is enough."""
    async with stand_in(text=True) as url:
        results = await ran(hub_at(url, TEXT_HUB), "drain.told")
    assert results["drain.told"].seen == "no word, and when to come back"


async def test_a_hub_that_nobody_makes_leave_is_not_tried() -> None:
    """The text says what would be needed."""
    async with stand_in() as url:
        results = await ran(hub_at(url, JSON_HUB, drain=replace(LASTS, path=""), history=None), "drain", "gap.trimmed")
    assert ended(results, Verdict.NOT_TRIED) == {*DRAIN, "gap.trimmed"}
    assert results["drain.lost"].seen == "give --drain: a command that makes the hub leave"
    assert results["gap.trimmed"].seen.startswith("give --history: ")


async def test_a_request_that_is_refused_is_no_failure_of_the_hub() -> None:
    """What was to make it leave did not."""
    async with stand_in("no-drain") as url:
        results = await ran(hub_at(url, JSON_HUB), "drain")
    assert ended(results, Verdict.NOT_TRIED) == DRAIN
    assert results["drain.late"].seen == "the request that makes it leave is answered with 403"


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        ("exit 3", "the command of --drain ended with status 3"),
        ("echo first >&2; echo 'no such unit' >&2; exit 1", "ended with status 1: no such unit"),
    ],
)
async def test_a_command_that_fails_is_told_with_its_last_line(command: str, seen: str) -> None:
    """The user sees what is wrong with it."""
    async with stand_in() as url:
        results = await ran(hub_at(url, JSON_HUB, drain_command=command), "drain.clean")
    assert results["drain.clean"].verdict is Verdict.NOT_TRIED
    assert results["drain.clean"].seen.endswith(seen)


def ends_of(pipe: Path) -> tuple[IO[bytes], int]:
    """Make a named pipe; return its reading end, and a writing end, so that it does not end before it begins."""
    os.mkfifo(pipe)
    return os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb"), os.open(pipe, os.O_WRONLY)


@asynccontextmanager
async def reading(pipe: Path) -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """Give a reader of a named pipe, and its writing end that the caller closes; all that within a deadline."""
    ours, held = ends_of(pipe)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), ours
    )
    try:
        async with asyncio.timeout(10):
            yield reader, held
    finally:
        transport.close()


async def test_a_command_that_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    """Its children, too: nothing of it is left."""
    pipe = tmp_path / "pipe"
    async with reading(pipe) as (reader, held):
        running = asyncio.create_task(run(f"(echo; exec sleep 60) >{pipe} & (echo; exec sleep 60) >{pipe}"))
        await reader.readexactly(2)  # both run
        os.close(held)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await reader.read() == b""  # nobody is left who could write


async def test_a_command_that_nobody_waits_for_is_ended_while_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shell may run, and have children, before this program knows of it."""
    start, known = asyncio.create_subprocess_shell, asyncio.Event()

    async def slow(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*arguments, **options)
        await known.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_shell", slow)
    async with reading(tmp_path / "pipe") as (reader, held):
        running = asyncio.create_task(run(f"(echo; exec sleep 60) >{tmp_path}/pipe & wait"))
        await reader.readexactly(1)
        os.close(held)
        running.cancel()
        asyncio.get_running_loop().call_soon(known.set)
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await reader.read() == b""


async def test_a_command_that_does_its_work_says_nothing() -> None:
    """A status of 0 is all that is asked for."""
    await run("exit 0")
    with pytest.raises(NotTried):
        await run("exit 1")

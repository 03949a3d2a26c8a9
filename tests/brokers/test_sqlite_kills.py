"""A log in a file, used by processes of their own, which are killed, or may not write as much as they want to."""

from __future__ import annotations

import os
import signal

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.model import HistoryLimits
from tests.brokers.sqlite_logs import Files, a_folder, publish, python  # noqa: F401 - a fixture

BEGIN = """
import asyncio, resource, structlog, sys
from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.sqlite import SqliteBroker
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import HistoryLimits, Signal

log = SqliteBroker(sys.argv[1], HistoryLimits(), BrokerOptions(), logger=structlog.get_logger())
"""
PUBLISH_UNTIL_KILLED = (
    BEGIN
    + """
import os

async def publisher(first):
    for number in range(first, 10**9, 8):
        receipt = await log.publish([Signal(b"%d" % number)] * (number % 3 + 1))
        print(number, receipt.ids[-1], flush=True)

async def main(first):
    await log.open()
    print("pid", os.getpid(), flush=True)
    await asyncio.gather(*(publisher(first + number) for number in range(8)))

for line in sys.stdin:  # a process for each, which has imported everything already
    pid = os.fork()
    if not pid:
        asyncio.run(main(int(line)))
    os.waitpid(pid, 0)
    print("dead", pid, flush=True)
"""
)
GROW_TO_A_LIMIT = (
    BEGIN
    + """
async def attempt():
    try:
        await log.publish([Signal(b'"' + b"x" * 4000 + b'"')])
    except BrokerUnavailable as error:
        return error.outcome_unknown
    return None

async def main():
    await log.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    outcomes = [await attempt() for _ in range(150)]
    assert outcomes[0] is None and outcomes[-1] is False and True not in outcomes, outcomes
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert await attempt() is None
    held = len((await log.tail(HistoryLimits())).events)
    assert held == outcomes.count(None) + 1
    await log.close()
    assert len((await log.tail(HistoryLimits())).events) == held
    await log.close()
    print("well")

asyncio.run(main())
"""
)
HOLD = (
    BEGIN
    + """
async def main():
    await log.open()
    print("open", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
)


async def test_what_was_acknowledged_survives_ten_kills(files: Files) -> None:
    """Whenever the process is killed, each acknowledged record is in the log under its id, and no id is given twice."""
    acknowledged: dict[str, int] = {}
    async with python(PUBLISH_UNTIL_KILLED, f"sqlite:///{files.path}") as program:
        for trial in range(10):
            program.tell(b"%d\n" % (trial * 10**6))
            word, pid = (await program.line()).split()
            assert word == b"pid"
            lines = [await program.line() for _ in range(20 + 13 * trial)]
            os.kill(int(pid), signal.SIGKILL)
            while not lines[-1].startswith(b"dead"):
                lines.append(await program.line())
                assert lines[-1], "it has ended by itself"
            for number, event_id in (line.decode().split() for line in lines[:-1]):
                assert event_id not in acknowledged
                acknowledged[event_id] = int(number)
    log = await files.open()
    held = {event.id: event.message for event in (await log.tail(HistoryLimits())).events}
    assert {event_id: held.get(event_id) for event_id in acknowledged} == acknowledged
    assert {event_id.partition("-")[0] for event_id in held} == {(await log.head()).epoch}, "nothing was lost"


async def test_a_process_that_is_killed_leaves_the_file_to_others(files: Files) -> None:
    """While it lives the file is its own, and not a moment longer."""
    async with python(HOLD, f"sqlite:///{files.path}") as holder:
        assert await holder.line() == b"open\n"
        with pytest.raises(ConfigurationError, match="in use"):
            await files.open()
        await holder.kill()
        await publish(await files.open(), 1)


async def test_a_file_that_may_not_grow(files: Files) -> None:
    """With the limit of `setrlimit` reached nothing is acknowledged; without it, everything goes on."""
    async with python(GROW_TO_A_LIMIT, f"sqlite:///{files.path}") as program:
        said = b"?"
        while said not in (b"well\n", b""):
            said = await program.line()
    assert said == b"well\n"

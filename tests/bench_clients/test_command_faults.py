"""``sse-signals bench`` where something goes wrong in mid-run: what it says, and how it ends."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tests.bench_clients.running import QUICK, RECEIPT, assert_one_sentence, bench
from tests.bench_clients.scripted import ACCEPTED, scripted

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.bench_clients.scripted import Scripted
    from tests.conftest import StartHub


async def test_refused_messages(start_hub: StartHub) -> None:
    """They are reported with what the hub said, and make the exit status 1."""
    hub = await start_hub(max_message=100)
    done = await bench(hub.url, *QUICK, "--size", "101")
    assert "SIGNALS_MAX_MESSAGE" in done.stdout
    assert done.status == 1
    assert re.search(r"Refused     20 of 20: the hub answered 413 .*the\s+limit is 100", done.stdout, re.DOTALL)


async def test_a_hub_that_stops_in_mid_run() -> None:
    """One sentence says that it cannot be reached any more."""

    async def stop(server: Scripted, number: int) -> bytes | None:
        if not server.bodies[number]:
            return RECEIPT
        server.stop()
        return None

    async with scripted(stop) as server:
        done = await bench(f"http://{server.target.address.netloc}", *QUICK)
    assert_one_sentence(done, "cannot be reached", server.target.address.netloc, "Connection refused")


async def test_a_hub_that_is_lost_in_mid_run() -> None:
    """What was measured until then is reported, with why it ended; the exit status is that of a fault."""

    async def stop(server: Scripted, number: int) -> bytes | None:
        if not server.bodies[number]:
            return RECEIPT
        if number < 5:
            return ACCEPTED
        server.stop()
        return None

    async with scripted(stop) as server:
        done = await bench(f"http://{server.target.address.netloc}", *QUICK, "--streams", "1")
    assert (done.status, done.stderr) == (1, "")
    assert re.search(r"Broken off +The hub cannot be reached at\s", done.stdout)
    assert re.search(r"Refused +\d of \d: the hub closed the connection without an answer", done.stdout)


async def test_where_the_report_cannot_be_written(hub: Running) -> None:
    """One sentence says why; nothing does where a reader has seen enough."""
    done = await bench(hub.url, *QUICK, shell="exec >/dev/full;")
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr == "sse-signals: the report cannot be written: No space left on device.\n"
    ours, theirs = os.pipe()
    os.close(ours)
    done = await bench(hub.url, *QUICK, shell="exec >&0;", stdin=theirs)
    os.close(theirs)
    assert (done.status, done.stderr) == (1, "")


async def test_a_hub_that_is_full_in_mid_run(start_hub: StartHub) -> None:
    """One sentence says so."""
    hub = await start_hub(max_streams=3)
    assert_one_sentence(await bench(hub.url, *QUICK), "A stream was refused", "--streams", "SIGNALS_MAX_STREAMS")

"""The security checklist as far as it concerns a log in a file: each test says which line it is."""

from __future__ import annotations

import asyncio

from sse_signals.model import HistoryLimits, IdempotencyKey, Signal
from tests.brokers.sqlite_logs import Files, a_folder, read  # noqa: F401 - a fixture

NAMES = [
    "*", ">", ".", "a b", "a.*", "[a-z]?", "{tag}", "a%", "a_b", "\0", "a\0b", "\ud800", "é", "\U0010ffff",
    "'; DROP TABLE records; --", '"', "?", ":1", "\n", "",
]  # fmt: skip


async def test_18_topics(files: Files) -> None:
    """Each topic is the one that was named, and reaches nobody else's."""
    log = await files.open()
    start = await log.head()
    names = [name for name in NAMES if name not in ("", "\ud800")]
    for name in names:
        await log.publish([Signal(b"1", name, frozenset({name}), "created")])
    log = await files.again(log)
    events = await read(log, start, len(names))
    assert [(event.address, event.targets) for event in events] == [(name, frozenset({name})) for name in names]


async def test_43_keys_of_requests(files: Files) -> None:
    """Publishers and keys are data: each pair is one of its own, also after a restart."""
    log = await files.open()
    signals = [Signal(b"1")]
    keys = [IdempotencyKey(publisher, key, b"d") for publisher in NAMES for key in NAMES]
    first = await asyncio.gather(*(log.publish(signals, key=key) for key in keys))
    assert not any(receipt.repeated for receipt in first)
    assert len({receipt.ids[0] for receipt in first}) == len(keys)
    log = await files.again(log)
    again = await asyncio.gather(*(log.publish(signals, key=key) for key in keys))
    assert [list(receipt.ids) for receipt in again] == [list(receipt.ids) for receipt in first]
    assert all(receipt.repeated for receipt in again)


async def test_43_names_of_values(files: Files) -> None:
    """Names are data: a prefix finds what begins with it to the letter, and a claim takes one name."""
    log = await files.open()
    for name in NAMES:
        await log.state.put(f"a/{name}", name.encode("utf-8", "surrogatepass"), 60)
        assert await log.state.claim(f"b/{name}", 60)
        assert not await log.state.claim(f"b/{name}", 60)
    for prefix in NAMES:
        expected = {f"a/{name}" for name in NAMES if name.startswith(prefix)}
        found = dict(await log.state.items(f"a/{prefix}"))
        assert set(found) == expected
        assert all(
            found[f"a/{name}"] == name.encode("utf-8", "surrogatepass") for name in NAMES if f"a/{name}" in found
        )


async def test_what_is_over_takes_no_room(files: Files) -> None:
    """Values, claims and keys are gone from the file when their time is over, however long it was asked to be."""
    log = await files.open()
    for number in range(100):
        await log.state.put(f"a/{number}", b"1", 10)
        signals = [Signal(b"%d" % number)]
        await log.publish(signals, key=IdempotencyKey.of("me", str(number), signals))
    await log.state.put("for ever", b"1", 1e300)
    files.clock.now_ms += 300_000
    await log.state.put("a", b"1", 10)
    assert len((await log.tail(HistoryLimits())).events) == 100
    await log.close()
    assert await asyncio.to_thread(files.run, "SELECT key FROM state") == [(b"a",), (b"for ever",)]
    assert await asyncio.to_thread(files.run, "SELECT count(*) FROM keys") == [(0,)]

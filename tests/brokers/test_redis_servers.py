"""Which Redis servers are used, and what happens when one refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import ResponseError

from sse_signals.errors import BrokerUnavailable, ConfigurationError
from tests.brokers.redis_nodes import Told, a_database, client, made, node, publish, signals, until  # noqa: F401 - a fixture
from tests.brokers.servers import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


NOT_SHOWN = "what it says is not shown, since it may hold the password"


@pytest.fixture
def servers() -> Iterator[list[RedisServer]]:
    """Servers that are stopped after the test."""
    started: list[RedisServer] = []
    yield started
    for server in started:
        server.stop()


async def started(servers: list[RedisServer], folder: Path, *options: str) -> RedisServer:
    """Start one more server."""
    servers.append(RedisServer(folder, *options))
    return await asyncio.to_thread(servers[-1].start)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"], "allkeys-lru"),
        (["--appendonly", "no"], "nothing on disk"),
    ],
)
async def test_a_server_that_loses_records_is_refused(
    servers: list[RedisServer], tmp_path: Path, options: list[str], says: str
) -> None:
    """One that throws keys away, and one that keeps nothing on disk."""
    server = await started(servers, tmp_path, *options)
    with pytest.raises(ConfigurationError, match=says):
        await made(server.url).open()


@pytest.mark.parametrize(
    ("options", "volatile", "says"),
    [
        (["--appendonly", "no"], True, "keeps nothing on disk"),
        (["--save", "3600", "1"], False, "from time to time"),
        (["--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "noeviction"], False, ""),
    ],
)
async def test_a_server_that_may_lose_records_is_warned_of(
    servers: list[RedisServer], tmp_path: Path, options: list[str], volatile: bool, says: str
) -> None:
    """Once, and it is used."""
    server, told = await started(servers, tmp_path, *options), Told()
    async with node(server.url, logger=told, redis_volatile=volatile) as broker:
        await broker.open()
        await publish(broker, 1)
    assert len(told.lines) == bool(says)
    assert says in told.text


@pytest.mark.parametrize(("rights", "says"), [("-config", ""), ("-config -info", "cannot be checked")])
async def test_a_server_that_tells_nothing_is_used(url: str, rights: str, says: str) -> None:
    """As managed ones are, with a warning if it cannot be known whether it keeps the log."""
    told = Told()
    async with client(url) as redis:
        await redis.execute_command(
            "ACL", "SETUSER", "limited", "reset", "on", ">secret", "~*", "+@all", *rights.split()
        )
    async with node(url.replace("//", "//limited:secret@"), logger=told, name="limited") as broker:
        await publish(broker, 1)
    assert len(told.lines) == bool(says)
    assert says in told.text


async def test_a_wrong_password_is_a_matter_of_configuration(url: str) -> None:
    """The sentence does not hold it."""
    with pytest.raises(ConfigurationError, match="lets us not in") as caught:
        await made(url.replace("//", "//nobody:secret@")).open()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("repeats", "says"),
    [
        ("-ERR unknown command `AUTH`, with args beginning with: `user`, `hidden-sec", "unknown command `AUTH`"),
        ("-ERR what does AUTH user hidden-secret mean?", NOT_SHOWN),
        ("-LOADING what came: AUTH user hidden-secret", NOT_SHOWN),
        ("-ERR Protocol error", "Protocol error"),
        ("-WRONGPASS there is no user with hidden-secret", NOT_SHOWN),
        ("-NOAUTH before AUTH user hidden-secret", NOT_SHOWN),
        ("-WRONGPASS invalid username-password pair", "invalid username-password pair"),
    ],
)
async def test_what_a_server_repeats_of_a_password_is_not_told(repeats: str, says: str) -> None:
    """Servers that do not know a command, as renamed ones and some proxies, say what they were sent."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(f"{repeats}\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((BrokerUnavailable, ConfigurationError)) as caught:
            await made(f"redis://user:hidden-secret@127.0.0.1:{port}").open()
    assert str(caught.value).endswith((f"cannot be reached: {says}", f"lets us not in: {says}"))
    assert "hidden" not in f"{caught.value} {caught.value.__cause__!r}"


async def test_a_user_without_rights_is_refused(url: str) -> None:
    """One who may not run scripts cannot use the log."""
    async with client(url) as redis:
        await redis.execute_command("ACL", "SETUSER", "weak", "reset", "on", ">secret", "~*", "+info", "+select")
    with pytest.raises(ConfigurationError, match="lets us not in"):
        await made(url.replace("//", "//weak:secret@")).open()
    with pytest.raises(ConfigurationError, match="lets us not in"):
        await made(url.replace("//", "//weak:secret@").rpartition("/")[0].replace("redis", "redis+cluster")).open()


async def test_a_log_of_a_newer_version_is_refused(url: str) -> None:
    """One that this version cannot share."""
    async with client(url) as redis:
        await redis.hset("sse_signals:{newer}:meta", mapping={"layout": 2, "epoch": "abcdefgh", "record": 1})
        await redis.hset("sse_signals:{newer}:meta", mapping={"forks": "[]", "replid": ""})
    broker = made(url, name="newer")
    with pytest.raises(ConfigurationError, match="newer version"):
        await broker.open()
    with pytest.raises(BrokerUnavailable, match="newer version"):
        await broker.publish(signals(1))


async def test_a_full_memory_is_known_to_have_done_nothing(servers: list[RedisServer], tmp_path: Path) -> None:
    """Nothing is appended, and it goes on by itself when there is room again."""
    server = await started(servers, tmp_path)
    async with node(server.url) as broker, client(server.url) as redis:
        await publish(broker, 1)
        await redis.config_set("maxmemory", "1")
        for _ in range(3):
            with pytest.raises(BrokerUnavailable, match="Redis refuses") as caught:
                await publish(broker, 2)
            assert not caught.value.outcome_unknown
        assert (await broker.head()).position >> 10 == 1
        await redis.config_set("maxmemory", "0")
        assert (await publish(broker, 3)).position >> 10 == 2


async def test_a_disk_that_takes_nothing_is_known_to_have_done_nothing(
    servers: list[RedisServer], tmp_path: Path
) -> None:
    """The same when the server cannot save."""
    server = await started(servers, tmp_path, "--save", "3600", "1")
    async with node(server.url) as broker, client(server.url) as redis:
        await publish(broker, 1)
        await asyncio.to_thread((tmp_path / "dump.rdb").mkdir)  # nothing can be written in its place
        await redis.bgsave()

        async def has_failed() -> bool:
            return bool((await redis.info("persistence"))["rdb_last_bgsave_status"] == "err")

        await until(has_failed)
        with pytest.raises(BrokerUnavailable, match="Redis refuses") as caught:
            await publish(broker, 2)
        assert not caught.value.outcome_unknown
        await redis.config_set("stop-writes-on-bgsave-error", "no")
        assert (await publish(broker, 3)).position >> 10 == 2
    await asyncio.to_thread(server.kill)  # it would not end without having saved


async def test_a_database_that_is_not_there_is_told(url: str) -> None:
    """As what the server says."""
    with pytest.raises(BrokerUnavailable, match="out of range") as caught:
        await made(f"{url.rpartition('/')[0]}/999").open()
    assert isinstance(caught.value.__cause__, ResponseError)

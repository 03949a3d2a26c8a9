from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from sse_signals.commands.check import start as check_start
from sse_signals.commands.check.command import check
from tests.auth.issuer import signing_key
from tests.auth.issuer_server import serving

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.brokers.servers import NatsServer, RedisServer
    from tests.conftest import StartHub

NOBODY = "127.0.0.1:1"
EC = signing_key()


async def connected(*arguments: str, status: int, **variables: str) -> dict[str, Any]:
    """Run the command, which asks whom the hub needs, and return what it prints."""
    arguments = ("--json", "--connect", *arguments)
    done = await asyncio.to_thread(CliRunner().invoke, check, arguments, env=variables)
    assert done.exit_code == status, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_a_log_in_memory_is_always_there() -> None:
    """It is opened, and says where it is."""
    (log,) = (await connected(status=0))["connections"]
    assert (log["setting"], log["place"], log["good"]) == ("SIGNALS_BROKER", "memory://", True)
    assert log["detail"].startswith("The log is open; its newest id is ")


async def test_servers_are_reached(redis_server: RedisServer, nats_server: NatsServer) -> None:
    """Redis and NATS are asked as a start does; what the start would warn of is there as well."""
    for url, more in ((redis_server.url, ["--redis-volatile"]), (nats_server.url, [])):
        found = await connected("--broker", url, *more, "--broker-name", "checked", status=0)
        assert found["connections"][0]["good"]
        assert found["good"]


async def test_a_server_that_is_away_is_no_fault_of_a_setting() -> None:
    """That has a status of its own, and the sentence says where and why, without the password."""
    found = await connected("--broker", f"redis://u:canary@{NOBODY}/0?password=canary", status=3)
    assert found["good"]
    (log,) = found["connections"]
    assert log["place"] == f"redis://***@{NOBODY}/0?password=***"
    assert log["detail"].startswith("The log cannot be reached: Redis at redis://***@")
    assert log["detail"].endswith("1).")
    assert "canary" not in json.dumps(found)


async def test_a_log_that_is_no_good_is_a_problem(start_hub: StartHub, tmp_path: Path) -> None:
    """A file that another hub has is told by the sentence of a start, which would fail."""
    broker = f"sqlite:///{tmp_path}/log.db"
    assert (await connected("--broker", broker, status=0))["connections"][0]["good"]
    await start_hub(broker=broker)
    found = await connected("--broker", broker, status=2)
    (problem,) = found["problems"]
    assert found["connections"][0]["detail"] == problem
    assert not found["good"]


async def test_a_log_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it waits for, the check goes on after some seconds."""
    monkeypatch.setattr(check_start, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (log,) = (await connected("--broker", f"redis://127.0.0.1:{silent.getsockname()[1]}", status=3))["connections"]
    assert log["detail"] == "The log has not answered within 0.05 s."


async def test_issuers_are_asked_for_their_keys() -> None:
    """Keys are counted, those that are no good are named, and none at all will not do."""
    async with serving() as issuer:
        issuer.publish(EC)
        issuer.publish(EC, {"kty": "oct"}, path="/mixed")
        issuer.publish(path="/none")
        issuer.publish(EC, path="/api/auth/.well-known/jwks.json")
        jwt = {"SIGNALS_AUTH": "jwt,backstage", "SIGNALS_BACKSTAGE_URL": issuer.url}

        async def keys(path: str, status: int) -> tuple[bool, str]:
            url = f"{issuer.url}{path}?sig=canary"
            found = await connected(SIGNALS_JWT_JWKS_URL=url, **jwt, status=status)
            assert "canary" not in json.dumps(found)
            log, jwks, backstage = found["connections"]
            assert jwks["place"] == url.replace("canary", "***")
            assert log["good"]
            assert (backstage["setting"], backstage["good"]) == ("SIGNALS_BACKSTAGE_URL", True)
            assert backstage["place"] == f"{issuer.url}/api/auth/.well-known/jwks.json"
            return jwks["good"], jwks["detail"]

        assert await keys("/jwks.json", 0) == (True, "There is 1 key to verify with.")
        good, told = await keys("/mixed", 0)
        assert good
        assert told == "There is 1 key to verify with; left out: key 1: its kty is none of EC, RSA and OKP."
        assert await keys("/none", 3) == (False, "There is no key to verify with.")
        assert await keys("/nowhere", 3) == (False, "The keys cannot be fetched: it answered with status 404.")


async def test_files_that_are_no_good_leave_nothing_to_ask() -> None:
    """Nobody is asked as long as a start would not get so far."""
    found = await connected(SIGNALS_AUTH="jwt", SIGNALS_JWT_KEY="/no/such/file", status=2)
    assert found["connections"] == []

"""deploy/compose*.yaml are valid, harden everything, and configure a hub, NATS, Redis and Caddy that start."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from sse_signals import SignalsClient
from sse_signals.settings import load
from tests.brokers.servers import NatsServer, RedisServer
from tests.deploy.files import DEPLOY, ROOT, from_yaml, image_environment, rest, seconds, services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.brokers.servers import Server
    from tests.conftest import StartHub

FILES: Final = ("compose.yaml", "compose.redis.yaml")
BIN: Final = Path(sys.executable).parent
DEADLINE: Final = 30.0
# Caddy's program has a capability that it does not need here; without it among those that may be, nobody can start it.
ADDED: Final = {"caddy": ["NET_BIND_SERVICE"], "owner": ["CHOWN"]}


def running(name: str) -> dict[str, dict[str, Any]]:
    """Return the services of a Compose file that stay."""
    return {service: options for service, options in services(name).items() if options["restart"] != "no"}


def test_the_schema() -> None:
    """All files are what the Compose specification says."""
    files = map(str, sorted(DEPLOY.glob("compose*.yaml")))
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ok -- validation done\n")


@pytest.mark.parametrize("name", FILES)
def test_all_that_is_named_is_there(name: str) -> None:
    """Networks, volumes, secrets, configurations and services that a service names are declared, and files exist."""
    whole = from_yaml((DEPLOY / name).read_text())
    found = services(name)
    named: dict[str, set[str]] = {"networks": set(), "volumes": set(), "secrets": set(), "configs": set()}
    for options in found.values():
        assert set(options.get("depends_on", {})) <= set(found)
        named["networks"].update(options.get("networks", ()))
        named["secrets"].update(options.get("secrets", ()))
        named["configs"].update(each["source"] for each in options.get("configs", ()))
        mounts = [each.partition(":")[0] for each in options.get("volumes", ())]
        named["volumes"].update(each for each in mounts if not each.startswith("."))
        assert all((DEPLOY / each).is_file() for each in mounts if each.startswith("."))
    assert named == {kind: set(whole.get(kind, {})) for kind in named}
    assert all((DEPLOY / each["file"]).is_file() for each in whole.get("configs", {}).values())
    build = found["hub-1"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", FILES)
def test_each_service_may_do_little(name: str) -> None:
    """No service may be root, write to its image, gain privileges, or be without limits or of an unknown version."""
    for service, options in running(name).items():
        assert re.fullmatch("redis|[1-9][0-9]*:[1-9][0-9]*", options["user"]), service
        assert {"healthcheck", "stop_grace_period"} <= set(options)
        assert options["restart"] == "unless-stopped"
    for service, options in services(name).items():
        assert options["read_only"], service
        assert options["cap_drop"] == ["ALL"], service
        assert options.get("cap_add", []) == ADDED.get(service, []), service
        assert options["security_opt"] == ["no-new-privileges:true"], service
        assert {"mem_limit", "pids_limit", "restart", "logging"} <= set(options)
        assert "privileged" not in options
        assert re.fullmatch(r"(\$\{SIGNALS_IMAGE:-)?[a-z-]+:\d+\.\d+(\.\d+\}|-alpine)", options["image"]), service
        if not service.startswith("hub"):
            assert options.get("secrets", []) == []


def test_the_log_belongs_to_who_writes_it() -> None:
    """Root does one thing, without a network, and ends: it gives NATS its folder, which waits for that."""
    found = services("compose.yaml")
    owner, nats = found["owner"], found["nats"]
    assert set(found) - set(running("compose.yaml")) == {"owner"}
    assert set(services("compose.redis.yaml")) == set(running("compose.redis.yaml"))
    assert owner["entrypoint"] == ["chown", nats["user"], owner["volumes"][0].partition(":")[2]]
    assert (owner["image"], owner["volumes"]) == (nats["image"], nats["volumes"])
    assert (owner["network_mode"], owner["restart"]) == ("none", "no")
    assert nats["depends_on"] == {"owner": {"condition": "service_completed_successfully"}}


def test_caddy_has_what_it_needs_without_being_root() -> None:
    """Its sockets' folder is its own, and port 443 is for anybody."""
    caddy = services("compose.yaml")["caddy"]
    user, _, group = caddy["user"].partition(":")
    assert f"mode=0700,uid={user},gid={group}" in caddy["tmpfs"][0]
    assert caddy["sysctls"] == {"net.ipv4.ip_unprivileged_port_start": "0"}


@pytest.mark.parametrize("name", FILES)
def test_only_the_proxy_can_be_reached(name: str) -> None:
    """Ports are published by Caddy alone; the log is on a network that leads nowhere, and Caddy is not on it."""
    whole, found = from_yaml((DEPLOY / name).read_text()), services(name)
    assert [service for service, options in found.items() if "ports" in options] == ["caddy"]
    assert {each.partition(":")[0] for each in found["caddy"]["ports"]} == {"443"}
    assert whole["networks"]["log"] == {"internal": True}
    [log] = set(running(name)) - {"hub-1", "hub-2", "caddy"}
    assert found[log]["networks"] == ["log"]
    assert "log" not in found["caddy"]["networks"]
    assert found["hub-1"]["networks"] == ["front", "log"]


@pytest.mark.parametrize("name", FILES)
def test_what_the_hubs_are_set_to(name: str) -> None:
    """A start takes these settings; both hubs have the same, and time to leave; secrets are files."""
    found = services(name)
    assert found["hub-1"] == found["hub-2"]
    hub, whole = found["hub-1"], from_yaml((DEPLOY / name).read_text())
    environment: dict[str, Any] = image_environment() | hub["environment"]
    settings = load({key: value for key, value in environment.items() if key.startswith("SIGNALS_")}, {})
    assert seconds(hub["stop_grace_period"]) >= settings.drain_delay + settings.drain_window + rest(settings)
    assert {f"@/run/secrets/{each}" for each in hub["secrets"]} == {settings.secret, settings.jwt_secret}
    assert list(settings.trusted_proxies) == [each["subnet"] for each in whole["networks"]["front"]["ipam"]["config"]]
    assert hub["expose"] == [str(settings.port), str(settings.metrics_port)]
    assert f"//{next(iter(hub['depends_on']))}:" in settings.broker
    assert found["caddy"]["environment"]["SIGNALS_HUBS"] == f"hub-1:{settings.port} hub-2:{settings.port}"
    for each in whole["secrets"].values():
        ignored = subprocess.run(["git", "check-ignore", "-q", DEPLOY / each["file"]], cwd=ROOT, check=False)
        assert ignored.returncode == 0


def test_caddy_takes_its_configuration() -> None:
    """Caddy accepts the Caddyfile with the variables that Compose sets."""
    options = services("compose.yaml")["caddy"]
    variables = {key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for key, value in options["environment"].items()}
    assert options["volumes"][0] == "./proxies/Caddyfile:/etc/caddy/Caddyfile:ro"
    done = subprocess.run(
        [BIN / "caddy", "adapt", "--adapter", "caddyfile", "--validate", "--config", DEPLOY / "proxies/Caddyfile"],
        env={**os.environ, **variables, "SIGNALS_CADDY_ADMIN": "off", "XDG_DATA_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert all(f'"dial":"{hub}"' in done.stdout for hub in variables["SIGNALS_HUBS"].split())
    authorities = json.loads(done.stdout)["apps"]["pki"]["certificate_authorities"]
    assert authorities == {"local": {"install_trust": False}}, "this machine would trust it from then on"
    folders = [each.partition(":")[0] for each in options["tmpfs"]]
    assert any(options["healthcheck"]["test"][-1].startswith(f"{folder}/") for folder in folders)
    assert options["healthcheck"]["test"][-1] in (DEPLOY / "proxies/Caddyfile").read_text()


class ComposedNats(NatsServer):
    """NATS with deploy/nats.conf, but for where it listens and where its data is."""

    def command(self) -> list[str]:
        """Return the words that start it."""
        text = (DEPLOY / "nats.conf").read_text()
        for what, here in (
            ('"0.0.0.0:4222"', f'"127.0.0.1:{self.port}"'),
            ('"127.0.0.1:8222"', '"127.0.0.1:-1"'),
            ('"/data"', f'"{self.folder}/store"'),
        ):
            assert what in text
            text = text.replace(what, here)
        (self.folder / "nats.conf").write_text(text)
        return [str(BIN / "nats-server"), "-c", str(self.folder / "nats.conf")]


@pytest.fixture(params=FILES)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """NATS with deploy/nats.conf, and Redis with the command of Compose."""
    server: Server
    if request.param == "compose.yaml":
        server = ComposedNats(tmp_path)
    else:
        program, *options = services(request.param)["redis"]["command"]
        assert program == "redis-server"
        server = RedisServer(tmp_path, *options)
    server.start()
    yield server
    server.stop()


async def test_the_logs_as_they_are_configured(
    log: Server, start_hub: StartHub, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hub follows the log of either file, publishes there, and has nothing to warn of."""
    hub = await start_hub(broker=log.url)
    client = SignalsClient.for_hub(hub.url)
    async with asyncio.timeout(DEADLINE), client:
        await client.publish("x" * 1000, topic="a")
    assert "warning" not in capsys.readouterr().out

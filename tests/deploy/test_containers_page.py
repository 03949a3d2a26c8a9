"""deploy/CONTAINERS.md and the chart's page are true: what can be run is run; of the rest, names are compared."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from structlog.testing import capture_logs

from sse_signals.settings import PREFIX, load
from tests.deploy import chart
from tests.deploy.files import DEPLOY, from_yaml, image_environment, instructions, manifests, rest, services, unit
from tests.deploy.test_systemd import EXPOSURE, variables
from tests.pages import claimed

if TYPE_CHECKING:
    from tests.conftest import StartHub

IMAGE: Final = claimed(
    "deploy/CONTAINERS.md", "The image", "sh", not_run="There is no container engine here; the secrets are made."
)
COMPOSE: Final = claimed(
    "deploy/CONTAINERS.md",
    "Compose",
    "sh",
    not_run="There is no container engine here; curl asks a hub set like these.",
)
KUBERNETES: Final = claimed(
    "deploy/CONTAINERS.md", "Kubernetes", "sh", not_run="There is no cluster here; objects and values are compared."
)
OVERLAY: Final = claimed("deploy/CONTAINERS.md", "Kubernetes", "yaml")
SYSTEMD: Final = claimed(
    "deploy/CONTAINERS.md", "systemd", "sh", not_run="No systemd runs here, and nothing is installed into the machine."
)
DROP_INS: Final = claimed("deploy/CONTAINERS.md", "systemd", "ini")
HELM: Final = claimed(
    "deploy/helm/sse-signals/README.md", "Helm chart", "sh", not_run="There is no cluster here; the path is compared."
)
VALUES: Final = claimed("deploy/helm/sse-signals/README.md", "Helm chart", "yaml")
DEADLINE: Final = 30.0


def lines(code: str) -> list[list[str]]:
    """Return the words of each line of shell code."""
    return [shlex.split(line) for line in code.replace("\\\n", " ").splitlines()]


def shell(code: str, folder: Path, **environment: str) -> str:
    """Run shell code in a folder; it has to succeed; return what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, (code, done.stdout, done.stderr)
    return done.stdout.decode()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The folder of secrets that the page makes, in a shell whose files are for nobody else."""
    shell("umask 077\nmkdir deploy\n" + IMAGE[1].code, tmp_path)
    return tmp_path / "deploy/secrets"


def test_the_secrets(secrets: Path) -> None:
    """The block makes two different secrets, long enough, in a folder that is closed to others."""
    texts = {name: (secrets / name).read_text().strip() for name in ("jwt", "cookies")}
    assert all(len(text) >= 43 for text in texts.values())
    assert len(set(texts.values())) == 2
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert all((secrets / name).stat().st_mode & 0o444 == 0o444 for name in texts)


def test_docker_run() -> None:
    """The container gets settings that a start takes, the files that they name, and the image that was built."""
    [words] = lines(IMAGE[2].code)
    given = [words[number + 1] for number, word in enumerate(words) if word == "-e"]
    settings = load({**signals(image_environment()), **dict(each.split("=", 1) for each in given)}, {})
    assert int(words[words.index("--stop-timeout") + 1]) > settings.drain_delay + settings.drain_window + rest(settings)
    mounts = [words[number + 1].split(":") for number, word in enumerate(words) if word == "-v"]
    assert {f"@{inside}" for _, inside, *mode in mounts if mode == ["ro"]} == {settings.jwt_secret, settings.secret}
    assert settings.broker == f"sqlite:///{mounts[0][1]}/log.db"
    assert lines(IMAGE[0].code)[0][-2] == words[-1] == services("compose.yaml")["hub-1"]["image"].split(":-")[1][:-1]


def test_the_base_that_is_pinned() -> None:
    """The tag that the page looks up is that of the Dockerfile."""
    [base] = [rest.partition("=")[2] for word, rest in instructions() if word == "ARG" and rest.startswith("BASE=")]
    assert set(re.findall(r"python:[\w.-]+", IMAGE[3].code)) == {base}


def signals(environment: dict[str, str]) -> dict[str, str]:
    """Return the settings among variables."""
    return {name: value for name, value in environment.items() if name.startswith(PREFIX)}


@pytest.fixture
def composed(secrets: Path) -> dict[str, str]:
    """The settings of a hub in Compose, but for places of this machine."""
    found = signals(image_environment() | services("compose.yaml")["hub-1"]["environment"])
    found |= {"SIGNALS_HOST": "127.0.0.1", "SIGNALS_METRICS_HOST": "127.0.0.1", "SIGNALS_METRICS_PORT": "0"}
    found |= {
        "SIGNALS_BROKER": "memory://",
        "SIGNALS_PORT": "0",
        "SIGNALS_DRAIN_DELAY": "0",
        "SIGNALS_DRAIN_WINDOW": "0",
    }
    return {name: value.replace("/run/secrets", str(secrets)) for name, value in found.items()}


async def test_a_signal_through_compose(secrets: Path, composed: dict[str, str], start_hub: StartHub) -> None:
    """With a hub that is set like those of Compose, the token, the stream and the publish of the page work."""
    hub = await start_hub(**{name.removeprefix(PREFIX).lower(): value for name, value in composed.items()})
    code = COMPOSE[0].code.replace("https://localhost/signals", hub.url).replace("docker compose -f deploy/", "#")
    token = re.findall(r"sse-signals token .*", code)[0].rstrip(")")
    listen, publish = re.findall(r"^curl .*$", code, re.MULTILINE)
    steps = (
        f"TOKEN=$({token})",
        listen.replace("&", ">heard &"),
        "until grep -q signals.open heard; do sleep 0.02; done",
        publish,
        "until grep -q paid heard; do sleep 0.02; done",
        "kill $!; wait $! || cat heard",
    )
    told = await asyncio.to_thread(shell, "\n".join(steps), secrets, **composed)
    assert json.loads(told.splitlines()[0])["id"]
    assert '"topic":"orders/42"' in told
    assert '"subject":"ann"' in told


def test_what_the_page_does_with_compose() -> None:
    """Services are named that there are, and the variables of the file .env are those that the proxy is given."""
    found = services("compose.yaml")
    for words in lines(COMPOSE[2].code):
        waits = words[0] == "until"
        assert words[waits : waits + 4] == ["docker", "compose", "-f", "deploy/compose.yaml"]
        assert words[7 if waits else -1] in found
    asked = re.findall(r"\$\{(\w+):-", " ".join(found["caddy"]["environment"].values()))
    assert [line[0].partition("=")[0] for line in lines(COMPOSE[1].code)] == asked


async def test_the_second_hub_is_upgraded_only_when_the_first_is_ready(start_hub: StartHub) -> None:
    """What the page waits for holds at a hub that takes new streams, and does not at one that leaves."""
    with capture_logs() as told:
        hub = await start_hub(metrics_port=0)
    [metrics] = [line["url"] for line in told if line["event"] == "metrics at"]
    [words] = [words for words in lines(COMPOSE[2].code) if words[0] == "until"]
    code = words[words.index("-c") + 1].replace("http://localhost:9090", metrics.removesuffix("/metrics"))
    for ready in (True, False):
        asked = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=-3)
        async with asyncio.timeout(DEADLINE):
            assert (await asked.wait() == 0) is ready
        await hub.service.drain()


def test_what_the_page_does_with_kubernetes() -> None:
    """The Secret gets the files that the pods want, and Helm gets values that there are."""
    _, broker, secret = lines(KUBERNETES[0].code)
    files = [word.partition("=")[2] for word in secret if word.startswith("--from-file")]
    wanted = manifests("secret.example")["Secret"]
    assert [Path(path).name for path in sorted(files)] == sorted(wanted["stringData"])
    assert broker[-1].lstrip(">") in files
    assert wanted["metadata"]["name"] in secret
    [helm] = lines(KUBERNETES[1].code)
    values = from_yaml((chart.CHART / "values.yaml").read_text())
    for word in (helm[number + 1] for number, each in enumerate(helm) if each == "--set"):
        reduce(lambda value, key: value[key], word.partition("=")[0].split("."), values)
    assert f"deployment/{manifests('deployment')['Deployment']['metadata']['name']}" in lines(KUBERNETES[2].code)[1]


def inside(value: Any, key: str) -> Any:
    """Return what is at a key, or at a place in a list."""
    return value[int(key)] if isinstance(value, list) else value[key]


def test_the_overlay_fits_the_manifests() -> None:
    """Each patch of the page is of an object that there is, and replaces what is there."""
    overlay, gateway = (from_yaml(block.code) for block in OVERLAY)
    folders = [path.partition("/main/")[2] for path in overlay["resources"] + gateway["components"]]
    assert folders == ["deploy/kubernetes", "deploy/kubernetes/gateway"]
    assert all((DEPLOY.parent / folder / "kustomization.yaml").is_file() for folder in folders)
    for patch in overlay["patches"] + gateway["patches"]:
        name = patch["target"]["kind"]
        found = manifests("gateway/httproute" if name == "HTTPRoute" else name.lower())[name]
        assert found["metadata"]["name"] == patch["target"]["name"]
        for change in from_yaml(patch["patch"]):
            *above, last = (step.replace("~1", "/") for step in change["path"].split("/")[1:])
            inner = reduce(inside, above, found)
            if change["op"] == "replace":
                assert isinstance(inside(inner, last), type(change["value"]))
            else:
                assert change["op"] == "add"
                load({**signals(inner), last: change["value"], **signals(image_environment())}, {})


def test_what_the_page_installs() -> None:
    """Each secret that the unit loads is made, and files go where the unit and systemd look for them."""
    code = "".join(block.code for block in SYSTEMD)
    names = re.findall(r"for name in (.*); do", code)[0].split()
    loaded = dict(value.split(":") for name, value in unit("Service") if name == "LoadCredential")
    assert loaded == {name: f"/etc/sse-signals/secrets/{name}" for name in names}
    options = dict(unit("Service"))
    assert options["EnvironmentFile"].lstrip("-") == "/etc/sse-signals/environment"
    assert "deploy/systemd/environment.example /etc/sse-signals/environment\n" in code
    assert options["ExecStart"].split()[0] == "/opt/sse-signals/bin/sse-signals"
    assert "umask 022\npython3 -m venv /opt/sse-signals\n" in code, "the service's user has to read what root installs"
    assert ("-r", "deploy/constraints.txt") in zip(code.split(), code.split()[1:], strict=False)


def test_the_drop_ins(tmp_path: Path) -> None:
    """What the page puts beside the unit is settings without a contradiction, and loads what they name."""
    loaded = [value.partition(":")[0] for name, value in unit("Service") if name == "LoadCredential"]
    assert len(DROP_INS) == 2
    for number, block in enumerate(DROP_INS):
        path = tmp_path / f"{number}.conf"
        path.write_text(block.code)
        options = unit("Service", path)
        environment = variables(tmp_path)
        for name, value in options:
            if name == "Environment":
                environment |= dict(each.split("=", 1) for each in shlex.split(value))
            elif name == "UnsetEnvironment":
                del environment[value]
        settings = load(environment, {})
        mine = [value.partition(":")[0] for name, value in options if name == "LoadCredential"] or ["", *loaded]
        assert mine[0] == "" or settings.workers == 4
        named = {value for value in (settings.jwt_secret, settings.secret) if value}
        assert {f"@{tmp_path}/credentials/{name}" for name in mine[1:]} == named
    [figure] = re.findall(r"`systemd-analyze security sse-signals` says (\S+) ", (DEPLOY / "CONTAINERS.md").read_text())
    assert float(figure) <= EXPOSURE


def test_the_values_of_the_charts_page() -> None:
    """The chart takes the values, what is null goes away, and a start takes the settings that are left."""
    values = from_yaml((chart.CHART / "values.yaml").read_text())
    given = from_yaml(VALUES[0].code)
    assert HELM[0].code.split()[4] == "deploy/helm/sse-signals"
    merged = {
        key: {name: each for name, each in {**value, **given[key]}.items() if each is not None}
        if key in given
        else value
        for key, value in values.items()
    }
    assert chart.refused(merged) == []
    settings = load({**merged["settings"], "SIGNALS_HOST": "0.0.0.0"}, {})
    assert [settings.secret] == [f"@/run/secrets/sse-signals/{name}" for name in merged["secret"]["files"]]

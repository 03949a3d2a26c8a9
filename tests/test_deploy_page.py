"""deploy/README.md and tests/README.md are true: an afternoon to production, run in some seconds as it is written."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from structlog.testing import capture_logs

from sse_signals.server import running
from sse_signals.settings import Settings, load
from tests.deploy.files import from_yaml
from tests.pages import ROOT, claimed

if TYPE_CHECKING:
    from tests.conftest import StartHub

SECRETS = claimed("deploy/README.md", "2. Secrets, ten minutes")
SETTINGS = claimed("deploy/README.md", "3. Settings, twenty minutes")
NODES = claimed("deploy/README.md", "5. Two nodes, thirty minutes")
SIGNAL = claimed("deploy/README.md", "7. A signal from end to end, ten minutes")
claimed(
    "deploy/README.md",
    "6. The proxy, thirty minutes",
    not_run="It looks at a hub on the internet for 35 seconds; tests/doctor and tests/deploy/proxies do so here.",
)
DEVELOPING = claimed(
    "tests/README.md",
    "Developing",
    not_run="It is the command that runs this test, with all others.",
)
CHECKING = claimed("README.md", "Develop", not_run="It is the command that runs this test, with all others.")
MEASURING = claimed(
    "tests/README.md",
    "Measure",
    not_run="It measures for twenty minutes; tests/bench/test_benchmark.py runs it in short.",
)
SCRAPE = claimed("deploy/METRICS.md", "Metrics", "yaml")
BREAKING = claimed("tests/README.md", "Break things")
LABORATORY = claimed("tests/faults/RESULTS.md", "The laboratory")
DEADLINE = 60.0
HUB = "http://127.0.0.1:8080"


async def run(lines: str, folder: Path) -> tuple[int, str]:
    """Run lines in a shell in a folder, without settings of ours; return its exit status and what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALS_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euc", lines), cwd=folder, env=environment, stdin=-3, stdout=-1, stderr=-2
    )
    async with asyncio.timeout(DEADLINE):
        printed, _ = await shell.communicate()
    assert shell.returncode is not None
    return shell.returncode, printed.decode()


async def test_from_secrets_to_a_signal(tmp_path: Path) -> None:
    """Secrets and settings are made and checked as the page says; a hub that has them takes a signal to its reader."""
    prepared = f"umask 022\n{SECRETS[0].code}\n{SETTINGS[0].code}\ntouch later"
    status, printed = await run(prepared, tmp_path)
    assert (status, "SIGNALS_DRAIN_WINDOW" in printed) == (0, True), printed
    made = [tmp_path / name for name in ("secrets", "secrets/cookies", "secrets/jwt", "hub.env", "later")]
    modes = await asyncio.to_thread(lambda: [path.stat().st_mode & 0o777 for path in made])
    assert modes == [0o700, 0o600, 0o600, 0o600, 0o644], "what is not secret is for all, also in containers"
    text = await asyncio.to_thread((tmp_path / "hub.env").read_text)
    settings = dict(line.split("=", 1) for line in text.splitlines()) | {"SIGNALS_BROKER": "memory://"}
    here = {"host": "127.0.0.1", "port": 0, "metrics_port": 0, "drain_delay": 0, "drain_window": 0}
    loaded = await asyncio.to_thread(load, settings, here)
    async with running(loaded, structlog.get_logger("sse_signals")) as hub:
        again = f"set -a && . ./hub.env && set +a\n{SIGNAL[0].code.replace(f'{HUB}/signals', hub.url)}"
        status, printed = await run(again, tmp_path)
    assert status == 0, printed
    published, heard = printed.splitlines()
    assert published.count("-") == 1
    assert heard.endswith('\torders/42\t{"state":"paid"}')


async def test_nodes_say_that_they_are_ready(start_hub: StartHub, tmp_path: Path) -> None:
    """Both lines end well at a hub that is ready, one at its port and one at that of its metrics."""
    with capture_logs() as told:
        hub = await start_hub(metrics_port=0)
    (metrics,) = [line["url"] for line in told if line["event"] == "metrics at"]
    lines = NODES[0].code.replace(f"{HUB}/signals", hub.url).replace("http://127.0.0.1:9090/metrics", metrics)
    status, printed = await run(f"set -o pipefail\n{lines}", tmp_path)
    assert (status, printed.splitlines()[-1]) == (0, "sse_signals_ready 1.0"), printed


def test_what_prometheus_is_told() -> None:
    """It asks for the path that metrics are at."""
    (job,) = from_yaml(SCRAPE[0].code)["scrape_configs"]
    assert job["metrics_path"] == f"{Settings().prefix}/metrics"
    assert job["static_configs"][0]["targets"]


def test_the_laboratory_has_what_is_shown() -> None:
    """The modules that are run are there, with the options that they are given."""
    lines = [line.partition("  #")[0] for line in LABORATORY[0].code.splitlines()]
    lines.append(BREAKING[0].code.removesuffix(" --help\n"))
    for line in lines:
        python, _, module, *options = line.split()
        path = ROOT / module.replace(".", "/")
        source = (path / "__main__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
        assert python.endswith("python")
        assert all(f'"{option}"' in source for option in options if option.startswith("--")), line

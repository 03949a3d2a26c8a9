"""The part of the synchronous client that touches the network: TLS, and words for what goes wrong."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from http.client import BadStatusLine
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from urllib3.exceptions import NameResolutionError, NewConnectionError, ProtocolError, SSLError

from sse_signals import BrokerUnavailable
from sse_signals.client.sync_words import told
from sse_signals.client.tokens import GetToken
from tests.client.sync_world import OPEN, STREAM, answer, client, frame, in_thread, reads, scripted, silence

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that the system trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server


@pytest.mark.parametrize("secure", [True, False])
def test_with_tls_and_without(tls: ssl.SSLContext, *, secure: bool) -> None:
    """Publishing and listening; a stream that another thread is reading ends when it is closed.

    Its answer has neither a length nor chunks, as after a proxy that speaks HTTP/1.0.
    """
    accepted = answer("202 Accepted", b'{"id":"00000000-1"}', "Content-Type: application/json")
    with scripted(accepted, _endless, tls=tls if secure else None) as server, client(server.url) as catalog:
        assert catalog.publish(1) == "00000000-1"
        with catalog.subscribe() as stream:
            assert next(stream).message == 1
            since = time.monotonic()
            with in_thread(lambda: list(stream)) as outcome:
                while not reads(stream):
                    time.sleep(0.001)
                stream.close()
            assert outcome == [[]]
            assert time.monotonic() - since < 10


def _endless(connection: Any) -> None:
    connection.sendall(STREAM + OPEN + frame(1))
    silence(connection)


def test_a_certificate_that_nobody_trusts(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent, least of all a token."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with scripted(silence, tls=tls) as server, client(server.url, token="secret", timeout=1.5) as catalog:
        with pytest.raises(BrokerUnavailable, match="its certificate is not valid") as caught:
            catalog.publish(1)
        assert not caught.value.outcome_unknown
        with pytest.raises(BrokerUnavailable, match="its certificate is not valid"), catalog.subscribe():
            pass
        assert not server.heads


def test_a_hub_with_an_address_of_ipv6() -> None:
    """Brackets belong to the URL, and not to the address."""
    link = client("http://[::1]:1")._hub.link()
    assert link.wire()._connection.host == "::1"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NameResolutionError("hub", cast("Any", None), cast("Any", OSError())), "its host is not known"),
        (NewConnectionError(cast("Any", None), "secret"), "no connection"),
        (SSLError("secret"), "the connection broke"),
        (ProtocolError("secret"), "the connection broke"),
        (ProtocolError("secret", BadStatusLine("secret")), "the answer is no HTTP (BadStatusLine)"),
    ],
)
def test_what_failed_is_told_without_what_was_sent(error: Exception, words: str) -> None:
    """In the same words as by the asynchronous client."""
    assert told(error) == words


def test_threads_that_ask_for_a_token_at_once_get_the_same() -> None:
    """Who has waited for another one takes what that one got."""
    given: list[str] = []

    def token() -> str:
        given.append("token")
        return given[-1]

    hub = client("http://127.0.0.1:1", token=token)._hub
    link, waits = hub.link(), threading.Event()
    asking = link.asking

    def acquire(timeout: float) -> bool:
        waits.set()  # it has seen that there is none
        return asking.acquire(timeout=timeout)

    link.asking = cast("threading.Lock", SimpleNamespace(acquire=acquire, release=asking.release))
    with asking:
        thread = threading.Thread(target=hub.token, args=(GetToken(), link))
        thread.start()
        assert waits.wait(30)
        hub._ask()
    thread.join(30)
    assert hub.token(GetToken(), hub.link()) == "token"
    assert len(given) == 1

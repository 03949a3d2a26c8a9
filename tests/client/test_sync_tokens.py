"""Streams of a synchronous program whose token comes to its end, and what its function may give."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import (
    BrokerUnavailable,
    ConfigurationError,
    NotAuthenticated,
)
from sse_signals.testing import hub
from tests.client.sync_world import (
    OPEN,
    STREAM,
    answer,
    client,
    frame,
    scripted,
    silence,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("soon")


def away_at_the_second(given: list[str], error: Exception) -> Callable[[], str]:
    """Return what gives a token each time it is called, and notes them, but at its second call fails."""

    def token() -> str:
        given.append(f"token-{len(given)}")
        if len(given) == 2:
            raise error
        return given[-1]

    return token


def test_a_token_is_renewed_in_place() -> None:
    """Before it ends, on the same connection."""
    with hub(authentication=True) as guarded:
        given: list[str] = []

        def token() -> str:
            given.append(guarded.token("ann", publish=True, expires_in=3600.0 if given else 30.0))
            return given[-1]

        with client(guarded.url, token=token) as catalog, catalog.subscribe() as stream:
            (opened,) = guarded._running.service.site.service.node.hub.streams
            before = opened.identity.expires_ms
            while len(given) < 2:  # the hub tells of it within a second
                guarded.publish(1, topic="catalog:a")
                assert next(stream).message == 1
                time.sleep(0.01)
            guarded.publish(2, topic="catalog:a")
            assert next(stream).message == 2
            assert before is not None
            assert opened.identity.expires_ms is not None
            assert opened.identity.expires_ms > before + 3_000_000
            assert guarded.streams == 1


EXPIRING = b"event: signals.expiring\ndata: {}\n\n"
RENEWED = answer("200 OK")


@pytest.mark.parametrize("lost", [answer("503 Unavailable"), answer("401 Unauthorized"), b""])
def test_a_renewal_that_fails_is_tried_again(lost: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """When something comes, not before a time; and one token more is asked for if that one was refused."""
    monkeypatch.setattr("sse_signals.client.sync_stream.renew_again", lambda attempt, *_, **__: 0.001 * attempt)
    come = threading.Event()

    def stream_of(connection: socket.socket) -> None:
        connection.sendall(STREAM + OPEN + EXPIRING)
        for number in range(1000):
            connection.sendall(frame(number))
            if come.wait(0.01):
                break
        silence(connection)

    given: list[str] = []
    token = away_at_the_second(given, RuntimeError("the issuer is away"))

    with (
        scripted(stream_of, lost, RENEWED, silence) as server,
        client(server.url, token=token) as catalog,
        catalog.subscribe() as stream,
    ):
        while len(server.heads) < 3:
            next(stream)
        come.set()
    assert [head.split(b" ")[1] for head in server.heads[1:3]] == 2 * [b"/signals/streams//renew"]
    assert [b"token-2" in server.heads[1], b"token-3" in server.heads[2]] == [True, True]


def test_a_renewal_that_fails_is_not_tried_again_at_once() -> None:
    """However much comes meanwhile: the hub may be busy with what others want."""
    wanted = [threading.Event() for _ in range(5)]

    def stream_of(connection: socket.socket) -> None:
        connection.sendall(STREAM + OPEN + EXPIRING)
        for number, each in enumerate(wanted):
            each.wait(20)
            connection.sendall(frame(number))
        silence(connection)

    with scripted(stream_of, answer("503 Unavailable")) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sse_signals.client.sync_stream.renew_again", lambda *_, **__: 60.0)
        with client(server.url, token=lambda: "token") as catalog, catalog.subscribe() as stream:
            for number, each in enumerate(wanted):
                each.set()
                assert next(stream).message == number
        assert len(server.heads) == 2


def test_a_text_is_not_renewed() -> None:
    """There is nobody to ask; and a stream that the hub does not renew goes on until its end."""
    wanted = [threading.Event(), threading.Event()]

    def stream_of(connection: socket.socket) -> None:
        connection.sendall(STREAM + OPEN + EXPIRING)
        for number, each in enumerate(wanted):
            each.wait(20)
            connection.sendall(frame(number))
        silence(connection)

    with scripted(stream_of) as server:
        with client(server.url, token="text") as catalog, catalog.subscribe() as stream:
            for number, each in enumerate(wanted):
                each.set()
                assert next(stream).message == number
        assert len(server.heads) == 1


def test_a_stream_that_ends_with_its_token_goes_on_with_another() -> None:
    """At once, where it was."""
    given: list[str] = []

    def token() -> str:
        given.append(f"token-{len(given)}")
        return given[-1]

    ended = STREAM + OPEN + frame(1) + b'event: signals.goodbye\ndata: {"reason":"expired"}\n\n'
    with scripted(ended, STREAM + OPEN + frame(2), silence) as server:
        with client(server.url, token=token) as catalog, catalog.subscribe() as stream:
            assert [next(stream).message, next(stream).message] == [1, 2]
        assert [b"token-0" in server.heads[0], b"token-1" in server.heads[1]] == [True, True]


def test_a_token_that_cannot_be_had_is_waited_for() -> None:
    """Once there was a stream; before that, what went wrong is raised."""
    given: list[str] = []

    def token() -> str:
        given.append(f"token-{len(given)}")
        if len(given) in {2, 3}:
            raise OSError("the issuer is away") if len(given) == 2 else BrokerUnavailable("it has not answered")
        return given[-1]

    ended = STREAM + OPEN + b'event: signals.goodbye\ndata: {"reason":"revoked"}\n\n'
    with scripted(ended, STREAM + OPEN + frame(2), silence) as server:
        with client(server.url, token=token) as catalog, catalog.subscribe() as stream:
            assert next(stream).message == 2
        assert len(given) == 4
        assert b"token-3" in server.heads[1]
        given[:] = ["one"]
        with pytest.raises(OSError, match="issuer"), client(server.url, token=token).subscribe():
            pass


async def _late() -> str:
    return "token"


@pytest.mark.parametrize("token", [_late, lambda: 7, "with space"])
def test_what_is_no_token_is_said_at_once(token: Any) -> None:
    """An asynchronous function cannot be called here; it leaves nothing behind that was never awaited."""
    with pytest.raises(ConfigurationError, match=r"asynchronous|text|spaces"):
        client("http://127.0.0.1:1", token=token).publish(1)
    with pytest.raises(ConfigurationError), client("http://127.0.0.1:1", token=token).subscribe():
        pass


def test_who_is_refused_hears_it() -> None:
    """With the hub's own words, at once, and each time that one asks."""
    with hub(authentication=True) as guarded, client(guarded.url, token="wrong") as catalog:
        with pytest.raises(NotAuthenticated, match="not made by this hub"), catalog.subscribe():
            pass
        token = guarded.token("ann")
        with client(guarded.url, token=token) as known, known.subscribe() as stream:
            guarded.refuse(token)
            guarded.cut()
            for _ in range(2):
                with pytest.raises(NotAuthenticated):
                    next(stream)


def test_a_token_that_should_have_been_renewed_is_not_sent_again() -> None:
    """The stream broke off before a fresh one could be had: the next one begins with a fresh one."""
    given: list[str] = []
    token = away_at_the_second(given, OSError("the issuer is away"))

    def stream_of(connection: socket.socket) -> None:
        connection.sendall(STREAM + OPEN + EXPIRING)
        while len(given) < 2:
            connection.sendall(frame(1))
            time.sleep(0.005)

    with scripted(stream_of, STREAM + OPEN + frame(2), silence) as server:
        with client(server.url, token=token) as catalog, catalog.subscribe() as stream:
            while next(stream).message != 2:
                pass
        assert b"token-2" in server.heads[1]

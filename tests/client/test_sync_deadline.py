"""A synchronous client keeps the time that it was given, however little of an answer comes at a time."""

from __future__ import annotations

import gzip
import threading
import time
from typing import TYPE_CHECKING

import pytest

from sse_signals import BrokerUnavailable, UnexpectedAnswer
from sse_signals.client import sync_http
from sse_signals.client.answers import Answer
from sse_signals.client.publishing import Failed
from tests.client.sync_world import OPEN, STREAM, answer, client, frame, in_thread, scripted, silence, whole

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

TIMEOUT = 0.6  # seconds
SOON = 10.0  # seconds, also on a busy machine; what never ends takes thirty
DONE = answer("202 Accepted", b'{"id":"00000000-1"}', "Content-Type: application/json")
HEAD = b"HTTP/1.1 503 Unavailable\r\nX-Endless: "
EXTENSION = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n5;extension="
BODY = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 100000\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def dripping(begin: bytes, drop: bytes = b"x") -> Callable[[socket.socket], None]:
    """Return a script that always has something more to say, and never comes to an end."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(begin)
        for _ in range(1500):
            connection.sendall(drop)
            time.sleep(0.02)

    return drip


@pytest.mark.parametrize("script", [HEAD, EXTENSION, BODY, b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("listens", [False, True])
def test_an_answer_that_drips_is_not_waited_for(script: bytes, *, listens: bool) -> None:
    """Each byte comes soon after the last, and yet the whole has its time, in head and body."""
    drop = script if b"Continue" in script else b"x"
    with scripted(dripping(script, drop)) as server, client(server.url, timeout=TIMEOUT) as catalog:
        since = time.monotonic()
        with pytest.raises(BrokerUnavailable) as caught:
            catalog.subscribe().__enter__() if listens else catalog.publish(1)
        assert TIMEOUT * 0.8 < time.monotonic() - since < SOON
        assert caught.value.outcome_unknown is not listens


@pytest.mark.parametrize("script", [STREAM, STREAM + b": hello\n\n"])
def test_why_there_is_no_stream_is_told(script: bytes) -> None:
    """A stream without its first event is none, however much comes on it."""
    with (
        scripted(dripping(script, b": hello\n\n")) as server,
        client(server.url, timeout=TIMEOUT) as catalog,
        pytest.raises(BrokerUnavailable, match="an event stream has come, but not its first event"),
        catalog.subscribe(),
    ):
        pass


def test_hints_before_an_answer_are_passed_over() -> None:
    """A proxy may send any number of them (RFC 8297)."""

    def listening(connection: socket.socket) -> None:
        connection.sendall(HINTS + HINTS + STREAM + OPEN + frame(1))
        silence(connection)

    with scripted(HINTS + HINTS + DONE, listening) as server, client(server.url) as catalog:
        assert catalog.publish(1) == "00000000-1"
        with catalog.subscribe() as stream:
            assert next(stream).message == 1


def test_an_answer_that_speaks_another_protocol_from_now_on_is_no_hub_s() -> None:
    """It is an answer in itself, of which nothing more need come."""
    with (
        scripted(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n") as server,
        client(server.url) as catalog,
        pytest.raises(UnexpectedAnswer, match="101"),
    ):
        catalog.publish(1)


def test_what_a_proxy_has_compressed_is_read() -> None:
    """Although nobody has asked for it."""
    packed = gzip.compress(b'{"id":"00000000-1"}')
    gzipped = "Content-Encoding: gzip"
    done = answer("202 Accepted", packed, "Content-Type: application/json", gzipped)

    def listening(connection: socket.socket) -> None:
        connection.sendall(STREAM.removesuffix(b"\r\n") + gzipped.encode() + b"\r\n\r\n")
        connection.sendall(gzip.compress(OPEN + frame(1)))
        silence(connection)

    with scripted(done, listening) as server, client(server.url) as catalog:
        assert catalog.publish(1) == "00000000-1"
        with catalog.subscribe() as stream:
            assert next(stream).message == 1


def test_a_token_that_takes_all_the_time() -> None:
    """Nothing is sent then; and a thread that waits for another one's token waits no longer than its time."""
    asked, given = threading.Event(), threading.Event()

    def token() -> str:
        asked.set()
        given.wait(20)
        return "token"

    with scripted(DONE) as server, client(server.url, token=token, timeout=TIMEOUT) as catalog:
        with in_thread(lambda: catalog.publish(1)) as outcome:
            asked.wait(20)
            with pytest.raises(BrokerUnavailable, match=r"has not answered another thread for 0\.6 s") as caught:
                catalog.publish(2)
            assert not caught.value.outcome_unknown
            given.set()
        assert (str(outcome[0]), server.heads) == ("token() has taken all the time that there was", [])
        assert not outcome[0].outcome_unknown


def test_a_function_that_ends_like_an_iteration_does_not_end_one() -> None:
    """An iterator's ``__next__``, for example, of which there are no more tokens."""
    with scripted(DONE) as server, client(server.url, token=iter([]).__next__) as catalog:
        with pytest.raises(RuntimeError, match=r"token\(\) raised StopIteration"):
            catalog.publish(1)
        with pytest.raises(RuntimeError, match=r"token\(\) raised StopIteration"), catalog.subscribe():
            pass


@pytest.mark.parametrize("pausing", [False, True])
def test_closing_in_the_middle_of_a_publish_tells_what_may_have_become_of_it(*, pausing: bool) -> None:
    """What is under way goes on to its end; another try is not made, and a pause before one not waited for."""
    asked, closed = threading.Event(), threading.Event()

    def first(connection: socket.socket) -> None:
        if pausing:
            connection.sendall(answer("502 Bad Gateway", b"", "Retry-After: 20"))
        asked.set()
        closed.wait(0.05 if pausing else 20)

    with scripted(first, DONE) as server, client(server.url) as catalog:
        since = time.monotonic()
        with in_thread(lambda: catalog.publish(1)) as outcome:
            asked.wait(20)
            if pausing:
                time.sleep(0.05)
            catalog.close()
            closed.set()
        assert isinstance(outcome[0], BrokerUnavailable)
        assert "the client was closed" in str(outcome[0])
        assert outcome[0].outcome_unknown
        assert time.monotonic() - since < 10
        assert len(server.heads) == 1


def test_connections_are_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """No longer than a hub keeps them; and none that somebody has hung up, or after the end."""
    kept = DONE.replace(b"Connection: close\r\n", b"")

    def many(connection: socket.socket) -> None:
        connection.sendall(kept)
        request = b""
        while piece := connection.recv(65536):
            request += piece
            if whole(request):
                connection.sendall(kept)
                request = b""

    with scripted(many) as server, client(server.url) as catalog:
        link = catalog._hub.link()
        for _ in range(3):
            catalog.publish(1)
        assert len(server.heads) == 1
        assert len(link._kept) == 1
        monkeypatch.setattr(sync_http, "monotonic", lambda: time.monotonic() + 9.0)  # a hub closes after ten or more
        catalog.publish(1)
        assert len(server.heads) == 2
        catalog.close()
        assert not link._kept
        wire = link.wire()
        assert isinstance(wire.send(catalog._hub.url.publish([], "key", None), 5.0), Answer)
        assert isinstance(wire.body(5.0), Answer)
        link._keep(wire)  # it has been under way when the client was closed
        assert not link._kept


def test_more_requests_than_there_may_be_wait_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """For their time, and nothing of them is sent."""
    monkeypatch.setattr(sync_http, "AT_ONCE", 1)
    with scripted(silence) as server, client(server.url, timeout=TIMEOUT) as catalog:
        request = catalog._hub.url.publish([], "key", None)
        link = catalog._hub.link()
        with link._slots:
            assert link.ask(request, 0.01) == Failed("1 requests are under way, and none has ended in time", sent=False)


def test_without_any_time_left_nothing_is_done() -> None:
    """Nothing is sent, and nobody is asked."""
    with scripted(DONE) as server, client(server.url) as catalog:
        wire = catalog._hub.link().wire()
        assert wire.send(catalog._hub.url.publish([], "key", None), 0.0) == Failed("no answer in time", sent=False)
        wire.close()
    assert not server.heads

"""A synchronous program listens over a bad network, and to what is no hub."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from sse_signals import (
    BrokerUnavailable,
    UnexpectedAnswer,
)
from sse_signals.testing import SignalsHub, hub
from tests.client.sync_world import (
    OPEN,
    STREAM,
    Network,
    answer,
    client,
    frame,
    in_thread,
    network,
    scripted,
    silence,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("soon")


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled_on_a_bad_network(signals_hub: SignalsHub, seed: int) -> None:
    """Cuts, resets and ends at random, while somebody publishes."""
    chance, count = random.Random(seed), 300
    with network(signals_hub) as between, client(between.url) as catalog, catalog.subscribe() as stream:

        def harm() -> None:
            for number in range(count):
                signals_hub.publish(number, topic="catalog:a")
                if not number % 10:
                    between.do(chance.choice([between.proxy.drop, between.proxy.reset]))
                    while between.proxy.connections < number // 10 + 2:
                        time.sleep(0.001)

        with in_thread(harm):
            received = [next(stream).message for _ in range(count)]
        assert received == list(range(count))
        assert between.proxy.connections > count // 10


def test_silence_is_noticed_and_nothing_of_it_lost() -> None:
    """A connection on which nothing comes for two heartbeats is given up, although nobody closed it."""
    with (
        hub(heartbeat=0.4) as quick,
        network(quick) as between,
        client(between.url) as catalog,
        catalog.subscribe() as stream,
    ):
        quick.publish(1, topic="catalog:a")
        assert next(stream).message == 1
        between.do(between.proxy.strand)
        quick.publish(2, topic="catalog:a")
        since = time.monotonic()
        assert next(stream).message == 2
        assert time.monotonic() - since < 10
        assert between.proxy.connections == 2


def test_silence_is_noticed_where_only_the_end_ends_an_answer() -> None:
    """As after a proxy that speaks HTTP/1.0; the hub says how long its heartbeats are."""
    quick = OPEN.replace(b"{}", b'{"heartbeat":0.1}')

    def first(connection: socket.socket) -> None:
        connection.sendall(STREAM + quick + frame(1))
        silence(connection)

    since = time.monotonic()
    with scripted(first, STREAM + quick + frame(2), silence) as server:
        with client(server.url) as catalog, catalog.subscribe() as stream:
            assert [next(stream).message, next(stream).message] == [1, 2]
        assert 1.0 <= time.monotonic() - since < 10


@pytest.mark.parametrize(
    ("script", "error", "text"),
    [
        (answer("200 OK", b"{}", "Content-Type: application/json"), UnexpectedAnswer, "Check the URL"),
        (answer("404 Not Found", b"<html>", "Content-Type: text/html"), UnexpectedAnswer, "404"),
        (STREAM + b"data: no signal\n\n", UnexpectedAnswer, "no signal"),
        (STREAM + 2_000_000 * b"x", UnexpectedAnswer, "longer"),
    ],
)
def test_what_is_no_hub_is_said_at_once(script: bytes, error: type[Exception], text: str) -> None:
    """It will not become one."""
    with scripted(script) as server, pytest.raises(error, match=text), client(server.url).subscribe():
        pass


def begun(connection: socket.socket) -> None:
    """Begin a stream, and say nothing on it."""
    connection.sendall(STREAM)
    silence(connection)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (silence, "no answer has come"),
        (b"HTTP/1.1 200 OK\r\nContent-Ty", "the connection broke"),
        (answer("503 Unavailable"), "503"),
        (STREAM, "the stream ended before it began"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", "the connection broke"),
        (begun, "an event stream has come, but not"),
    ],
)
def test_a_stream_that_does_not_come_is_not_waited_for_for_ever(
    script: bytes | Callable[[socket.socket], object], reason: str
) -> None:
    """Whatever the network does, it takes as long as was said, and the last reason is told."""
    since = time.monotonic()
    with (
        scripted(script) as server,
        pytest.raises(BrokerUnavailable, match=f"no stream within 0.8 s: .*{reason}"),
        client(server.url, timeout=0.8).subscribe(),
    ):
        pass
    assert time.monotonic() - since < 10


def test_a_network_that_is_away_is_waited_for(signals_hub: SignalsHub) -> None:
    """At the beginning, for the timeout, and later for ever."""
    with network(signals_hub) as between, client(between.url) as catalog:
        between.do(between.proxy.cut)
        with in_thread(lambda: _restored(between)), catalog.subscribe() as stream:
            between.do(between.proxy.cut)
            signals_hub.publish(1, topic="catalog:a")
            with in_thread(lambda: _restored(between)):
                assert next(stream).message == 1


def _restored(between: Network) -> None:
    time.sleep(0.1)  # in which some tries fail
    between.do(between.proxy.restore)

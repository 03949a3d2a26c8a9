"""A synchronous program listens to a remote hub: all there is, in order and once, over whatever happens between."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import (
    BrokerUnavailable,
    ConfigurationError,
    HistoryLimits,
    InvalidInput,
    NotAuthenticated,
    SignalsGap,
    SyncSignalsClient,
    UnexpectedAnswer,
)
from sse_signals.client import subscribing
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


@pytest.fixture
def signals_hub() -> Any:
    """A hub in a thread of its own."""
    with hub() as running:
        yield running


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits after failures be short."""
    monkeypatch.setattr(subscribing, "LONGEST", 0.02)


def test_what_is_published_from_the_with_on_comes(signals_hub: SignalsHub) -> None:
    """With all that belongs to it, by filters that are relative to the plugin."""
    with client(signals_hub.url) as catalog, catalog.subscribe("a", "b*", "orders:*") as stream:
        assert stream.last_event_id is not None
        wanted = [
            catalog.publish({"n": 1}, topic="a", event="changed"),
            signals_hub.publish(2, topic="orders:7"),
            signals_hub.publish(3),
        ]
        catalog.publish("not asked for", topic="c")
        wanted.append(catalog.publish(4, topic="b/1"))
        signals = [next(stream) for _ in wanted]
        assert [signal.id for signal in signals] == wanted
        assert [signal.address for signal in signals] == ["catalog:a", "orders:7", None, "catalog:b/1"]
        assert [signal.message for signal in signals] == [{"n": 1}, 2, 3, 4]
        assert [signal.event for signal in signals] == ["changed", "message", "message", "message"]
        assert abs((datetime.now(UTC) - signals[0].time).total_seconds()) < 60
        assert stream.last_event_id == wanted[-1]
    signals_hub.wait_for_streams(0)


def test_a_client_of_no_plugin_means_addresses_as_they_are(signals_hub: SignalsHub) -> None:
    """A topic is a whole address, none a broadcast, and without a filter everything comes."""
    with (
        SyncSignalsClient.for_hub(signals_hub.url) as client_of_all,
        client_of_all.subscribe("orders/*") as orders,
        client_of_all.subscribe() as everything,
    ):
        for topic in ("orders/1", "catalog:a", None):
            client_of_all.publish(topic, topic=topic)
        assert [next(orders).message for _ in range(2)] == ["orders/1", None]
        assert [next(everything).address for _ in range(3)] == ["orders/1", "catalog:a", None]


def test_it_resumes_where_another_one_ended(signals_hub: SignalsHub) -> None:
    """By the id that the stream gives, without filters for everything of the plugin."""
    with client(signals_hub.url) as catalog:
        with catalog.subscribe() as stream:
            catalog.publish(1)
            next(stream)
            place = stream.last_event_id
        catalog.publish(2, topic="a")
        with catalog.subscribe(plugins=["catalog"], last_event_id=place) as stream:
            assert next(stream).message == 2


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


def test_a_goodbye_is_obeyed() -> None:
    """A hub that is restarted tells when to come back."""
    script = STREAM + OPEN + frame(1) + b'event: signals.goodbye\nretry: 20\ndata: {"reason":"shutdown"}\n\n'
    with scripted(script, STREAM + OPEN + frame(2), silence) as server:
        with client(server.url) as catalog, catalog.subscribe() as stream:
            assert [next(stream).message, next(stream).message] == [1, 2]
        assert b"Last-Event-ID: 00000000-2" in server.heads[1]


def test_a_gap_is_raised_and_can_be_gone_on_with(signals_hub: SignalsHub) -> None:
    """Or is yielded, or told to a function."""
    told: list[SignalsGap] = []
    with (
        client(signals_hub.url) as catalog,
        catalog.subscribe() as raising,
        catalog.subscribe(gaps="yield") as yielding,
        catalog.subscribe(on_gap=told.append) as telling,
    ):
        signals_hub.gap()
        catalog.publish("after")
        with pytest.raises(SignalsGap, match="epoch") as caught:
            next(raising)
        assert raising.last_event_id == caught.value.resumes_after
        assert next(raising).message == "after"
        gap = next(yielding)
        assert isinstance(gap, SignalsGap)
        assert gap.reason == "epoch"
        assert next(telling).message == "after"
        assert [each.reason for each in told] == ["epoch"]
        with pytest.raises(InvalidInput, match="gaps"):
            catalog.subscribe(gaps="never")  # type: ignore[call-overload]


def test_who_comes_back_too_late_hears_of_it() -> None:
    """What the hub does not hold any more is a gap."""
    with hub(history=HistoryLimits(count=2)) as short, client(short.url) as catalog:
        first = catalog.publish(0)
        for number in range(5):
            catalog.publish(number)
        with catalog.subscribe(last_event_id=first, gaps="yield") as stream:
            gap = next(stream)
            assert isinstance(gap, SignalsGap)
            assert (gap.reason, gap.after) == ("trimmed", first)


def test_a_slow_reader_loses_nothing(signals_hub: SignalsHub) -> None:
    """What it does not read waits at the hub."""
    with client(signals_hub.url) as catalog, catalog.subscribe() as stream:
        for number in range(2000):
            signals_hub.publish([number, 1000 * "x"], topic="catalog:a")
        assert [next(stream).message[0] for _ in range(2000)] == list(range(2000))


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
    monkeypatch.setattr("sse_signals.client.sync_stream.backoff", lambda attempt, *_, **__: 0.001 * attempt)
    come = threading.Event()

    def stream_of(connection: socket.socket) -> None:
        connection.sendall(STREAM + OPEN + EXPIRING)
        for number in range(1000):
            connection.sendall(frame(number))
            if come.wait(0.01):
                break
        silence(connection)

    given: list[str] = []

    def token() -> str:
        given.append(f"token-{len(given)}")
        if len(given) == 2:
            raise RuntimeError("the issuer is away")
        return given[-1]

    with (
        scripted(stream_of, lost, RENEWED, silence) as server,
        client(server.url, token=token) as catalog,
        catalog.subscribe() as stream,
    ):
        while len(server.heads) < 3:
            next(stream)
        come.set()
    assert [head.split(b" ")[1] for head in server.heads[1:3]] == 2 * [b"/signals/streams//renew"]
    assert b"token-2" in server.heads[1]


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
            raise OSError("the issuer is away")
        return given[-1]

    ended = STREAM + OPEN + b'event: signals.goodbye\ndata: {"reason":"revoked"}\n\n'
    with scripted(ended, STREAM + OPEN + frame(2), silence) as server:
        with client(server.url, token=token) as catalog, catalog.subscribe() as stream:
            assert next(stream).message == 2
        assert len(given) == 4
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
        (silence, "no answer in time"),
        (b"HTTP/1.1 200 OK\r\nContent-Ty", "the connection broke"),
        (answer("503 Unavailable"), "503"),
        (STREAM, "the stream ended before it began"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", "the connection broke"),
        (begun, "silence"),
    ],
)
def test_a_stream_that_does_not_come_is_not_waited_for_for_ever(
    script: bytes | Callable[[socket.socket], object], reason: str
) -> None:
    """Whatever the network does, it takes as long as was said, and the last reason is told."""
    since = time.monotonic()
    with (
        scripted(script) as server,
        pytest.raises(BrokerUnavailable, match=f"no stream within 0.3 s: .*{reason}"),
        client(server.url, timeout=0.3).subscribe(),
    ):
        pass
    assert time.monotonic() - since < 3


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

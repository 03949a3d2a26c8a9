"""A synchronous program publishes to a remote hub: once, whatever the network does, and says why when it cannot."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from sse_signals import (
    BrokerUnavailable,
    IdempotencyConflict,
    InvalidInput,
    NotAuthenticated,
    NotGranted,
    UnexpectedAnswer,
)
from sse_signals.testing import SignalsHub, hub
from tests.client.sync_world import answer, client, network, scripted, silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from blockbuster import BlockBuster

ACCEPTED = answer("202 Accepted", b'{"id":"00000000-1"}', "Content-Type: application/json")


def test_what_is_published_arrives_as_it_is(signals_hub: SignalsHub) -> None:
    """The same call as in process: plugin, topic, targets, name."""
    with client(signals_hub.url) as catalog:
        first = catalog.publish(
            {"ä": [1, None]}, topic="my-topic", target_ownership_entity_refs=["group:default/A"], event="changed"
        )
        second = catalog.publish("to the plugin as a whole")
    one, two = signals_hub.published
    assert (one.id, one.address, one.message, one.event) == (first, "catalog:my-topic", {"ä": [1, None]}, "changed")
    assert one.targets == frozenset({"group:default/a"})
    assert (two.id, two.address, two.targets) == (second, "catalog", None)


def test_a_mistake_is_told_before_anything_is_sent() -> None:
    """By the rules of the hub, without one."""
    with client("http://127.0.0.1:1") as catalog:
        with pytest.raises(InvalidInput, match="topic"):
            catalog.publish(1, topic="a*b")
        with pytest.raises(TypeError, match="list of entity refs"):
            catalog.publish(1, target_ownership_entity_refs="group:default/a")


def test_a_key_makes_a_repeat_harmless(signals_hub: SignalsHub) -> None:
    """The same id for the same signal, an error for another one."""
    with client(signals_hub.url) as catalog:
        first = catalog.publish(1, idempotency_key="schlüssel")
        assert catalog.publish(1, idempotency_key="schlüssel") == first
        with pytest.raises(IdempotencyConflict):
            catalog.publish(2, idempotency_key="schlüssel")
    assert len(signals_hub.published) == 1


def test_many_publishes_use_one_connection(signals_hub: SignalsHub) -> None:
    """Connecting takes longer than publishing."""
    with network(signals_hub) as between, client(between.url) as catalog:
        for number in range(200):
            catalog.publish(number)
        assert between.proxy.connections == 1
    assert [event.message for event in signals_hub.published] == list(range(200))


def test_threads_share_a_client(signals_hub: SignalsHub, blockbuster: BlockBuster) -> None:
    """Each publishes in its own order, and nothing is lost or doubled."""
    blockbuster.deactivate()  # what measures coverage has a lock that threads share
    with client(signals_hub.url) as catalog:

        def publish(thread: int) -> None:
            for number in range(25):
                catalog.publish(number, topic=str(thread))

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(8):
        assert [event.message for event in signals_hub.published_to(f"catalog:{number}")] == list(range(25))


def test_a_hub_that_is_away_is_waited_for(signals_hub: SignalsHub) -> None:
    """503 is tried again, with the same key."""
    with client(signals_hub.url) as catalog:
        with signals_hub.unavailable(retry_after=0.0):
            publishing = threading.Thread(target=catalog.publish, args=(1,))
            publishing.start()
            refused = signals_hub._running.service.site.refusals
            while not refused._paced._kinds:
                time.sleep(0.005)
        publishing.join(20)
    assert [event.message for event in signals_hub.published] == [1]


def test_an_answer_that_is_lost_is_asked_for_again(signals_hub: SignalsHub) -> None:
    """The signal is in the log once, and its id is the one that was lost."""
    with network(signals_hub) as between, client(between.url) as catalog:
        catalog.publish(0)
        between.proxy.mark = b"HTTP/1.1 202"
        event_id = catalog.publish(1)
        assert between.proxy.connections == 2
    assert [(event.id, event.message) for event in signals_hub.published][1:] == [(event_id, 1)]


def test_a_network_that_comes_back_is_enough(signals_hub: SignalsHub) -> None:
    """Refused connections are tried again until the hub is there."""
    with network(signals_hub) as between, client(between.url) as catalog:
        between.do(between.proxy.cut)
        publishing = threading.Thread(target=catalog.publish, args=(1,))
        publishing.start()
        publishing.join(0.1)
        assert publishing.is_alive()
        between.do(between.proxy.restore)
        publishing.join(20)
    assert [event.message for event in signals_hub.published] == [1]


def test_nobody_there() -> None:
    """It cannot have been published, and the error says what the matter is."""
    with socket.socket() as reserved:  # bound, so that nobody else listens there, either
        reserved.bind(("127.0.0.1", 0))
        text = r"cannot be reached: Connection refused \(after \d+ tr"
        with (
            client(f"http://127.0.0.1:{reserved.getsockname()[1]}", timeout=0.6) as catalog,
            pytest.raises(BrokerUnavailable, match=text) as caught,
        ):
            catalog.publish(1)
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (silence, "no answer in time"),
        (b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{", "the connection broke"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is no HTTP"),
    ],
)
def test_no_answer_leaves_it_open_whether_it_is_published(
    script: bytes | Callable[[socket.socket], object], reason: str
) -> None:
    """Within the timeout, however long each try might take."""
    since = time.monotonic()
    with (
        scripted(script) as server,
        client(server.url, timeout=1.0) as catalog,
        pytest.raises(BrokerUnavailable, match=f"{reason}|no answer in time") as caught,  # as the last try ended
    ):
        catalog.publish(1)
    assert caught.value.outcome_unknown
    assert time.monotonic() - since < 10


def test_a_slow_answer_has_no_more_time_than_a_missing_one() -> None:
    """Each byte in time does not make the whole in time."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10000\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.02)

    since = time.monotonic()
    with (
        scripted(drip) as server,
        client(server.url, timeout=1.0) as catalog,
        pytest.raises(BrokerUnavailable, match="no answer in time"),
    ):
        catalog.publish(1)
    assert time.monotonic() - since < 10


def test_a_redirect_is_not_followed() -> None:
    """Least of all with a token: the error says where it leads."""
    with scripted(ACCEPTED) as other:
        moved = answer("307 Temporary Redirect", b"", f"Location: {other.url}/signals/publish")
        with (
            scripted(moved) as server,
            client(server.url, token="secret") as catalog,
            pytest.raises(UnexpectedAnswer, match=other.url),
        ):
            catalog.publish(1)
        assert not other.heads
    assert b"Authorization: Bearer secret" in server.heads[0]


def test_a_huge_answer_is_not_read_to_its_end() -> None:
    """It is no hub that says so much."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            connection.sendall(65536 * b"x")

    with scripted(flood) as server, client(server.url) as catalog, pytest.raises(UnexpectedAnswer):
        catalog.publish(1)


def test_tokens_are_asked_for_once_and_again_when_refused() -> None:
    """By one thread at a time; a refusal that stays is told."""
    with hub(authentication=True) as guarded:
        given: list[str] = []

        def token() -> str:
            given.append(guarded.token("robot", publish=["catalog:*"]))
            return given[-1]

        with client(guarded.url, token=token) as catalog:
            for number in range(3):
                catalog.publish(number, topic="a")
            assert len(given) == 1
            guarded.refuse(given[0])
            threads = [threading.Thread(target=catalog.publish, args=(n,), kwargs={"topic": "a"}) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(given) == 2
            with pytest.raises(NotGranted, match="topic"):
                catalog.publish(1)
        assert len(guarded.published) == 7
        with client(guarded.url, token="nobody-knows-it") as catalog, pytest.raises(NotAuthenticated) as caught:
            catalog.publish(1)
        assert "nobody-knows-it" not in f"{caught.value!r}{caught.value}"


def test_a_client_that_is_closed_says_so(signals_hub: SignalsHub) -> None:
    """And may be opened again."""
    catalog = client(signals_hub.url)
    catalog.publish(1)
    catalog.close()
    catalog.close()
    with pytest.raises(RuntimeError, match="closed"):
        catalog.publish(2)
    with catalog:
        catalog.publish(3)
    assert [event.message for event in signals_hub.published] == [1, 3]

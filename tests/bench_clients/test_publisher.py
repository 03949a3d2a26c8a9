"""One publisher: what it says of an answer that has come in part, in whole, or not at all."""

from __future__ import annotations

import socket
from select import select
from typing import TYPE_CHECKING

import pytest

from sse_signals.bench.connections import Connector
from sse_signals.bench.messages import Messages
from sse_signals.bench.publisher import Publisher
from sse_signals.bench.target import Target
from tests.bench_clients.scripted import ACCEPTED, DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = Messages("run", 100)


@pytest.fixture
def ends() -> Iterator[tuple[Publisher, socket.socket]]:
    """A publisher that has sent a message, and the server's end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = Target.hub(f"http://127.0.0.1:{server.getsockname()[1]}", "a")
        publisher = Publisher(Connector(target.address), 0)
        publisher.send(MESSAGES, target.form, 0)
        theirs, _ = server.accept()
        with theirs:
            yield publisher, theirs
            publisher.disconnect()


def until_readable(publisher: Publisher) -> None:
    assert publisher._sock is not None
    assert select([publisher._sock], [], [], DEADLINE)[0]


def test_an_answer_that_comes_in_parts(ends: tuple[Publisher, socket.socket]) -> None:
    """There is none before all of it has come, however often one asks: a socket may be called readable in vain."""
    publisher, theirs = ends
    for part in (ACCEPTED[:20], ACCEPTED[20:-1], ACCEPTED[-1:]):
        assert publisher.answer() is None
        theirs.sendall(part)
        until_readable(publisher)
    assert publisher.answer() == 202
    assert not publisher.closed


def test_a_connection_that_ends_instead(ends: tuple[Publisher, socket.socket]) -> None:
    """It counts as status 0."""
    publisher, theirs = ends
    theirs.close()
    until_readable(publisher)
    assert publisher.answer() == 0

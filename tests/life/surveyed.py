"""A node that a survey can look at: streams on a loop that a test turns by hand, and everything else of its making."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.life.ledger import Ledger
from sse_signals.life.overview import Overview
from sse_signals.life.survey import Subject
from tests.fakes import NOON, Client, Network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.hub.stream import Stream

NODE = "0123abcd"


class Surveyed:
    """A node.

    Attributes:
        network: Its log and its loop.
        ledger: What it has counted.
        streams: Those that it has open.
        subject: What a survey looks at.
    """

    def __init__(self, node: str = NODE) -> None:
        self.network = Network()
        self.ledger = Ledger()
        self.streams: list[Stream] = []
        self.looked = 0
        self.ready, self.draining = True, False
        self.subject = Subject(
            node=node,
            started_ms=NOON - 60_000,
            streams=self._streams,
            history=self.network.node.history,
            signals=lambda: self.network.record,
            ledger=self.ledger,
            clock=lambda: self.network.now_ms,
            ready=lambda: self.ready,
            draining=lambda: self.draining,
        )

    def overview(self) -> Overview:
        """Return what surveys it."""
        return Overview(self.subject, self.network.scheduler.time)

    def client(self, *filters: str, identity: Identity = ANONYMOUS, remote: str = "192.0.2.1") -> Client:
        """Return a client whose stream is open to be surveyed, though not in the hub yet."""
        client = self.network.client(*filters)
        stream = client.stream
        stream.name = f"{self.subject.node}-{self.ledger.opened:016x}"
        stream.identity, stream.remote, stream.opened_ms = identity, remote, self.network.now_ms
        self.ledger.open()
        self.streams.append(stream)
        return client

    def close(self, clients: Iterable[Client], reason: str) -> None:
        """Close streams."""
        for client in clients:
            client.stream.end(reason)
            self.network.node.hub.close(client.stream)
            self.streams.remove(client.stream)
            self.ledger.close(client.stream, self.network.now_ms)

    def _streams(self) -> list[Stream]:
        self.looked += 1
        return list(self.streams)

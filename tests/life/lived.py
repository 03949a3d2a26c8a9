"""A node whose streams have lives, on a loop and with connections that a test moves by hand."""

from __future__ import annotations

from sse_signals.cursor.start import Live
from sse_signals.life.lives import Lives
from tests.fakes import NOON, Client, Network
from tests.life.cluster import ANN, HOUR, ann

GROUP = "group:default/g"


class Lived(Network):
    """A node whose streams have lives."""

    def __init__(self, expiring: float = 60.0) -> None:
        super().__init__()
        self.lives = Lives(lambda: self.node.hub, self.scheduler, expiring=expiring, clock=lambda: self.now_ms)
        self.count = 0

    def listen(self, *topics: str, expires_ms: int | None = NOON + HOUR, subject: str | None = ANN) -> Client:
        """Open a stream, and let it become live."""
        client = self.client(*topics, owns=[GROUP])
        self.count += 1
        client.stream.name = str(self.count)
        client.stream.identity = ann(owns=frozenset({GROUP}), subject=subject, expires_ms=expires_ms)
        client.open(Live())
        self.lives.add(client.stream)
        self.scheduler.step()
        return client

    def leave(self, client: Client) -> None:
        """Close a stream, as the handler of its request does."""
        self.node.hub.close(client.stream)
        self.lives.remove(client.stream)

    def wait(self, seconds: float) -> None:
        """Let time pass on both clocks, a tenth of a second at a time."""
        for _ in range(round(seconds * 10)):
            self.now_ms += 100
            self.scheduler.advance(0.1)

    def jump(self, now_ms: int) -> None:
        """Move the wall clock, and let the loop notice."""
        self.now_ms = now_ms
        self.scheduler.advance(0.3)


def said(client: Client) -> list[str]:
    """Return the hub's own events that a client has got, with their data."""
    return [f"{message.event} {message.data}" for message in client.received if message.event.startswith("signals.")]


NOTICE = 'signals.expiring {"expiresAt":"2026-01-31T13:00:00.000Z"}'

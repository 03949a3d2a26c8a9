"""What can be chosen about a log besides its URL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """How a shared or durable log is kept; each broker reads what concerns it.

    Attributes:
        name: Of the log: hubs with the same broker and name are one cluster. Up to 64 letters, digits, ``-`` and ``_``.
        idempotency_window: Seconds for which an idempotency key is remembered.
        idempotency_keys: How many are remembered at once, where the broker itself sets no bound.
        timeout: Seconds after which a broker that does not answer counts as away.
        sqlite_synchronous: ``full``: a publish is answered when the disk has it. ``normal``: when the operating system
            has it, so that it survives the process but not the machine.
        nats_replicas: Servers of a NATS cluster that hold a copy of the stream.
        redis_volatile: Serve from a Redis that keeps nothing on disk: what it loses is told by a gap.
    """

    name: str = "signals"
    idempotency_window: float = 300.0
    idempotency_keys: int = 100_000
    timeout: float = 1.5
    sqlite_synchronous: Literal["full", "normal"] = "full"
    nats_replicas: int = 1
    redis_volatile: bool = False

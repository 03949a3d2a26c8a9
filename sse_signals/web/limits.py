"""How much one place on the web lets its clients ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a client may ask for.

    Attributes:
        message: Bytes of one message's JSON text.
        body: Bytes of a request body.
        body_timeout: Seconds in which a request body has to arrive.
        streams: Streams open at once.
        streams_per_identity: Of one subject, where somebody has to authenticate.
        streams_per_address: From one address (of IPv6, one network of 64 bits).
        publish_rate: Signals that one identity may publish per second, where somebody has to authenticate.
        publish_burst: Signals that it may publish at once after a pause.
    """

    message: int = 64 * 1024
    body: int = 1024 * 1024
    body_timeout: float = 10.0
    streams: int = 10_000
    streams_per_identity: int = 100
    streams_per_address: int = 2_000
    publish_rate: float = 1_000.0
    publish_burst: int = 5_000

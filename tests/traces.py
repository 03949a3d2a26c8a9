"""The trace that tests send, and the request that carries it."""

from __future__ import annotations

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{PARENT}-01"
HEADER = f"traceparent: {SENT}"
PUBLISH = "/signals/publish?topic=a"

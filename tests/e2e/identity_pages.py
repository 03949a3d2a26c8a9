"""What tests of identity do in pages: tickets, EventSources, and what those got; origins, headers and statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.web.doors import until

if TYPE_CHECKING:
    from tests.e2e.inbox import Inbox

A, B = "group:default/a", "group:default/b"
HERE = "/health/live"  # any document of the hub makes a page of its own origin
TO_THE_HUB = b" /signals/"


def signal(message: Any, topic: str = "t", targets: list[str] | None = None) -> dict[str, Any]:
    """Return a signal."""
    return {"topic": topic, "message": message} | ({} if targets is None else {"targetOwnershipEntityRefs": targets})


async def got(inbox: Inbox, message: Any) -> list[Any]:
    """Return the messages that an EventSource got, once this one is among them, and check that none came twice."""
    await until(lambda: message in told(inbox))
    ids = [event.id for event in inbox.received if event.name == "message"]
    assert len(set(ids)) == len(ids)
    return told(inbox)


def told(inbox: Inbox) -> list[Any]:
    """Return the messages that an EventSource got so far."""
    return [event.data["message"] for event in inbox.received if event.name == "message"]


def names(inbox: Inbox) -> list[str]:
    """Return the names of all that an EventSource got but for messages and heartbeats, which may come at any time."""
    return [event.name for event in inbox.received if event.name not in {"message", "signals.heartbeat"}]


async def until_named(inbox: Inbox, name: str, times: int = 1) -> None:
    """Wait until an EventSource got something with a name so many times."""
    await until(lambda: names(inbox).count(name) >= times)


def with_host(origin: str, host: str) -> str:
    """Return an origin of the same server by another name."""
    return origin.replace("127.0.0.1", host)


def header(head: bytes, name: str) -> str | None:
    """Return a header of a request or response."""
    lines = head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    found = [value for key, _, value in (line.partition(": ") for line in lines) if key.lower() == name.lower()]
    return found[0] if found else None


def status_of(head: bytes) -> int:
    """Return the status of a response."""
    return int(head.split()[1])

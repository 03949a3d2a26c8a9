"""Overviews of streams as a hub tells them, and a server in a hub's place that tells what a test wants."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
NODE = "3f2a9c01"


def time(seconds: float) -> str:
    """Return a time so many seconds after noon, as a hub writes it."""
    return datetime.fromtimestamp(NOON + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def node(name: str = NODE, at: float = 0.0, *, delivered: int = 0, **more: Any) -> dict[str, Any]:
    """Return what a node counts, so many seconds after noon."""
    return {
        "node": name,
        "time": time(at),
        "started": time(-7500),
        "ready": True,
        "draining": False,
        "streams": {
            "open": 2,
            "behind": 1,
            "opened": 230,
            "closed": {"client-gone": 200, "shutdown": 18},
            "refused": {},
        },
        "traffic": {"signals": 1234, "delivered": delivered, "bytes": delivered * 100},
        "history": {"held": 1000, "bytes": 123_456, "oldest": time(-3500)},
        **more,
    }


def stream(number: int = 0, *, of: str = NODE, **more: Any) -> dict[str, Any]:
    """Return what is told of an open stream."""
    return {
        "stream": f"{of}-{number:016x}",
        "node": of,
        "subject": f"user:default/ann{number}",
        "remote": "192.0.2.7",
        "topics": ["orders/*"],
        "moreTopics": 0,
        "format": "sse",
        "opened": time(-100),
        "age": 100.0,
        "state": "live",
        "lag": {"records": 0, "seconds": 0.0},
        "buffered": 0,
        "delivered": 10,
        "bytes": 2345,
        "timesBehind": 0,
        "expires": None,
        **more,
    }


def closed(number: int = 0, *, of: str = NODE, **more: Any) -> dict[str, Any]:
    """Return what is told of a closed stream."""
    told = stream(number, of=of, **{"closed": time(-number - 1), "reason": "gone", **more})
    for member in ("state", "lag", "buffered", "expires"):
        del told[member]
    return told


def overview(at: float = 0.0, **more: Any) -> dict[str, Any]:
    """Return what a hub says of its streams, so many seconds after noon."""
    return {"time": time(at), "node": NODE, "nodes": [node(at=at)], "streams": [], "closed": [], **more}


@dataclass
class StandIn:
    """A server in a hub's place.

    Attributes:
        url: Where it is.
        says: What it answers: a JSON value, or a response.
        asked: The requests that came.
    """

    url: str = ""
    says: Any = None
    asked: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request; a function is called for what to say."""
        self.asked.append(request)
        said = self.says() if callable(self.says) else self.says
        return said if isinstance(said, web.StreamResponse) else web.json_response(said)


@asynccontextmanager
async def standing_in(says: Any = None, *, port: int = 0) -> AsyncIterator[StandIn]:
    """Run a server on this machine that answers everything it is asked below a hub's usual prefix."""
    server = StandIn(says=says)
    app = web.Application()
    app.router.add_get("/signals/streams", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/signals"
    try:
        yield server
    finally:
        await runner.cleanup()

"""The hub itself, with listeners who own what a header of their request says: a stand-in for authentication."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from sse_signals.grants import ALL_GRANTS
from sse_signals.identity import ANYBODY, Identity
from sse_signals.server import running
from sse_signals.settings import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

_HEADER = "X-Owns"
_MANY = "100000"


def owning(refs: Sequence[str]) -> Mapping[str, str]:
    """Return the header of a listener that owns these refs, the first of which is its own."""
    return {_HEADER: ",".join(refs)}


async def identify(request: web.BaseRequest) -> Identity:
    """Return who listens."""
    refs = request.headers.get(_HEADER, "").split(",")
    return Identity(refs[0], frozenset(refs), ALL_GRANTS) if refs[0] else ANYBODY


async def main() -> None:
    """Serve until killed; the port is the first line of the output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    limits = ("max_streams", "max_streams_per_address", "max_streams_per_identity")
    settings = load({}, {"port": "0", **dict.fromkeys(limits, _MANY)})
    async with running(settings, structlog.get_logger()) as hub:
        hub.service.site.identify = identify
        print(hub.url.rpartition(":")[2].partition("/")[0], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

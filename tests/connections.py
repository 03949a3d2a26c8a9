"""Connections that are made to a server of a test just as it ends."""

from __future__ import annotations

import asyncio

_TURNS = 5  # of the loop, in which a connection is accepted, gets its streams and its task, and that begins


async def settled() -> None:
    """Let all be accepted that were made: whoever closes a server meanwhile forgets them, and leaves them open."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)

"""Ownership: who has a stream open may own something else than when it was opened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import IssuerUnavailable, NotAuthenticated, NotGranted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.hub.stream import Stream
    from sse_signals.identity import Identity
    from sse_signals.life.access import Access
    from sse_signals.life.lives import Lives

AT_ONCE: Final = 20  # questions to issuers under way


async def look_again(lives: Lives, access: Access, logger: Any) -> None:
    """Look once what the subjects of open streams own and may do today; what changed holds for their streams at once.

    Args:
        lives: The open streams.
        access: Asks who vouches for them.
        logger: Where changes and failures are told.
    """
    waiting = iter(lives.streams)  # a list: who comes meanwhile is looked at next time
    await asyncio.gather(*[_look_through(waiting, lives, access, logger) for _ in range(AT_ONCE)])


async def _look_through(waiting: Iterator[Stream], lives: Lives, access: Access, logger: Any) -> None:
    for stream in waiting:
        try:
            await _look_again(stream, lives, access, logger)
        except Exception:  # whatever is wrong with one, the others have their turn
            logger.exception("ownership cannot be looked up", stream=stream.name)
        await asyncio.sleep(0)  # there may be thousands, and nothing to wait for


async def _look_again(stream: Stream, lives: Lives, access: Access, logger: Any) -> None:
    before = stream.identity
    today: Identity | None = None
    try:
        today = await access.refreshed(before)
    except IssuerUnavailable as error:
        logger.warning("ownership is unknown", stream=stream.name, error=str(error))
        return
    except NotAuthenticated as error:
        logger.info("identity withdrawn", stream=stream.name, cause=error.cause)
    if stream.identity is not before or stream.ended is not None or today is before:
        return  # what was renewed meanwhile is looked at next time
    if today is None or today.subject != before.subject:
        lives.end(stream, "revoked")
        return
    try:
        lives.change(stream, today)
        logger.info("ownership changed", stream=stream.name)
    except NotGranted:
        lives.end(stream, "not-granted")

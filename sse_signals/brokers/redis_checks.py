"""Whether a Redis server keeps what it is given: looked at once, when a hub starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from sse_signals.brokers.redis_session import fields
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from sse_signals.brokers.redis_session import Session


async def check(session: Session, *, volatile: bool, logger: Any) -> None:
    """Look at eviction and persistence, as far as the server lets us.

    Args:
        session: A connection to it.
        volatile: Whether it may keep nothing on disk.
        logger: Where it is told what is doubtful.

    Raises:
        ConfigurationError: It throws records away when its memory is full, or keeps nothing on disk and may not.
        RedisError: The connection is lost.
    """
    memory, persistence, saving = await session.ask(
        [("INFO", "memory"), ("INFO", "persistence"), ("CONFIG", "GET", "save")]
    )
    said = fields(memory) | fields(persistence)
    policy = said.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and said.get("maxmemory", "0") != "0":
        raise ConfigurationError(
            f"Redis throws keys away when its memory is full (maxmemory-policy {policy}), which loses signals without "
            "a trace: set maxmemory-policy to noeviction."
        )
    if said.get("aof_enabled") == "1":
        return
    if not said or isinstance(saving, RedisError):
        logger.warning("it cannot be checked whether Redis keeps the log on disk; it should have appendonly yes")
    elif saving[1]:
        logger.warning("Redis only saves from time to time, and loses what came since: set appendonly to yes")
    elif volatile:
        logger.warning("Redis keeps nothing on disk: a restart loses the log, which a gap tells to every stream")
    else:
        raise ConfigurationError(
            "Redis keeps nothing on disk (appendonly no, and no save points): set appendonly to yes, or allow it with "
            "the setting redis-volatile."
        )

"""Which broker a URL means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sse_signals.brokers.memory import MemoryBroker
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.errors import ConfigurationError
from sse_signals.extras import install
from sse_signals.setting_kinds import without_password

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.broker_options import BrokerOptions
    from sse_signals.interfaces import Broker, SharedState
    from sse_signals.model import HistoryLimits

_SCHEMES: Final = {
    "sqlite": ("sqlite", "SqliteBroker"),
    "redis": ("redis", "RedisBroker"),
    "rediss": ("redis", "RedisBroker"),
    "nats": ("nats", "NatsBroker"),
    "tls": ("nats", "NatsBroker"),
    "ws": ("nats", "NatsBroker"),
    "wss": ("nats", "NatsBroker"),
}

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Log:
    """A log, and the shared state that goes with it."""

    broker: Broker
    state: SharedState


def open_log(url: str, limits: HistoryLimits, options: BrokerOptions, *, clock: Callable[[], int], logger: Any) -> Log:
    """Return the log at a URL; nothing is connected yet.

    Args:
        url: Its first part says which broker it is.
        limits: How much of it is kept.
        options: What else is chosen.
        clock: Returns milliseconds since 1970-01-01 UTC.
        logger: A structlog logger.

    Raises:
        ConfigurationError: There is no such broker, what it needs is not installed, or the log cannot have this name.
    """
    if not _NAME.fullmatch(options.name):  # it becomes part of subjects and keys
        raise ConfigurationError(
            f"A log cannot be called {options.name!r}: up to 64 letters, digits, - and _ can be used."
        )
    if url == "memory://":
        return Log(MemoryBroker(limits, options, clock=clock), MemoryState(clock=clock))
    scheme = url.partition(":")[0].partition("+")[0]
    if "://" not in url or scheme not in _SCHEMES:
        raise ConfigurationError(
            f"{without_password(url)!r} is no event broker: it may be memory://, sqlite:///path, redis://host or "
            "nats://host; a client may also have the http:// of a hub."
        )
    module, name = _SCHEMES[scheme]
    try:
        room = import_module(f"sse_signals.brokers.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module:
            raise
        raise ConfigurationError(f"{scheme}:// needs the package {module}: {install(module)}") from None
    broker = getattr(room, name)(url, limits, options, clock=clock, logger=logger)
    return Log(broker, broker.state)

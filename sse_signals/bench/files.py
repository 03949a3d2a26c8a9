"""Open files: every stream is one, and the system allows each process only so many."""

from __future__ import annotations

import math
import resource
from typing import Final

from sse_signals.bench.quantities import counted, number
from sse_signals.errors import ConfigurationError

_SPARE: Final = 64  # open files that are not streams


def allow(streams: int, processes: int) -> None:
    """Raise the limit of processes that are to be started, if need be, so that they can open so many streams together.

    Raises:
        ConfigurationError: It may not be raised so far.
    """
    needed = -(-streams // processes) + _SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if needed > _number(hard):
        raise ConfigurationError(
            f"{counted(streams, 'stream')} need {number(needed)} open files, and {number(hard)} are allowed: "
            f"run 'ulimit -n {needed}' as one who may, or ask for fewer --streams."
        )
    if needed > _number(soft):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _number(limit: int) -> float:
    return math.inf if limit == resource.RLIM_INFINITY else limit

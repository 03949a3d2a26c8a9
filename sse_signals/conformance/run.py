"""Running the cases: several at once, each with a deadline, so that a hub that hangs does not hang the suite."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sse_signals.conformance.connection import reason
from sse_signals.conformance.outcome import Ended, Result, Verdict
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.conformance.hub import Hub
    from sse_signals.conformance.outcome import Case

_AT_ONCE: Final = 6
_SHOWN: Final = 200  # characters of an error
_STEPS: Final = 8  # times the patience that a case may have as a whole


async def try_all(hub: Hub, cases: Sequence[Case], done: Callable[[Result], None]) -> None:
    """Try cases, those that need to be alone after all others.

    Args:
        hub: The hub.
        cases: Which.
        done: Called with each result, in the order in which they come.
    """
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case) -> None:
        async with room:
            done(await _result(hub, case))

    async with asyncio.TaskGroup() as group:
        for case in cases:
            if not case.alone:
                group.create_task(one(case))
    for case in cases:
        if case.alone:
            done(await _result(hub, case))


async def _result(hub: Hub, case: Case) -> Result:
    if {case.group, case.full_name} & hub.adapter.not_offered:
        return Result(case, Verdict.NOT_OFFERED, "its description says so")
    seconds = _STEPS * hub.patience + (case.longer(hub) if case.longer else 0)
    try:
        async with asyncio.timeout(seconds):
            return Result(case, Verdict.PASS, await case.check(hub))
    except Ended as ended:
        return Result(case, ended.verdict, str(ended))
    except TimeoutError:
        return Result(case, Verdict.FAIL, f"it was not done after {seconds:g} s")
    except Exception as error:  # noqa: BLE001 - whatever a hub says may end one case, but no run
        return _broken(case, error)


def _broken(case: Case, error: Exception) -> Result:
    """Return how a case ended that could not be tried to its end."""
    if isinstance(error, OSError):
        return Result(case, Verdict.FAIL, f"the connection failed: {reason(error)}")
    if isinstance(error, ConfigurationError):
        return Result(case, Verdict.NOT_TRIED, f"it cannot be asked for: {error}")
    return Result(case, Verdict.FAIL, f"what came was not foreseen: {type(error).__name__}: {error}"[:_SHOWN])

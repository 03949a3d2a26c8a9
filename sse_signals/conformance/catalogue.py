"""All cases, and which of them are asked for."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from sse_signals.conformance.cases import (
    cors,
    drain,
    gap,
    heartbeat,
    http_details,
    ids,
    injection,
    isolation,
    resume,
    wire_format,
)
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.conformance.outcome import Case

ALL: Final[Sequence[Case]] = (
    *wire_format.CASES,
    *ids.CASES,
    *resume.CASES,
    *gap.CASES,
    *heartbeat.CASES,
    *cors.CASES,
    *injection.CASES,
    *http_details.CASES,
    *isolation.CASES,
    *drain.CASES,
)
NAMES: Final = (*dict.fromkeys(case.group for case in ALL), *(case.full_name for case in ALL))


def chosen(names: Sequence[str]) -> Sequence[Case]:
    """Return the cases of some groups and names; all for none.

    Raises:
        ConfigurationError: There is no such group or case.
    """
    for name in names:
        if name not in NAMES:
            near = get_close_matches(name, NAMES, 1)
            mend = f"did you mean {near[0]}?" if near else "--list shows them."
            raise ConfigurationError(f"There is no group or case {name!r}: {mend}")
    return [case for case in ALL if not names or case.group in names or case.full_name in names]

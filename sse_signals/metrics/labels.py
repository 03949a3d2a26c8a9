"""The values that labels may have: closed lists, so that nothing a client sends can make a series of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.model import GapReason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OTHER: Final = "other"  # stands for everything that is not on its list
FULL: Final = "full"
TABLE_FULL: Final = "idempotency-table-full"

# Why streams that were open are gone.
CLOSED: Final = (
    "client-gone",
    "complete",
    "expired",
    "failed",
    "max-age",
    "not-granted",
    "revoked",
    "send-timeout",
    "shutdown",
    OTHER,
)

# Limits that a stream or a request may meet.
LIMITS: Final = (
    "address-streams",
    "failed-authentications",
    FULL,
    TABLE_FULL,
    "identity-streams",
    "publish-rate",
    "renewal-rate",
    "ticket-rate",
    OTHER,
)

# Why streams were sent away before they were open.
REFUSED: Final = (
    "address-streams",
    "broker-unavailable",
    "expired",
    "failed-authentications",
    FULL,
    "identity-streams",
    "issuer-unavailable",
    "revoked",
    "shutdown",
    "starting",
    OTHER,
)

GAPS: Final = (*sorted(GapReason), OTHER)

OUTCOMES: Final = ("abandoned", "accepted", "refused", "repeated", "unavailable", "unknown")

# What came of credentials that were checked.
RESULTS: Final = (
    "accepted",
    "ambiguous-key",
    "bad-authorization",
    "bad-claims",
    "bad-grants",
    "bad-session",
    "bad-signature",
    "expired",
    "issuer-unavailable",
    "malformed-token",
    "no-credentials",
    "no-expiry",
    "no-subject",
    "not-yet-valid",
    "ownership-refused",
    "ownership-unknown",
    "reserved-subject",
    "revoked",
    "ticket-for-other-topics",
    "ticket-of-another-subject",
    "too-long-lived",
    "unknown-api-key",
    "unknown-key",
    "unknown-plugin",
    "unknown-ticket",
    "unknown-token",
    "unknown-type",
    "unsupported-crit",
    "used-ticket",
    "wrong-algorithm",
    "wrong-audience",
    "wrong-issuer",
    "wrong-type",
    OTHER,
)


def sorted_out(counts: Mapping[str, float], values: Sequence[str]) -> dict[str, float]:
    """Return counts for a closed list of values: 0 for what never occurred, and all that is not listed as "other".

    Args:
        counts: How often which value occurred.
        values: The list.
    """
    found: dict[str, float] = dict.fromkeys(values, 0)
    for value, count in counts.items():
        key = value if value in found else OTHER
        found[key] = found.get(key, 0) + count
    return found

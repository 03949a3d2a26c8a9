"""What is counted of answers that say no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.errors import (
    BrokerUnavailable,
    IdempotencyConflict,
    IdempotencyTableFull,
    IssuerUnavailable,
    SignalsError,
    TooMany,
)
from sse_signals.metrics.labels import LIMITS, TABLE_FULL
from sse_signals.web.problems import Problem

if TYPE_CHECKING:
    from aiohttp import web

    from sse_signals.web.site import Site

_OF_THE_LOG = (BrokerUnavailable, IdempotencyConflict, IdempotencyTableFull)  # counted where it was asked


def count_refusal(site: Site, request: web.BaseRequest, error: Exception) -> None:
    """Count a request that is answered with an error: the limit that it met, and a publish that goes no further.

    Args:
        site: Where it is counted.
        request: The request.
        error: What it is answered with.
    """
    match error:
        case TooMany():
            site.ledger.limited[error.reason] += 1
        case IdempotencyTableFull():
            count_limit(site, TABLE_FULL)
    publishes = request.method == "POST" and request.path == f"{site.prefix}/publish"
    if publishes and isinstance(error, SignalsError | Problem) and not isinstance(error, _OF_THE_LOG):
        later = isinstance(error, IssuerUnavailable) or (isinstance(error, Problem) and error.status >= 500)
        site.service.publishes.refused(unavailable=later)


def count_limit(site: Site, reason: str) -> None:
    """Count somebody who is sent away, if that is for a limit.

    Args:
        site: Where it is counted.
        reason: Why.
    """
    if reason in LIMITS:
        site.ledger.limited[reason] += 1

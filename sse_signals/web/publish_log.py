"""What the hub's log says of publishes: one event for each that it tells, with all that is known of it.

It says where and how much was published, by whom, and what became of it; never a message, a key or a credential.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import BrokerUnavailable
from sse_signals.logs import escape
from sse_signals.publishes import HASTY
from sse_signals.web.paced import Paced
from sse_signals.web.problems import of
from sse_signals.web.request_ids import request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp import web

    from sse_signals.identity import Identity
    from sse_signals.model import Receipt, Signal
    from sse_signals.tracing import Trace
    from sse_signals.web.problems import Problem

MOST_TOPICS: Final = 8  # that a line names
MOST_TEXT: Final = 200  # characters of what a client says about itself


class Course:
    """How one publish request goes, as far as it has come.

    Attributes:
        sampled: Whether it is told even if nothing is wrong with it.
        trace: What is told of it elsewhere, if anybody traces it.
        identity: Who publishes.
        media_type: What the body is said to be.
        size: Bytes of the body.
        signals: What it holds.
        keyed: Whether it has an idempotency key.
        seconds: How long the log took, or has been asked so far; None before it is asked.
        receipt: What the log has answered.
    """

    __slots__ = ("identity", "keyed", "media_type", "receipt", "sampled", "seconds", "signals", "size", "trace")

    def __init__(self, *, sampled: bool, trace: Trace | None = None) -> None:
        self.sampled = sampled
        self.trace = trace
        self.identity: Identity | None = None
        self.media_type = ""
        self.size = 0
        self.signals: Sequence[Signal] = ()
        self.keyed = False
        self.seconds: float | None = None
        self.receipt: Receipt | None = None


class PublishLog:
    """Tells of a share of the publishes, of all that failed, and of refusals once a second with their number."""

    def __init__(self, logger: Any, clock: Callable[[], int], *, share: float, node: str) -> None:
        """Make it.

        Args:
            logger: A structlog or standard logger.
            clock: Returns milliseconds since 1970-01-01 UTC.
            share: Of the publishes that went well; from 0 to 1.
            node: The name of this node.
        """
        self._logger = logger
        self._share = share
        self._node = node
        self._refused = Paced(clock)

    def draw(self) -> bool:
        """Say whether the next publish is told; before it is known what it costs and how it ends."""
        return random.random() < self._share  # noqa: S311 - not a secret

    def tell(self, course: Course, request: web.BaseRequest, remote: str, error: Exception | None) -> None:
        """Tell how a publish ended that was sampled, refused or failed.

        Args:
            course: How it went.
            request: What asked for it.
            remote: Where from.
            error: What was raised, if it was refused or failed.
        """
        if error is None:
            outcome = "repeated" if course.receipt and course.receipt.repeated else "accepted"
            said = {"status": 202, "outcome": outcome, "share": self._share}
            self._logger.info("published", **self._all(course, request, remote), **said)
            return
        problem = of(error)
        if problem.status >= 500:
            failed = {
                "status": problem.status,
                "outcome": _outcome(error, problem),
                "kind": problem.kind,
                "error": str(error),
            }
            self._logger.warning("publish failed", **self._all(course, request, remote), **failed)
        else:
            self._refusal(problem, course, request, remote)

    def left(self, course: Course, request: web.BaseRequest, remote: str) -> None:
        """Tell that a client went away before it had an answer, if it may have published something.

        That it did not wait for as long as a log may take is its own affair, and told as refusals are.
        """
        if course.seconds is None or course.receipt is not None:
            return
        if course.seconds < HASTY:
            if count := self._refused.count("client-gone"):
                who = self._who(course, request, remote)
                self._logger.info("publishers left", kind="client-gone", status=None, requests=count, **who)
        else:
            said = {"status": None, "outcome": "unknown", "kind": "client-gone", "error": None}
            self._logger.warning("publish failed", **self._all(course, request, remote), **said)

    def _refusal(self, problem: Problem, course: Course, request: web.BaseRequest, remote: str) -> None:
        """Tell the first of a kind at once, and then once a second how many there were."""
        if count := self._refused.count(problem.kind):
            who = self._who(course, request, remote)
            self._logger.info("publishes refused", kind=problem.kind, status=problem.status, requests=count, **who)

    def _who(self, course: Course, request: web.BaseRequest, remote: str) -> dict[str, Any]:
        return {"request_id": request_id(request), "subject": _subject(course), "remote": remote, "node": self._node}

    def _all(self, course: Course, request: web.BaseRequest, remote: str) -> dict[str, Any]:
        topics = list(dict.fromkeys(signal.address for signal in course.signals))
        ids = course.receipt.ids if course.receipt is not None else ()
        return {
            "request_id": request_id(request),
            "subject": _subject(course),
            "remote": remote,
            "topics": topics[:MOST_TOPICS],
            "more_topics": max(0, len(topics) - MOST_TOPICS),
            "signals": len(course.signals),
            "targets": len({ref for signal in course.signals for ref in signal.targets or ()}),
            "targeted": sum(signal.targets is not None for signal in course.signals),
            "bytes": course.size,
            "media_type": shown(course.media_type),
            "keyed": course.keyed,
            "first": str(ids[0]) if ids else None,
            "last": str(ids[-1]) if ids else None,
            "seconds": None if course.seconds is None else round(course.seconds, 6),
            "node": self._node,
        }


def shown(text: str | None) -> str | None:
    """Return what a client says about itself so that it fits into a line and cannot forge one."""
    return None if text is None else escape(text[:MOST_TEXT])


def _subject(course: Course) -> str | None:
    return None if course.identity is None else course.identity.subject


def _outcome(error: Exception, problem: Problem) -> str:
    """Return in one word what became of a publish that failed."""
    if isinstance(error, BrokerUnavailable) and error.outcome_unknown:
        return "unknown"
    return "failed" if problem.status == 500 else "unavailable"

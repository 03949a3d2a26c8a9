"""Problem documents (RFC 9457): what is wrong, where, and what to do about it."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import hdrs, web
from multidict import istr

from sse_signals import errors
from sse_signals.web.request_ids import REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SERVER = "sse-signals"
URN = "urn:sse-signals:problem:"  # what the type of a problem document begins with


class Problem(Exception):
    """An answer that says no.

    Attributes:
        status: The HTTP status.
        kind: A short name of the cause, for programs; it becomes the document's ``type``.
        detail: What is wrong, for people.
        hint: What to do about it.
        errors: One entry for each field or parameter at fault.
        extra: Further members of the document.
        headers: Further response headers.
        close: Whether the connection is of no further use, since the request was not read to its end.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        hint: str,
        errors: Sequence[Mapping[str, Any]] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.hint = hint
        self.errors = errors
        self.extra = extra or {}
        self.headers = headers or {}
        self.close = close

    def response(self, headers: Mapping[str, str]) -> web.Response:
        """Return it as a response.

        Args:
            headers: What every response to this request carries; its id is said in the document, too.
        """
        document: dict[str, Any] = {
            "type": URN + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "hint": self.hint,
            **self.extra,
        }
        if self.errors:
            document["errors"] = self.errors
        if REQUEST_ID in headers:
            document["requestId"] = headers[REQUEST_ID]
        response = web.Response(
            status=self.status,
            body=orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE),
            content_type="application/problem+json",
            headers={**BASE_HEADERS, "Cache-Control": "no-store", **headers, **self.headers},
        )
        if self.close:
            response.force_close()
        return response


NO_SNIFF = istr("X-Content-Type-Options")
# Keys of this type are taken over as they are: from others aiohttp makes new ones for each response.
BASE_HEADERS: Mapping[str, str] = {hdrs.SERVER: SERVER, NO_SNIFF: "nosniff"}


def bad_parameter(name: str, detail: str, hint: str) -> Problem:
    """Return the problem of one query parameter or header."""
    return Problem(
        400,
        "bad-parameter",
        f"{name}: {detail}",
        hint=hint,
        errors=[{"parameter": name, "detail": detail, "hint": hint}],
    )


def internal_error() -> Problem:
    """Return the problem that is the hub's own fault."""
    return Problem(
        500,
        "internal-error",
        "The hub failed to handle this request.",
        hint="Try again; if it stays, read the hub's log.",
    )


def of(error: Exception) -> Problem:
    """Return the problem that an error is for a client; what nobody foresaw is the hub's own fault."""
    if isinstance(error, Problem):
        return error
    for kind, problem in _PROBLEMS.items():
        if isinstance(error, kind):
            return problem(error)
    return internal_error()


def _unavailable_log(error: errors.BrokerUnavailable) -> Problem:
    extra = {"outcome": "unknown"} if error.outcome_unknown else {}
    hint = (
        "It may have been done all the same. A publish is safe to repeat with the Idempotency-Key it had."
        if error.outcome_unknown
        else "Nothing was done. Repeat the request after the time in Retry-After."
    )
    return _busy("broker-unavailable", "The log takes nothing at the moment.", hint, error.retry_after, extra)


def _full_table(error: errors.IdempotencyTableFull) -> Problem:
    hint = "Repeat the request after the time in Retry-After, or publish without an idempotency key."
    return _busy("idempotency-table-full", "Too many idempotency keys are remembered.", hint, error.retry_after)


def _conflict(_error: errors.IdempotencyConflict) -> Problem:
    return Problem(
        409,
        "idempotency-conflict",
        "This idempotency key was used within the last 5 minutes for a request with other content.",
        hint="Use a new key for a new signal, and the same key only to repeat the very same request.",
    )


def _unavailable_issuer(error: errors.IssuerUnavailable) -> Problem:
    hint = "Repeat the request after the time in Retry-After; the credential itself may be good."
    return _busy("issuer-unavailable", f"The credential cannot be checked: {error}.", hint, error.retry_after)


def _too_many(error: errors.TooMany) -> Problem:
    return _busy(error.reason, error.detail, "Wait for the time in Retry-After.", error.retry_after, status=429)


def _invalid(error: errors.InvalidInput) -> Problem:
    return bad_parameter(error.field or "request", error.detail, error.hint)


def unauthenticated(error: errors.NotAuthenticated) -> Problem:
    """Return the problem of a credential that is missing or no good (RFC 6750, section 3)."""
    challenge = "Bearer" if error.cause == "no-credentials" else 'Bearer error="invalid_token"'
    return Problem(401, error.cause, error.detail, hint=error.hint, headers={hdrs.WWW_AUTHENTICATE: challenge})


def _not_granted(error: errors.NotGranted) -> Problem:
    where: dict[str, Any] = {} if error.index is None else {"index": error.index}
    what = error.detail if error.index is None else f"Signal {error.index}: {error.detail}"
    entry = {**where, "field": error.field, "detail": error.detail}
    if error.value is not None:
        entry["value"] = error.value
    return Problem(403, "not-granted", what, hint=error.hint, errors=[entry])


def unavailable(reason: str) -> Problem:
    """Return the problem of a request that comes at a bad moment, for clients that understand a 503."""
    return _busy(reason, f"The hub takes no streams at the moment ({reason}).", "Come back after Retry-After.", 2.0)


def cut_off() -> Problem:
    """Return the problem of a node that does not follow the log at the moment."""
    detail = "The log is out of reach: publishing fails, open streams and resumes go on."
    return _busy("cut-off", detail, "Send new clients to another node until this one is ready.", 2.0)


def ending() -> Problem:
    """Return the problem of a publish to a log that is about to end with its process."""
    detail = "The hub is about to end, and its log with it: nobody would get what is published now."
    return _busy("shutdown", detail, "Publish it again after Retry-After; give the same Idempotency-Key.", 2.0)


def _busy(
    kind: str,
    detail: str,
    hint: str,
    retry_after: float,
    extra: Mapping[str, Any] | None = None,
    status: int = 503,
) -> Problem:
    seconds = str(max(1, ceil(retry_after)))
    return Problem(status, kind, detail, hint=hint, extra=extra, headers={"Retry-After": seconds})


_PROBLEMS: dict[type[errors.SignalsError], Callable[[Any], Problem]] = {
    errors.BrokerUnavailable: _unavailable_log,
    errors.IdempotencyTableFull: _full_table,
    errors.IdempotencyConflict: _conflict,
    errors.NotAuthenticated: unauthenticated,
    errors.NotGranted: _not_granted,
    errors.IssuerUnavailable: _unavailable_issuer,
    errors.TooMany: _too_many,
    errors.InvalidInput: _invalid,
}

"""The package's own errors in the place of answers that say no: they mirror the hub's problem documents (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.client.answers import may_be_done, media_type, phrase, problem, retry_after, shown
from sse_signals.errors import (
    BrokerUnavailable,
    IdempotencyConflict,
    IdempotencyTableFull,
    InvalidInput,
    IssuerUnavailable,
    MessageTooLarge,
    NotAuthenticated,
    NotGranted,
    SignalsError,
    TooMany,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.client.answers import Answer, Problem

_AWAY: Final = frozenset({408, 502, 503, 504})  # the server is, whoever says so
_RETRY: Final = 1.0  # seconds, where an answer does not say


def refusal(answer: Answer, where: str) -> SignalsError:
    """Return the error that an answer is.

    Args:
        answer: One that is not what was asked for.
        where: The hub's URL, for people.
    """
    found = problem(answer)
    if answer.status in _AWAY:
        return _unavailable(answer, found, where)
    make = _REFUSALS.get(answer.status)
    error = None if make is None else make(answer, found)
    return error or no_hub(answer, where)


def _bad_request(_: Answer, found: Problem) -> SignalsError | None:
    if found.kind is None:
        return None
    detail = found.first("detail") or found.text("detail", "The request breaks a rule.")
    hint = found.first("hint") or found.text("hint")
    return InvalidInput(detail, field=found.first("field") or found.first("parameter") or None, hint=hint)


def _too_large(_: Answer, found: Problem) -> SignalsError | None:
    if found.kind is None:
        return None
    detail = found.first("detail") or found.text("detail")
    return MessageTooLarge(detail, field=found.first("field") or "message", hint=found.text("hint"))


def _not_authenticated(_: Answer, found: Problem) -> SignalsError:
    detail = found.text("detail", "The server wants other credentials, and does not say which.")
    hint = found.text("hint", "Check the token, and whether a proxy asks for it.")
    return NotAuthenticated(found.kind or "refused", detail, hint=hint)


def _not_granted(_: Answer, found: Problem) -> SignalsError | None:
    if found.kind != "not-granted":
        return None
    detail = found.first("detail") or found.text("detail")
    field = found.first("field") or found.first("parameter")
    return NotGranted(detail, field=field or "request", hint=found.text("hint"), index=found.index)


def _conflict(_: Answer, found: Problem) -> SignalsError | None:
    if found.kind != "idempotency-conflict":
        return None
    return IdempotencyConflict(f"{found.text('detail')} {found.text('hint')}".strip())


def _too_many(answer: Answer, found: Problem) -> SignalsError:
    detail = found.text("detail", "The server has had too many requests.")
    return TooMany(found.kind or "refused", detail, retry_after=_wait(answer))


def _unavailable(answer: Answer, found: Problem, where: str) -> SignalsError:
    match found.kind:
        case "idempotency-table-full":
            return IdempotencyTableFull(_wait(answer))
        case "issuer-unavailable":
            return IssuerUnavailable(found.text("detail"), retry_after=_wait(answer))
    detail = found.text("detail", f"{where} answered {answer.status} {phrase(answer.status)}")
    return BrokerUnavailable(detail, outcome_unknown=may_be_done(answer), retry_after=_wait(answer))


_REFUSALS: Final[dict[int, Callable[[Answer, Problem], SignalsError | None]]] = {
    400: _bad_request,
    401: _not_authenticated,
    403: _not_granted,
    409: _conflict,
    413: _too_large,
    429: _too_many,
}


def no_hub(answer: Answer, where: str) -> UnexpectedAnswer:
    """Return the error that an answer is which nobody could expect; see `refusal`."""
    found = problem(answer)
    title = found.text("title", phrase(answer.status))
    kind = found.text("type", "about:blank")
    if found.kind is not None:
        return UnexpectedAnswer(answer.status, title, found.text("detail"), hint=found.text("hint"), kind=kind)
    if 300 <= answer.status < 400:
        to = shown(answer.headers.get("Location", "").partition("?")[0]) or "nowhere"
        detail = f"{where} leads on to {to}, and redirects are not followed: the token is for this server alone."
        return UnexpectedAnswer(answer.status, title, detail, hint="Give the URL that the hub really has.")
    detail = found.text("detail", f"The answer of {where} is no hub's ({media_type(answer) or 'of no type'}).")
    hint = found.text("hint", "Check the URL: it ends with the prefix of the hub's routes, by default /signals.")
    return UnexpectedAnswer(answer.status, title, detail, hint=hint, kind=kind)


def _wait(answer: Answer) -> float:
    wait = retry_after(answer)
    return _RETRY if wait is None else wait

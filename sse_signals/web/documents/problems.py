"""Problem documents (RFC 9457): the closed list of their types, and which of them an answer may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.life.ticket_causes import HINTS as TICKET_CAUSES
from sse_signals.web.documents.rules import REQUEST_ID, JsonSchema, described, members, reference
from sse_signals.web.problems import URN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Statuses = dict[int, tuple[str, ...]]

MEDIA_TYPE: Final = "application/problem+json"

# Why somebody is not who they want to be: each is the type of a 401.
_TOKENS: Final = {
    "no-credentials": "Nothing is shown that says who asks.",
    "bad-authorization": "The `Authorization` header holds no bearer token.",
    "unknown-token": "The token is of a kind that is not known here.",
    "unknown-type": "The API key is not written as those of this hub are.",
    "malformed-token": "It is no whole JWT.",
    "unsupported-crit": "The JWT needs an extension.",
    "wrong-algorithm": "The JWT is signed with another algorithm than the key's.",
    "wrong-type": "The JWT is of another kind.",
    "unknown-key": "Nobody here knows the key that the JWT is signed with, or the API key.",
    "ambiguous-key": "Several keys may have signed the JWT.",
    "bad-signature": "The JWT's signature is wrong.",
    "no-expiry": "The JWT has no end.",
    "expired": "The credential is over.",
    "not-yet-valid": "The JWT is not valid yet.",
    "too-long-lived": "The JWT is valid for longer than the hub allows.",
    "wrong-issuer": "The JWT is of another issuer.",
    "wrong-audience": "The JWT is for somebody else.",
    "no-subject": "The JWT names nobody.",
    "bad-claims": "A claim of the JWT is not of its type.",
    "bad-grants": "The JWT's grants cannot be read.",
    "reserved-subject": "The JWT names a subject that only the hub itself names.",
    "revoked": "It was revoked.",
    "ownership-refused": "The issuer does not tell what the subject owns.",
    "ownership-unknown": "What the subject owns could not be asked for too long.",
    "unknown-api-key": "There is no such API key here.",
    "unknown-plugin": "The token is of a Backstage plugin that is not known, or not accepted.",
}
_TICKETS: Final = {
    "unknown-ticket": "There is no such ticket, or it is too old.",
    "used-ticket": "The ticket was used, and its cookie did not come with it.",
    "ticket-for-other-topics": "The ticket is for other topics.",
    "ticket-of-another-subject": "The ticket, and what else is shown, are of different subjects.",
    "bad-session": "The cookie is not the one of this ticket.",
}
MEANINGS: Final[Mapping[str, str]] = {
    "ambiguous-credentials": "Several credentials are shown, and nobody can say which one counts.",
    "bad-batch": "There are no signals in the request, or too many.",
    "bad-host": "The request has no `Host` header, or several.",
    "bad-parameter": "A query parameter or header is not what it may be.",
    "bad-request": "The request is not well-formed, or its body is not what it may be.",
    "bad-signal": "A signal is not what it may be; `errors` says which, and which member.",
    "bad-ticket-request": "The body says no topics; `errors` says where.",
    "broken-body": "The body's framing is broken.",
    "no-upgrade": "There is no other protocol here.",
    "token-in-url": "A token stands in the URL, where others can read it.",
    **_TOKENS,
    **_TICKETS,
    "drain-not-allowed": "Where nobody authenticates, only programs and pages of its machine drain a hub, no proxy.",
    "host-not-allowed": "The hub does not answer to this `Host`.",
    "not-granted": "Who asks may not do this.",
    "origin-missing": "A cookie counts only if the browser says which page sent it.",
    "origin-not-allowed": "Pages of this origin may not use the hub.",
    "authentication-off": "Nobody has to authenticate here, so there is nobody to renew or refuse.",
    "no-tickets": "Nobody has to authenticate here, so nobody needs a ticket.",
    "not-found": "There is nothing at this path.",
    "metrics-elsewhere": "Metrics are on a port of their own.",
    "unknown-node": "There is no node of this name at the moment.",
    "unknown-stream": "There is no open stream of this name.",
    "method-not-allowed": "This method is not for this path; `Allow` says which are.",
    "slow-body": "The body took too long to arrive.",
    "idempotency-conflict": "The idempotency key was used for other content.",
    "body-too-large": "The body is too long.",
    "message-too-large": "A message is too long.",
    "charset": "The body's charset is not UTF-8.",
    "content-encoding": "The body is compressed.",
    "content-type": "The body is of a media type that means nothing here.",
    "transfer-encoding": "The body's transfer coding is not `chunked`.",
    "expectation": "Only `100-continue` can be expected.",
    "address-streams": "Too many streams are open from this address.",
    "failed-authentications": "Authentication failed too often from this address.",
    "identity-streams": "This subject has too many streams open.",
    "publish-rate": "This subject publishes too fast.",
    "renewal-rate": "This subject renews streams of other nodes too often.",
    "ticket-rate": "This subject asks for too many tickets.",
    "internal-error": "The hub failed; its log says why.",
    "broker-unavailable": "The log takes nothing at the moment. `outcome` is `unknown` if it may have been done.",
    "cut-off": "The node does not follow the log at the moment.",
    "full": "The node has as many streams open as it may.",
    "idempotency-table-full": "Too many idempotency keys are remembered.",
    "issuer-unavailable": "The credential cannot be checked at the moment.",
    "not-everywhere": "It is refused on this node; others may not know it yet.",
    "shutdown": "The node is about to end.",
    "starting": "The node is starting.",
}

# What may be wrong with any request, with one that has a body, with who sends it, and so on.
ALWAYS: Final[Statuses] = {
    400: ("bad-host", "bad-request", "no-upgrade"),
    403: ("host-not-allowed",),
    417: ("expectation",),
    500: ("internal-error",),
}
PAGE: Final[Statuses] = {403: ("origin-not-allowed",)}
QUERY: Final[Statuses] = {400: ("bad-parameter", "token-in-url")}
BODY: Final[Statuses] = {
    400: ("broken-body",),
    408: ("slow-body",),
    413: ("body-too-large",),
    415: ("charset", "content-encoding", "content-type", "transfer-encoding"),
}
CREDENTIALS: Final[Statuses] = {
    400: ("ambiguous-credentials",),
    401: tuple(_TOKENS),
    403: ("origin-missing",),
    429: ("failed-authentications",),
    503: ("issuer-unavailable",),
}
TICKET: Final[Statuses] = {401: tuple(TICKET_CAUSES)}
GRANT: Final[Statuses] = {403: ("not-granted",)}
LOG: Final[Statuses] = {503: ("broker-unavailable",)}

_ERROR: Final = members(
    "One field or parameter at fault.",
    {"detail": {"type": "string", "description": "What is wrong with it, for people."}},
    {
        "field": {"type": "string", "description": "The member at fault; empty for the whole value."},
        "parameter": {"type": "string", "description": "The query parameter or header at fault."},
        "index": {"type": "integer", "minimum": 0, "description": "Which signal of a batch, from 0."},
        "value": {"type": "string", "description": "What of it is refused."},
        "hint": {"type": "string", "description": "What to do about it."},
    },
)
_EXAMPLE: Final = {
    "type": f"{URN}bad-signal",
    "title": "Bad Request",
    "status": 400,
    "detail": "Field topic: It is empty. Leave it out, or give it at least one character.",
    "hint": "Mend what 'errors' names; nothing was published.",
    "errors": [{"field": "topic", "detail": "It is empty. Leave it out, or give it at least one character."}],
    "requestId": "3ba9f1f7d18e7d39d16a",
}
PROBLEM: Final = members(
    "What is wrong with a request, where, and what to do about it (RFC 9457).",
    {
        "type": {
            "type": "string",
            "enum": [URN + kind for kind in sorted(MEANINGS)],
            "description": "The cause, for programs:\n\n"
            + "\n".join(f"- `{URN}{kind}`: {MEANINGS[kind]}" for kind in sorted(MEANINGS)),
        },
        "title": {"type": "string", "description": "What the status is called."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "hint": {"type": "string", "description": "What to do about it, for people."},
    },
    {
        "errors": {"type": "array", "items": _ERROR, "description": "One entry for each field or parameter at fault."},
        "outcome": {"type": "string", "enum": ["unknown"], "description": "It may have been done all the same."},
        "requestId": described(REQUEST_ID, "The answer's `X-Request-Id`."),
    },
) | {"examples": [_EXAMPLE]}

_TITLES: Final = {
    400: "The request is not what it may be.",
    401: "Nobody knows who asks.",
    403: "Who asks, or their page, may not do this.",
    404: "There is no such thing.",
    408: "The body came too slowly.",
    409: "It contradicts an earlier request.",
    413: "It is too large.",
    415: "The body is of another form.",
    417: "The `Expect` header cannot be met.",
    429: "It was too often.",
    500: "The hub failed.",
    503: "Not at the moment.",
}
_HEADERS: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def together(*groups: Statuses) -> Statuses:
    """Return what may be wrong in any of these ways, in order."""
    statuses = sorted({status for group in groups for status in group})
    return {status: tuple(sorted({kind for group in groups for kind in group.get(status, ())})) for status in statuses}


def responses(statuses: Statuses, headers: Iterable[str]) -> dict[str, JsonSchema]:
    """Return the responses of an operation that are problems, by status.

    Args:
        statuses: The kinds of problem that there may be, by status.
        headers: Names of the response headers that all answers have.
    """
    return {str(status): _response(status, kinds, headers) for status, kinds in statuses.items()}


def _response(status: int, kinds: Iterable[str], headers: Iterable[str]) -> JsonSchema:
    types = [URN + kind for kind in kinds]
    schema = {
        "allOf": [reference("Problem")],
        "properties": {"type": {"enum": types}, "status": {"const": status}},
    }
    return {
        "description": _TITLES[status],
        "headers": {name: reference(name, "headers") for name in (*headers, *_HEADERS.get(status, ()))},
        "content": {MEDIA_TYPE: {"schema": schema}},
    }

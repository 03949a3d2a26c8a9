"""Pages of other origins: those that may use the hub, and all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.conformance.cases.sources import FETCH, SEMANTICS
from sse_signals.conformance.outcome import Case, Failed, NotTried, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sse_signals.conformance.connection import Head
    from sse_signals.conformance.hub import Hub

_FOREIGN: Final = "https://attacker.example"
_ALLOW: Final = "access-control-allow-origin"
_CREDENTIALS: Final = "access-control-allow-credentials"
_WANTED: Final = "authorization, last-event-id"


async def _head(hub: Hub, origin: str) -> Head:
    """Return the head of the answer to a page that opens a stream."""
    async with hub.stream(hub.topic("cors"), headers={"Origin": origin}, any_status=True) as stream:
        return stream.head


def _origin(hub: Hub) -> str:
    if not hub.adapter.origin:
        raise NotTried("give --origin: a page's origin that the hub allows")
    return hub.adapter.origin


def _allows(head: Head, origin: str) -> None:
    allowed = head.get(_ALLOW)
    require(allowed == origin, f"{_ALLOW} is {allowed!r} for the origin that is allowed")


async def _allowed(hub: Hub) -> str:
    origin = _origin(hub)
    head = await _head(hub, origin)
    require(head.status == 200, f"it is answered with {head.status}")
    _allows(head, origin)
    require(head.get(_CREDENTIALS) == "true", "credentials are not allowed")
    return "the exact origin, with credentials"


async def _vary(hub: Hub) -> str:
    head = await _head(hub, _origin(hub))
    require({"origin", "*"} & head.items("vary"), f"Vary is {head.get('vary')!r}")
    return f"Vary: {head.get('vary')}"


def _keeps_out(hub: Hub, head: Head, origin: str) -> str:
    """Return how a page is kept out.

    Raises:
        Failed: It is not.
    """
    allowed, credentials = head.get(_ALLOW), head.get(_CREDENTIALS) == "true"
    if head.status != 200:
        return f"{head.status}"  # all that such a page might read is the error
    require(allowed != origin, f"its origin is reflected{', with credentials' if credentials else ''}")
    require(not (allowed == "*" and credentials), "'*' is allowed, with credentials")
    require(not (allowed == "*" and hub.adapter.origin), "'*' is allowed, although only some origins should be")
    return "'*' without credentials" if allowed == "*" else "not allowed"


async def _foreign(hub: Hub) -> str:
    return _keeps_out(hub, await _head(hub, _FOREIGN), _FOREIGN)


async def _null(hub: Hub) -> str:
    return _keeps_out(hub, await _head(hub, "null"), "null")


async def _ask(hub: Hub, method: str, headers: Mapping[str, str]) -> Head:
    how, topics = hub.adapter.subscribe, [hub.topic("cors")]
    return await hub.head(hub.requests.stream(how, topics, method=method, headers=headers))


async def _errors(hub: Hub) -> str:
    origin = _origin(hub)
    try:
        head = await _ask(hub, "PATCH", {"Origin": origin})
    except Failed as failed:
        raise NotTried(f"no error could be had with a PATCH: {failed}") from None
    if head.status < 400:
        raise NotTried(f"no error could be had: a PATCH is answered with {head.status}")
    _allows(head, origin)
    return f"{head.status}, which the page may read"


async def _preflight(hub: Hub) -> str:
    origin = _origin(hub)
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": _WANTED, "Origin": origin}
    head = await _ask(hub, "OPTIONS", asked)
    require(200 <= head.status < 300, f"it is answered with {head.status}")
    _allows(head, origin)
    allowed = head.items("access-control-allow-headers")
    missing = [name for name in _WANTED.split(", ") if name not in allowed]
    require(not missing, f"{' and '.join(missing)} may not be sent")
    return f"{head.status}, with Authorization and Last-Event-ID"


CASES: Final = (
    Case(
        "cors", "allowed", "A page that may listen is allowed by its exact origin, with credentials.", FETCH, _allowed
    ),
    Case("cors", "vary", "The answer says that it differs by Origin.", SEMANTICS + " 12.5.5", _vary),
    Case("cors", "foreign", "Another page is not allowed; its origin is not reflected.", FETCH, _foreign),
    Case("cors", "null", "The origin 'null' is not allowed: every sandboxed frame has it.", FETCH, _null),
    Case("cors", "errors", "A page that may listen may read errors, too.", FETCH, _errors),
    Case("cors", "preflight", "A preflight allows the headers that clients send.", FETCH, _preflight),
)

"""Whether a one-time ticket, which names the path of its stream, leads to where the hub is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urljoin, urlsplit

from sse_signals.client.answers import document, shown
from sse_signals.doctor.finding import Finding, Fine, Said, Unchecked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.doctor.seen import Seen

_NO_TICKETS: Final = "no-tickets"
_EFFECT: Final = (
    "A browser's EventSource that comes with a ticket asks where there is no hub, or not this one, and its cookie is "
    "for that path, too. The path has to be the same on both sides of the proxy."
)


def tickets(seen: Seen) -> Iterator[Said]:
    """Say whether a ticket leads to the stream that was examined; nothing where there are none."""
    answer = seen.ticket
    if answer is None or answer.kind == _NO_TICKETS:
        return
    to, here = _led_to(seen, document(answer.body).get("url")), f"{seen.target.url}/stream"
    if answer.status != 200 or to is None:
        why = answer.failed or f"{answer.status}{answer.detail and f': {answer.detail}'}"
        yield Unchecked("tickets", f"none was given ({why})")
    elif unquote(to) == unquote(here):
        yield Fine("tickets", "they lead to where the hub is")
    else:
        text = f"A ticket leads to {shown(to)}, but the stream is at {here}: something between changes the path."
        path = seen.target.path
        hub = f"SIGNALS_PREFIX={path} has it serve that path, once it is passed on as it is" if path else None
        yield Finding("ticket-path", "fault", text, _EFFECT, hub)


def _led_to(seen: Seen, url: object) -> str | None:
    """Return where a ticket's URL leads to, without the ticket; None if it is no URL."""
    if not isinstance(url, str) or not url:
        return None
    try:
        return urlsplit(urljoin(f"{seen.target.url}/tickets", url))._replace(query="", fragment="").geturl()
    except ValueError:
        return None

"""Which proxy it is, as far as answers tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.client.answers import shown

if TYPE_CHECKING:
    from sse_signals.doctor.seen import Seen

PROXIES: Final = {
    "nginx": "nginx",
    "caddy": "Caddy",
    "haproxy": "HAProxy",
    "traefik": "Traefik",
    "ingress": "ingress-nginx",
}
"""What they are called, for programs and for people."""

_SIGNS: Final = {"nginx": "nginx", "openresty": "nginx", "caddy": "caddy", "haproxy": "haproxy", "traefik": "traefik"}
_HUB: Final = "sse-signals"


def named(seen: Seen) -> str | None:
    """Return what names itself between here and the hub; None if nothing does."""
    head = seen.entrance.head
    if head is None:
        return None
    server = head.get("server")
    return shown(", ".join(text for text in (server if server != _HUB else "", head.get("via")) if text)) or None


def told(seen: Seen) -> tuple[str, ...]:
    """Return the proxies that remedies are told for: the one that names itself, otherwise all."""
    text = (named(seen) or "").lower()
    found = tuple(dict.fromkeys(proxy for sign, proxy in _SIGNS.items() if sign in text))
    return found or tuple(PROXIES)

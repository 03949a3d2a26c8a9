"""Where a redirect leads to, and whether a question may be asked there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from sse_signals.doctor.target import Target

if TYPE_CHECKING:
    from urllib.parse import SplitResult

STREAM: Final = "/stream"


def led_on(target: Target, location: str, *, token: bool) -> Target | None:
    """Return the hub that a redirect of its stream leads to; None where nothing is asked.

    Nothing is asked on another host, nor without TLS where there was some. A token is for one server: it goes along to
    the same port, or from the usual port to that of TLS, and otherwise nothing is asked at all.

    Args:
        target: What was asked.
        location: What the answer's ``Location`` says.
        token: Whether a token is shown.
    """
    try:
        to = urlsplit(urljoin(f"{target.url}{STREAM}", location))
        further = Target.of(_without_stream(to))
    except (ValueError, KeyError):  # no URL, or no scheme of HTTP
        return None
    same = further.host == target.host and further.scheme in {"https", target.scheme}
    if not same or not to.path.rstrip("/").endswith(STREAM):
        return None
    return further if not token or _one_server(target, further) else None


def _one_server(target: Target, further: Target) -> bool:
    places = (target.scheme, target.port), (further.scheme, further.port)
    return places[0] == places[1] or places == (("http", 80), ("https", 443))


def _without_stream(to: SplitResult) -> str:
    return to._replace(path=to.path.rstrip("/").removesuffix(STREAM)).geturl()

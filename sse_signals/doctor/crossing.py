"""What pages are answered: the hub's own, foreign ones, and one that shall be allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.doctor.facts import Crossing
from sse_signals.doctor.target import FOREIGN

if TYPE_CHECKING:
    from sse_signals.doctor.asking import Asker
    from sse_signals.doctor.target import Requests, Target


async def crossing(asker: Asker, requests: Requests, target: Target, origin: str | None) -> Crossing:
    """Ask as pages do.

    Args:
        asker: Asks.
        requests: The requests.
        target: Where the hub is.
        origin: The page that shall be allowed; None to ask for none.
    """
    own = await asker.try_to(requests.poll(origin=target.origin))
    foreign = await asker.try_to(requests.poll(origin=FOREIGN))
    if origin is None:
        return Crossing(own, foreign)
    return Crossing(
        own=own,
        foreign=foreign,
        stream=await asker.try_to(requests.poll(origin=origin)),
        error=await asker.try_to(requests.nothing(origin)),
        preflights=(
            ("stream", await asker.try_to(requests.preflight("stream", "GET", origin))),
            ("publish", await asker.try_to(requests.preflight("publish", "POST", origin))),
        ),
    )

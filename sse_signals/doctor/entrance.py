"""The first question: whether there is a hub at all, and what stands in front of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from sse_signals.doctor.asking import Asker
from sse_signals.doctor.facts import OPEN, Answer
from sse_signals.doctor.line import Line, NoConnection
from sse_signals.doctor.seen import Seen
from sse_signals.doctor.target import Requests, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.doctor.examination import Wishes
_PREFIX: Final = "/signals"
_STREAM: Final = "/stream"


@dataclass(frozen=True, slots=True)
class Entrance:
    """What was found at the door.

    Attributes:
        seen: What has been seen.
        verify: Whether certificates are checked from here on.
        inside: Whether there is a hub that gives streams.
    """

    seen: Seen
    verify: bool
    inside: bool


async def enter(wishes: Wishes, clock: Callable[[], float]) -> Entrance:
    """Knock.

    Raises:
        NoConnection: Nobody is there.
    """
    target, verify = wishes.target, wishes.verify
    seen = Seen(target, given=wishes.token is not None, origin=wishes.origin)
    try:
        answer, protocol = await _knock(wishes, target, clock, verify=verify)
    except NoConnection as error:
        if not error.certificate:
            raise
        seen, verify = replace(seen, certificate=str(error)), False
        if wishes.token is not None:  # it is for the hub alone, and nobody knows who this is
            return Entrance(seen, verify, inside=False)
        answer, protocol = await _knock(wishes, target, clock, verify=verify)
    seen = replace(seen, entrance=answer, protocol=protocol)
    further = _further(target, answer)
    if further is not None:
        again, protocol = await _try(wishes, further, clock, verify=verify)
        if is_hub(again) and 300 <= answer.status < 400:
            seen = replace(seen, target=further, redirected=further.url, entrance=again, protocol=protocol)
        elif is_hub(again):
            seen = replace(seen, prefixed=further.url)
    return Entrance(seen, verify, inside=is_hub(seen.entrance))


def is_hub(answer: Answer) -> bool:
    """Say whether it is a stream of a hub."""
    return answer.status == 200 and any(arrival.event == OPEN for arrival in answer.arrivals)


def _further(target: Target, answer: Answer) -> Target | None:
    """Return where else to knock: where a redirect leads to on the same host, or below the usual prefix."""
    if answer.head is not None and 300 <= answer.status < 400:
        return _redirected(target, answer.head.get("location"))
    if answer.status == 404 and not target.path.endswith(_PREFIX):
        return replace(target, path=target.path + _PREFIX)
    return None


def _redirected(target: Target, location: str) -> Target | None:
    try:
        to = urlsplit(urljoin(f"{target.url}{_STREAM}", location))
        further = Target.of(to._replace(path=to.path.rstrip("/").removesuffix(_STREAM)).geturl())
    except (ValueError, KeyError):  # no URL, or no scheme of HTTP
        return None
    same = further.host == target.host and further.scheme in {"https", target.scheme}
    return further if same and to.path.rstrip("/").endswith(_STREAM) else None


async def _try(wishes: Wishes, target: Target, clock: Callable[[], float], *, verify: bool) -> tuple[Answer, str]:
    try:
        return await _knock(wishes, target, clock, verify=verify)
    except NoConnection as error:
        return Answer(failed=f"the server {error}"), "?"


async def _knock(wishes: Wishes, target: Target, clock: Callable[[], float], *, verify: bool) -> tuple[Answer, str]:
    authorization = () if wishes.token is None else (("Authorization", f"Bearer {wishes.token}"),)
    requests = Requests(target.path, wishes.topic, authorization)
    line = Line(target, verify=verify)
    try:
        answer = await Asker(line, clock, wishes.patience).ask(requests.poll())
    finally:
        await line.close()
    return answer, line.protocol or "?"

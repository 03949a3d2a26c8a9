"""The first question: whether there is a hub at all, and what stands in front of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sse_signals.doctor.asking import Asker
from sse_signals.doctor.facts import OPEN, Answer
from sse_signals.doctor.line import Line, NoConnection
from sse_signals.doctor.redirects import led_on
from sse_signals.doctor.seen import Seen
from sse_signals.doctor.target import Requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.doctor.examination import Wishes
    from sse_signals.doctor.target import Target
_PREFIX: Final = "/signals"


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


@dataclass(frozen=True, slots=True)
class _Met:
    """Who opened: an answer, what was spoken, and what is wrong with the certificate."""

    answer: Answer
    protocol: str
    certificate: str | None = None


async def enter(wishes: Wishes, clock: Callable[[], float]) -> Entrance:
    """Knock.

    Raises:
        NoConnection: Nobody is there.
    """
    target = wishes.target
    met = await _meet(wishes, target, clock)
    seen = Seen(target, given=wishes.token is not None, origin=wishes.origin, asked=f"{wishes.topic}/quiet")
    if met.answer.elsewhere:  # one hub of several may be dead
        seen, met = replace(seen, before=met.answer), await _meet(wishes, target, clock)
    seen = _met(seen, met)
    further = _further(wishes, met.answer)
    if further is not None:
        again = await _try(wishes, further, clock)
        if is_hub(again.answer) and met.answer.status == 404:
            seen = replace(seen, prefixed=further.url)
        elif is_hub(again.answer) or again.certificate is not None:
            seen = replace(_met(seen, again), target=further, redirected=further.url)
    verify = wishes.verify and seen.certificate is None
    return Entrance(seen, verify, inside=is_hub(seen.entrance) and not seen.query_lost)


def _met(seen: Seen, met: _Met) -> Seen:
    certificate = met.certificate or seen.certificate
    return replace(seen, entrance=met.answer, protocol=met.protocol, certificate=certificate)


def is_hub(answer: Answer) -> bool:
    """Say whether it is a stream of a hub."""
    return answer.status == 200 and any(arrival.event == OPEN for arrival in answer.arrivals)


def _further(wishes: Wishes, answer: Answer) -> Target | None:
    """Return where else to knock: where a redirect leads to on the same host, or below the usual prefix."""
    target = wishes.target
    if answer.head is not None and 300 <= answer.status < 400:
        return led_on(target, answer.head.get("location"), token=wishes.token is not None)
    if answer.status == 404 and not target.path.endswith(_PREFIX):
        return replace(target, path=target.path + _PREFIX)
    return None


async def _try(wishes: Wishes, target: Target, clock: Callable[[], float]) -> _Met:
    try:
        return await _meet(wishes, target, clock)
    except NoConnection as error:
        return _Met(Answer(failed=f"the server {error}"), "?")


async def _meet(wishes: Wishes, target: Target, clock: Callable[[], float]) -> _Met:
    """Knock, if need be where the certificate is not valid."""
    try:
        return _Met(*await _knock(wishes, target, clock, verify=wishes.verify))
    except NoConnection as error:
        if not error.certificate:
            raise
        if wishes.token is not None:  # it is for the hub alone, and nobody knows who this is
            return _Met(Answer(), "?", str(error))
        return _Met(*await _knock(wishes, target, clock, verify=False), str(error))


async def _knock(wishes: Wishes, target: Target, clock: Callable[[], float], *, verify: bool) -> tuple[Answer, str]:
    authorization = () if wishes.token is None else (("Authorization", f"Bearer {wishes.token}"),)
    requests = Requests(target.path, wishes.topic, authorization)
    line = Line(target, verify=verify)
    try:
        answer = await Asker(line, clock, wishes.patience).ask(requests.poll())
    finally:
        await line.close()
    return answer, line.protocol or "?"

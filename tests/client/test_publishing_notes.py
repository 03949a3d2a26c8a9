"""What becomes of a publish when something else goes wrong: the error tells that it may have been taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from multidict import CIMultiDict

from sse_signals.client.answers import Answer
from sse_signals.client.publishing import Failed, publishing
from sse_signals.client.requests import HubUrl
from sse_signals.client.tokens import GetToken
from sse_signals.errors import BrokerUnavailable, NotAuthenticated, SignalsError
from sse_signals.model import Signal
from tests.client.test_publishing import LOST, World, says

if TYPE_CHECKING:
    from collections.abc import Sequence


def publishes_while_token_fails(error: Exception, outcomes: Sequence[Answer | Failed]) -> None:
    """Publish, with a function that raises when it is asked for a second token."""
    world = World(outcomes)
    steps = publishing(
        HubUrl.parse("http://hub"), [Signal(b"1", "a")], "key", timeout=30.0, clock=lambda: 0.0, fraction=lambda: 0.0
    )
    step = next(steps)
    while not (isinstance(step, GetToken) and step.fresh):
        step = steps.send(world._do(step))
    steps.throw(error)


REFUSED = says(NotAuthenticated("expired", "It expired.", hint="Get another."))


@pytest.mark.parametrize("taken", [False, True])
def test_a_token_that_cannot_be_had_does_not_hide_what_was_taken(*, taken: bool) -> None:
    """An error that is not about it has a note; the one that can say it says it."""
    outcomes: list[Answer | Failed] = [LOST, REFUSED] if taken else [REFUSED]
    with pytest.raises(LookupError) as other:
        publishes_while_token_fails(LookupError("no secret store"), outcomes)
    assert ("may be in the log" in "".join(getattr(other.value, "__notes__", []))) is taken
    with pytest.raises(BrokerUnavailable) as caught:
        publishes_while_token_fails(BrokerUnavailable("token() has not answered"), outcomes)
    assert caught.value.outcome_unknown is taken


def test_a_try_that_is_the_last_is_not_followed_by_another() -> None:
    """When the client was closed, for example."""
    world = World([Failed("the client was closed", sent=False, final=True)])
    with pytest.raises(BrokerUnavailable, match="the client was closed"):
        world.publish()
    assert (len(world.sent), world.pauses) == (1, [])


def test_a_success_that_cannot_be_read_may_be_one() -> None:
    """Something between has changed the answer: the hub may have taken the signal, and the error says so."""
    for answer, noted in ((Answer(202, CIMultiDict(), b"?"), True), (Answer(404, CIMultiDict(), b"?"), False)):
        with pytest.raises(SignalsError) as caught:
            World([answer]).publish()
        assert ("may be in the log" in "".join(getattr(caught.value, "__notes__", []))) is noted

"""Ownership that changes while streams are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from sse_signals.errors import IssuerUnavailable, NotAuthenticated
from sse_signals.grants import Grants
from sse_signals.topics import Filters
from tests.fakes import NOON
from tests.life.cluster import ANN, HOUR, ann, cluster, taken

if TYPE_CHECKING:
    from sse_signals.identity import Identity

GROUP = frozenset({"group:default/g"})
REFUSED = NotAuthenticated("unknown-subject", "Nobody.", hint="None.")


async def test_15_what_is_gained_and_lost_holds_for_open_streams() -> None:
    """15: a look at what somebody owns today changes what the open stream gets from then on, in both directions."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream, other = here.open(ann()), here.open(ann(subject="user:default/bob", owns=GROUP))
        await nodes.publish("a", GROUP)
        here.owners.owned[ANN] = GROUP
        await here.security.refresh()
        gained = await nodes.publish("a", GROUP)
        here.owners.owned[ANN] = frozenset()
        await here.security.refresh()
        await nodes.publish("a", GROUP)
        assert taken(stream) == [gained]
        assert len(taken(other)) == 3


async def test_a_look_that_changes_nothing_is_not_told() -> None:
    """Identities stay the very same, and nothing is logged."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        identity = ann()
        stream = here.open(identity)
        with capture_logs() as logs:
            await here.security.refresh()
        assert stream.identity is identity
        assert logs == []


@pytest.mark.parametrize(
    ("failing", "ended", "told"),
    [
        (REFUSED, "revoked", "identity withdrawn"),
        (IssuerUnavailable("no answer"), None, "ownership is unknown"),
        (ZeroDivisionError(), None, "ownership cannot be looked up"),
    ],
)
async def test_13_who_is_no_longer_vouched_for_is_sent_away(failing: Exception, ended: str | None, told: str) -> None:
    """13: a stream ends when its issuer withdraws who it is, but not because the issuer is out of reach."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        streams = [here.open(ann()), here.open(ann(subject="user:default/bob"))]
        here.owners.failing = failing
        with capture_logs() as logs:
            await here.security.refresh()
        assert [stream.ended for stream in streams] == [ended] * 2
        assert [entry["event"] for entry in logs] == [told] * 2


@pytest.mark.parametrize("failing", [None, REFUSED])
async def test_what_was_renewed_meanwhile_is_not_touched(failing: Exception | None) -> None:
    """An answer about an identity that was replaced while it was on its way says nothing about the new one."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann())
        fresh = ann(token_id="t2", expires_ms=NOON + 2 * HOUR)
        here.owners.owned[ANN] = GROUP
        here.owners.failing = failing
        here.owners.asked = lambda: here.lives.change(stream, fresh)
        await here.security.refresh()
        assert (stream.identity, stream.ended) == (fresh, None)


async def test_a_stream_that_ends_meanwhile_is_left_alone() -> None:
    """It is not changed any more."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann())
        here.owners.owned[ANN] = GROUP
        here.owners.asked = lambda: here.lives.end(stream, "expired")
        await here.security.refresh()
        assert (stream.identity, stream.ended) == (ann(), "expired")


async def test_15_who_may_no_longer_read_anything_asked_for_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """15: a stream that gets none of what it asks for would only look as if it worked."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann(), "a")

        async def less(identity: Identity) -> Identity:
            return ann(subject=identity.subject, grants=Grants(subscribe=Filters.parse(["b"])))

        monkeypatch.setattr(here.access, "refreshed", less)
        await here.security.refresh()
        assert stream.ended == "not-granted"


async def test_13_nobody_becomes_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """13: an issuer that says that a subject is another one withdraws the identity."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann())

        async def another(_: Identity) -> Identity:
            return ann(subject="user:default/bob")

        monkeypatch.setattr(here.access, "refreshed", another)
        await here.security.refresh()
        assert stream.ended == "revoked"

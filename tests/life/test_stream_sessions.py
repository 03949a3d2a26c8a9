"""The sessions that tickets become: when they end, and what prolongs them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sse_signals.errors import NotGranted
from sse_signals.life.revocations import Revocation, Revocations
from sse_signals.life.tickets import Tickets, session_of
from tests.life.ticketed import ANN, HOUR_MS, NOON, ORDERS, SECRET, Cluster, Wall, cause_of, two_nodes  # noqa: F401 - a fixture


async def test_sessions_end_with_their_identity(cluster: Cluster) -> None:
    """A session lasts exactly as long as what proved its identity, and a fraction of a second is not lost."""
    text, cookie = await cluster.opened(replace(ANN, expires_ms=NOON + 60_500))
    cluster.wall.advance(60.499)
    admission = await cluster.one.come_back(text, cookie, ORDERS)
    assert admission.lasts == 1
    cluster.wall.advance(0.001)
    assert await cause_of(cluster.one.come_back(text, cookie, ORDERS)) == "expired"


async def test_sessions_without_an_end_last_a_day(cluster: Cluster) -> None:
    """A session of an identity that never expires lasts 24 hours."""
    text, cookie = await cluster.opened(replace(ANN, expires_ms=None))
    cluster.wall.advance(24 * 3600 - 1)
    await cluster.one.come_back(text, cookie, ORDERS)
    cluster.wall.advance(1)
    assert await cause_of(cluster.one.come_back(text, cookie, ORDERS)) == "expired"


async def test_13_a_cookie_is_refused_at_its_own_exp(cluster: Cluster) -> None:
    """13: A cookie is over at its own time, even if its session was prolonged with another."""
    text, cookie = await cluster.opened()
    fresh = replace(ANN, expires_ms=NOON + 2 * HOUR_MS)
    prolonged = await cluster.one.prolong(session_of(text), fresh)
    cluster.wall.advance(3600)
    assert await cause_of(cluster.two.come_back(text, cookie, ORDERS)) == "expired"
    assert (await cluster.two.come_back(text, prolonged.cookie, ORDERS)).identity == fresh


async def test_13_a_session_that_was_cut_short_is_over(cluster: Cluster) -> None:
    """13: A renewal with a token that ends sooner ends the session sooner, whatever cookies were given."""
    text, cookie = await cluster.opened()
    soon = await cluster.one.prolong(session_of(text), replace(ANN, expires_ms=NOON + 60_000))
    cluster.wall.advance(60)
    for each in (cookie, soon.cookie):
        assert await cause_of(cluster.one.come_back(text, each, ORDERS)) == "expired"


async def test_13_a_session_by_a_slow_state_is_over_all_the_same(cluster: Cluster) -> None:
    """13: A node goes by its own clock where the shared state still holds what is over."""
    text, cookie = await cluster.opened()
    ahead = Wall()
    ahead.advance(3600)
    late = Tickets(cluster.state, secret=SECRET, clock=ahead)
    assert await cause_of(late.come_back(text, cookie, ORDERS)) == "expired"
    assert await cause_of(late.prolong(session_of(text), replace(ANN, expires_ms=NOON + 2 * HOUR_MS))) == "expired"


async def test_13_revoked_subjects_and_tokens_do_not_come_back(cluster: Cluster) -> None:
    """13: What tickets and cookies return is refused when its subject or its token is revoked, until it is renewed."""
    text, cookie = await cluster.opened()
    ticket = await cluster.one.issue(ANN, None)
    revocations = [Revocations(cluster.state, lifetime=86_400.0, clock=cluster.wall) for _ in range(2)]
    by_subject, by_token = revocations
    by_subject.note(Revocation("subject", ANN.subject or "", NOON))
    by_token.note(Revocation("token", "token-1", NOON))
    admissions = [await cluster.one.come_back(text, cookie, ORDERS), await cluster.two.redeem(ticket.text, ORDERS)]
    for admission in admissions:
        assert by_subject.refuses(admission.identity)
        assert by_token.refuses(admission.identity)
    fresh = replace(ANN, issued_ms=NOON + 1, token_id="token-2")
    prolonged = await cluster.one.prolong(session_of(text), fresh)
    again = await cluster.two.come_back(text, prolonged.cookie, ORDERS)
    assert not any(each.refuses(again.identity) for each in revocations)


async def test_prolonging_brings_the_new_identity(cluster: Cluster) -> None:
    """After a renewal whoever comes back owns what the fresh token says, for as long as it says, on every node."""
    text, _ = await cluster.opened()
    cluster.wall.advance(1800)
    fresh = replace(ANN, owns=frozenset({"group:default/b"}), expires_ms=NOON + 2 * HOUR_MS, token_id="token-2")
    admission = await cluster.one.prolong(session_of(text), fresh)
    assert (admission.identity, admission.session, admission.lasts) == (fresh, session_of(text), 5400)
    assert (await cluster.two.come_back(text, admission.cookie, ORDERS)).identity == fresh


async def test_only_the_same_subject_prolongs(cluster: Cluster) -> None:
    """Somebody else's token prolongs nothing, and changes nothing."""
    text, cookie = await cluster.opened()
    for subject in ("user:default/bob", "user:other/ann", None):
        with pytest.raises(NotGranted, match="not of this subject"):
            await cluster.one.prolong(session_of(text), replace(ANN, subject=subject))
    assert (await cluster.one.come_back(text, cookie, ORDERS)).identity == ANN


async def test_what_is_over_is_not_prolonged(cluster: Cluster) -> None:
    """A session that is over, or never was, or a ticket that nobody used, does not begin by being prolonged."""
    text, _ = await cluster.opened()
    unused = [await cluster.one.issue(ANN, filters) for filters in (None, ORDERS)]
    for ticket in unused:
        assert await cause_of(cluster.one.prolong(session_of(ticket.text), ANN)) == "expired"
    assert await cause_of(cluster.one.prolong("nothing", ANN)) == "expired"
    assert await cause_of(cluster.one.prolong(session_of(text), replace(ANN, expires_ms=NOON))) == "expired"
    cluster.wall.advance(3600)
    fresh = replace(ANN, expires_ms=NOON + 2 * HOUR_MS)
    assert await cause_of(cluster.one.prolong(session_of(text), fresh)) == "expired"

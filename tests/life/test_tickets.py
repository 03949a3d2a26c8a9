"""One-time tickets: whom they let in, how often, for how long and for which topics."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256

import pytest

from sse_signals.brokers.memory_state import MemoryState
from sse_signals.errors import ConfigurationError, NotAuthenticated, TooMany
from sse_signals.identity import ANONYMOUS
from sse_signals.life.tickets import Tickets, session_of
from sse_signals.topics import EVERYTHING, Filters
from tests.life.ticketed import ANN, NOON, ORDERS, SECRET, Cluster, Wall, cause_of, two_nodes  # noqa: F401 - a fixture


async def test_a_ticket_lets_in_whom_it_was_issued_to(cluster: Cluster) -> None:
    """Redeeming on another node gives the very identity, with all that checking it again needs, and a session."""
    ticket = await cluster.one.issue(ANN, ORDERS)
    assert (len(ticket.text), ticket.expires_in) == (43, 30.0)
    admission = await cluster.two.redeem(ticket.text, ORDERS)
    assert admission.identity == ANN
    assert admission.session == sha256(ticket.text.encode()).hexdigest()
    assert admission.lasts == 3600
    back = await cluster.one.come_back(ticket.text, admission.cookie, ORDERS)
    assert back == replace(admission, cookie=None), "the cookie is not rotated"


async def test_tickets_differ(cluster: Cluster) -> None:
    """No two tickets are the same."""
    assert len({(await cluster.one.issue(ANN, None)).text for _ in range(50)}) == 50


async def test_nobody_anonymous_gets_a_ticket(cluster: Cluster) -> None:
    """Without a subject there is nobody a ticket could be bound to."""
    assert await cause_of(cluster.one.issue(ANONYMOUS, None)) == "no-credentials"
    assert await cause_of(cluster.one.issue(replace(ANN, subject=None), ORDERS)) == "no-credentials"
    assert not cluster.state.told


async def test_a_ticket_never_outlives_its_identity(cluster: Cluster) -> None:
    """A ticket of a token that is about to expire is as short-lived; of one that has expired there is none."""
    brief = replace(ANN, expires_ms=NOON + 12_500)
    ticket = await cluster.one.issue(brief, None)
    assert ticket.expires_in == 12.5
    cluster.wall.advance(12.5)
    assert await cause_of(cluster.one.redeem(ticket.text, ORDERS)) == "unknown-ticket"
    assert await cause_of(cluster.one.issue(brief, None)) == "expired"


async def test_11_a_ticket_lives_thirty_seconds(cluster: Cluster) -> None:
    """11: A ticket can be redeemed just before 30 seconds are over, and not then."""
    in_time, late = [await cluster.one.issue(ANN, None) for _ in range(2)]
    cluster.wall.advance(29.999)
    await cluster.one.redeem(in_time.text, ORDERS)
    cluster.wall.advance(0.001)
    assert await cause_of(cluster.one.redeem(late.text, ORDERS)) == "unknown-ticket"


async def test_11_a_node_whose_clock_is_ahead_refuses_by_its_own(cluster: Cluster) -> None:
    """11: A ticket that the shared state still holds is refused by a node for whose clock it is over."""
    ticket = await cluster.one.issue(ANN, None)
    ahead = Wall()
    ahead.advance(30)
    late = Tickets(cluster.state, secret=SECRET, clock=ahead)
    assert await cause_of(late.redeem(ticket.text, ORDERS)) == "unknown-ticket"


async def test_11_a_ticket_works_once_however_many_try(cluster: Cluster) -> None:
    """11: Of many requests with one ticket at the same time, on two nodes, exactly one is let in."""
    ticket = await cluster.one.issue(ANN, ORDERS)
    tries = [cluster.nodes[number % 2].redeem(ticket.text, ORDERS) for number in range(20)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    refused = [answer.cause for answer in answers if isinstance(answer, NotAuthenticated)]
    assert refused == ["used-ticket"] * 19


async def test_11_two_nodes_that_saw_a_ticket_unused_let_one_in(cluster: Cluster) -> None:
    """11: What decides is the claim: nodes that both read the ticket before either of them took it cannot both win."""
    ticket = await cluster.one.issue(ANN, ORDERS)
    seen = await cluster.state.items("ticket/" + session_of(ticket.text))
    await cluster.one.redeem(ticket.text, ORDERS)
    await cluster.state.put(*seen[0], 30)  # as the other node has read it
    assert await cause_of(cluster.two.redeem(ticket.text, ORDERS)) == "used-ticket"
    cluster.wall.advance(29)
    assert await cause_of(cluster.two.redeem(ticket.text, ORDERS)) == "used-ticket"


async def test_11_the_url_alone_is_worthless_after_its_first_use(cluster: Cluster) -> None:
    """11: Without the cookie a used ticket opens nothing, as long as its session lives and ever after."""
    text, _ = await cluster.opened()
    for seconds in (0, 29, 31, 3000, 3600):
        cluster.wall.advance(seconds)
        assert await cause_of(cluster.one.come_back(text, None, ORDERS)) == "used-ticket"
        assert await cause_of(cluster.two.redeem(text, ORDERS)) in {"used-ticket", "unknown-ticket"}


async def test_11_a_ticket_is_bound_to_its_topics(cluster: Cluster) -> None:
    """11: A ticket for some topics opens no stream for others, be it more, fewer or everything."""
    ticket = await cluster.one.issue(ANN, ORDERS)
    for texts in ([], ["orders/*"], ["a"], ["orders/*", "a", "b"], ["orders/*", "A"]):
        assert await cause_of(cluster.one.redeem(ticket.text, Filters.parse(texts))) == "ticket-for-other-topics"
    assert not any(key.startswith("ticket-used/") for key in cluster.state.told), "refused before any effect"
    admission = await cluster.one.redeem(ticket.text, Filters.parse(["a", "orders/*", "orders/1"]))
    assert admission.identity == ANN, "a mistake does not take the ticket from its owner, and equal topics are equal"


async def test_11_a_ticket_for_everything_is_for_everything(cluster: Cluster) -> None:
    """11: A ticket bound to everything is bound too."""
    ticket = await cluster.one.issue(ANN, EVERYTHING)
    assert await cause_of(cluster.one.redeem(ticket.text, ORDERS)) == "ticket-for-other-topics"
    await cluster.one.redeem(ticket.text, EVERYTHING)


async def test_11_a_session_is_bound_to_the_topics_it_began_with(cluster: Cluster) -> None:
    """11: A ticket without topics takes those of its first stream, and its session opens no other."""
    text, cookie = await cluster.opened()
    for texts in ([], ["a"], ["*"], ["orders/*"]):
        refused = cluster.one.come_back(text, cookie, Filters.parse(texts))
        assert await cause_of(refused) == "ticket-for-other-topics"
    await cluster.one.come_back(text, cookie, ORDERS)


@pytest.mark.parametrize(
    "text", ["", "x", "a" * 42, "a" * 44, "a" * 43, "a" * 42 + "=", "\0" * 43, "a" * 42 + "é", "\ud800" * 43, "*" * 43]
)
async def test_11_what_was_never_issued_has_one_answer(cluster: Cluster, text: str) -> None:
    """11: Broken, invented and outdated tickets get one and the same answer, and what is none is not looked up."""
    old = await cluster.one.issue(ANN, None)
    cluster.wall.advance(30)
    cluster.state.told.clear()
    answers = []
    for shown in (text, old.text):
        with pytest.raises(NotAuthenticated) as raised:
            await cluster.one.redeem(shown, ORDERS)
        answers.append((raised.value.cause, str(raised.value)))
    assert answers[0] == answers[1]
    assert answers[0][0] == "unknown-ticket"
    assert len(cluster.state.told) == (2 if text == "a" * 43 else 1)


async def test_tickets_of_one_subject_are_counted() -> None:
    """A subject that has had all its tickets has to wait for the next, others do not, and it is told how long."""
    cluster = Cluster(per_subject=3)
    for _ in range(3):
        await cluster.one.issue(ANN, None)
    with pytest.raises(TooMany) as raised:
        await cluster.one.issue(ANN, None)
    assert raised.value.reason == "ticket-rate"
    assert 99 < raised.value.retry_after < 101
    await cluster.one.issue(replace(ANN, subject="user:default/bob"), None)
    cluster.steady.now += 101
    await cluster.one.issue(ANN, None)


@pytest.mark.parametrize("length", [0, 31])
def test_a_short_secret_is_refused(length: int) -> None:
    """A secret that could be guessed stops the start, and is not repeated."""
    with pytest.raises(ConfigurationError, match="32 or more") as raised:
        Tickets(MemoryState(), secret=b"x" * length, clock=Wall())
    assert "xx" not in str(raised.value)


async def test_12_tickets_are_found_by_their_hash(cluster: Cluster) -> None:
    """12: The text of a ticket is compared with nothing: the state is asked for its SHA-256, and knows no more."""
    text, _ = await cluster.opened()
    digest = sha256(text.encode()).hexdigest()
    keys = [each for each in cluster.state.told if each.startswith("ticket")]
    assert keys
    assert all(key.endswith("/" + digest) for key in keys)

"""One-time tickets and the sessions they become."""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.brokers.memory_state import MemoryState
from sse_signals.errors import ConfigurationError, NotAuthenticated, NotGranted, SignalsError, TooMany
from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.life import session_cookies
from sse_signals.life.revocations import Revocation, Revocations
from sse_signals.life.session_cookies import SessionCookies
from sse_signals.life.ticket_causes import HINTS
from sse_signals.life.tickets import Tickets, session_of
from sse_signals.topics import EVERYTHING, Filters
from tests.life.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z in milliseconds
SECRET = b"canary-secret-of-thirty-two-bytes"
ORDERS = Filters.parse(["orders/*", "a"])
HOUR_MS = 3_600_000
ANN = Identity(
    "user:default/ann",
    frozenset({"user:default/ann", "group:default/a"}),
    expires_ms=NOON + HOUR_MS,
    issued_ms=NOON - 1000,
    token_id="token-1",
    issuer="test",
)


class Wall:
    """A wall clock that a test moves."""

    now_ms = NOON

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


class Recorder(MemoryState):
    """A shared state that remembers every key and value it was given."""

    def __init__(self, clock: Wall) -> None:
        super().__init__(clock=clock)
        self.told: list[str] = []

    async def claim(self, key: str, ttl: float) -> bool:
        self.told.append(key)
        return await super().claim(key, ttl)

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        self.told += [key, value.decode()]
        await super().put(key, value, ttl)

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        self.told.append(prefix)
        return await super().items(prefix)


class Cluster:
    """Nodes that share a state."""

    def __init__(self, *, ttl: float = 30.0, per_subject: int = 100) -> None:
        self.wall, self.steady = Wall(), Clock()
        self.state = Recorder(self.wall)
        self.nodes = [
            Tickets(self.state, secret=SECRET, clock=self.wall, ttl=ttl, per_subject=per_subject, clock_s=self.steady)
            for _ in range(2)
        ]
        self.one, self.two = self.nodes

    async def opened(self, identity: Identity = ANN, filters: Filters = ORDERS) -> tuple[str, str]:
        """Issue a ticket and redeem it; return its text and its cookie."""
        ticket = await self.one.issue(identity, None)
        return ticket.text, given_cookie((await self.two.redeem(ticket.text, filters)).cookie)


@pytest.fixture
def cluster() -> Cluster:
    """Two nodes."""
    return Cluster()


def given_cookie(cookie: str | None) -> str:
    """Return a cookie that has to be there."""
    assert cookie is not None
    return cookie


async def cause_of(refused: Awaitable[object]) -> str:
    """Return the cause of a refusal, after checking that it is whole and on the list."""
    with pytest.raises(NotAuthenticated) as raised:
        await refused
    assert raised.value.hint == HINTS[raised.value.cause]
    assert raised.value.detail
    return raised.value.cause


def signed(key: bytes, **changes: Any) -> str:
    """Return a cookie as it could be for the session of a ticket "x", with changes."""
    claims = {"jti": session_of("x"), "sub": "s", "exp": NOON // 1000 + 60, "flt": "f", **changes}
    headers = {"typ": claims.pop("typ", "signals-session+jwt")}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=claims.pop("alg", "HS256"), headers=headers)


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


async def test_11_a_cookie_belongs_to_its_ticket(cluster: Cluster) -> None:
    """11: A cookie of the same subject and topics, given to another ticket, is refused."""
    first, cookie = await cluster.opened()
    second, _ = await cluster.opened()
    assert await cause_of(cluster.one.come_back(second, cookie, ORDERS)) == "bad-session"
    await cluster.one.come_back(first, cookie, ORDERS)


async def test_11_a_cookie_belongs_to_its_subject(cluster: Cluster) -> None:
    """11: A cookie does not open a session that has become another subject's."""
    text, cookie = await cluster.opened()
    key = "ticket/" + session_of(text)
    kept = json.loads((await cluster.state.items(key))[0][1])
    kept["identity"]["subject"] = "user:default/bob"
    await cluster.state.put(key, json.dumps(kept).encode(), 30)
    assert await cause_of(cluster.one.come_back(text, cookie, ORDERS)) == "bad-session"


async def test_11_a_cookie_alone_opens_nothing(cluster: Cluster) -> None:
    """11: A good cookie of a session that was never opened, or whose ticket is still unused, is refused as over."""
    ticket = await cluster.one.issue(ANN, ORDERS)
    cookies = SessionCookies(SECRET)
    for text in (ticket.text, "a" * 43):
        forged = cookies.sign(session_of(text), subject=ANN.subject, filters=ORDERS, until_ms=NOON + HOUR_MS)
        assert await cause_of(cluster.one.come_back(text, forged, ORDERS)) == "expired"
    await cluster.one.redeem(ticket.text, ORDERS)


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "none"},
        {"alg": "HS512"},
        {"typ": "JWT"},
        {"typ": None},
        {"jti": None},
        {"sub": None},
        {"exp": None},
        {"flt": None},
        {"jti": 1},
        {"aud": "backstage"},
    ],
)
def test_11_only_cookies_of_our_own_make_are_read(changes: dict[str, Any]) -> None:
    """11: Another algorithm or type, or a claim that is missing, is refused even where the signature is good."""
    cookies = SessionCookies(SECRET)
    key = cookies._key
    cookies.read(signed(key))
    if changes.get("alg") == "none":
        head, claims, _ = signed(key).split(".")
        head = jwt.utils.base64url_encode(b'{"alg":"none","typ":"signals-session+jwt"}').decode()
        forged = f"{head}.{claims}."
    elif "alg" in changes:
        payload = {"jti": session_of("x"), "sub": "s", "exp": NOON // 1000 + 60, "flt": "f"}
        forged = jwt.encode(payload, key * 2, algorithm="HS512", headers={"typ": "signals-session+jwt"})
    else:
        forged = signed(key, **changes)
    with pytest.raises(NotAuthenticated, match="bad-session"):
        cookies.read(forged)


def test_11_the_secret_itself_signs_no_cookie() -> None:
    """11: What somebody else signs with the same secret, such as a token, is no cookie, and a cookie is no token."""
    cookies = SessionCookies(SECRET)
    with pytest.raises(NotAuthenticated, match="bad-session"):
        cookies.read(signed(SECRET))
    cookie = cookies.sign("s", subject="a", filters=ORDERS, until_ms=NOON)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(cookie, SECRET, algorithms=["HS256"], options={"verify_exp": False})


def tickets_of(cluster: Cluster, *secrets: bytes) -> Tickets:
    """Return tickets of one more node, which knows these secrets."""
    secret, *others = secrets
    return Tickets(cluster.state, secret=secret, other_secrets=others, clock=cluster.wall)


async def test_11_cookies_of_another_secret_are_read_where_it_is_known(cluster: Cluster) -> None:
    """11: While the secret is changed, a session goes on where both are known, with cookies signed with the first."""
    new = b"n" * 32
    ticket = await cluster.one.issue(ANN, ORDERS)
    cookie = (await cluster.one.redeem(ticket.text, ORDERS)).cookie
    assert cookie is not None
    both = tickets_of(cluster, new, SECRET)
    again = await both.come_back(ticket.text, cookie, ORDERS)
    assert again.identity.subject == ANN.subject
    renewed = (await both.prolong(again.session, ANN)).cookie
    assert renewed is not None
    only_new = tickets_of(cluster, new)
    await only_new.come_back(ticket.text, renewed, ORDERS)
    assert await cause_of(only_new.come_back(ticket.text, cookie, ORDERS)) == "bad-session"
    with pytest.raises(ConfigurationError, match="has 31 bytes"):
        tickets_of(cluster, new, b"x" * 31)


@given(
    st.one_of(st.text(max_size=50), st.binary(max_size=50).map(lambda data: data.decode("utf-8", "surrogateescape")))
)
def test_11_any_other_text_is_no_cookie(text: str) -> None:
    """11: Whatever is sent as a cookie, the answer is a refusal, and the same one."""
    with pytest.raises(NotAuthenticated, match="bad-session"):
        SessionCookies(SECRET).read(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "[" * 400, "x" * 65_536, jwt.utils.base64url_encode(b"[" * 290).decode() + ".e.e"]
)
def test_11_hostile_texts_are_no_cookies(text: str) -> None:
    """11: Long, deep and empty texts are refused like any other."""
    with pytest.raises(NotAuthenticated, match="bad-session"):
        SessionCookies(SECRET).read(text)


@given(st.data())
def test_11_a_changed_cookie_is_refused(data: st.DataObject) -> None:
    """11: A cookie in which one character differs does not verify, unless that character's bits mean nothing."""
    cookie = SessionCookies(SECRET).sign(session_of("x"), subject="a", filters=ORDERS, until_ms=NOON)
    place = data.draw(st.integers(0, len(cookie) - 2))  # the last character has bits that mean nothing
    other = data.draw(st.sampled_from("ABCDEFabcdef0123_-.").filter(lambda char: char != cookie[place]))
    with pytest.raises(NotAuthenticated, match="bad-session"):
        SessionCookies(SECRET).read(cookie[:place] + other + cookie[place + 1 :])


@pytest.mark.parametrize("subject", ["a", "x" * 255, "注" * 85])
async def test_cookies_are_small(cluster: Cluster, subject: str) -> None:
    """A cookie has one length, whoever it is given to and for how many topics, and its names are no one's to read."""
    many = Filters.parse([f"{number}{'t' * 250}" for number in range(64)])
    _, cookie = await cluster.opened(replace(ANN, subject=subject), many)
    assert len(cookie) < 320
    assert jwt.get_unverified_header(cookie) == {"alg": "HS256", "typ": "signals-session+jwt"}
    claims = jwt.decode(cookie, options={"verify_signature": False})
    assert set(claims) == {"jti", "sub", "exp", "flt"}
    assert claims["exp"] == NOON // 1000 + 3600
    assert subject not in claims.values()


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


async def test_12_digests_are_compared_in_constant_time(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """12: What a cookie says of its ticket, subject and topics is compared by `hmac.compare_digest`."""
    text, cookie = await cluster.opened()
    compared = []

    def spy(one: str, other: str) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(session_cookies, "compare_digest", spy)
    await cluster.one.come_back(text, cookie, ORDERS)
    claims = jwt.decode(cookie, options={"verify_signature": False})
    assert [one for one, _ in compared] == [claims["jti"], claims["flt"], claims["sub"]]
    assert all(one == other for one, other in compared)


async def test_12_tickets_are_found_by_their_hash(cluster: Cluster) -> None:
    """12: The text of a ticket is compared with nothing: the state is asked for its SHA-256, and knows no more."""
    text, _ = await cluster.opened()
    digest = sha256(text.encode()).hexdigest()
    keys = [each for each in cluster.state.told if each.startswith("ticket")]
    assert keys
    assert all(key.endswith("/" + digest) for key in keys)


async def test_11_secrets_stay_secret(cluster: Cluster) -> None:
    """11: The text of a ticket or a cookie is in no error, representation, key or value, nor is the secret."""
    ticket = await cluster.one.issue(ANN, ORDERS)
    said = [repr(ticket), repr(cluster.one), repr(SessionCookies(SECRET))]
    admission = await cluster.one.redeem(ticket.text, ORDERS)
    cookie = given_cookie(admission.cookie)
    said += [repr(admission), str(admission), repr(SessionCookies(SECRET).read(cookie))]
    refusals: list[Awaitable[object]] = [
        cluster.one.redeem(ticket.text, ORDERS),
        cluster.one.redeem(ticket.text + "x", ORDERS),
        cluster.one.come_back(ticket.text, None, ORDERS),
        cluster.one.come_back(ticket.text, cookie, EVERYTHING),
        cluster.one.come_back(ticket.text + "x", cookie, ORDERS),
        cluster.one.come_back(ticket.text, cookie + "x", ORDERS),
        cluster.one.prolong(admission.session, replace(ANN, subject="b")),
    ]
    for refusal in refusals:
        with pytest.raises(SignalsError) as raised:
            await refusal
        said += [str(raised.value), repr(raised.value), repr(raised.value.__cause__)]
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
    told = "\n".join([*said, *cluster.state.told])
    for secret in (ticket.text, cookie, cookie.split(".")[2], SECRET.decode()):
        assert secret not in told

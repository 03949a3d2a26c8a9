"""The cookies of sessions: whose they are, who made them, and what they are not."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.errors import ConfigurationError, NotAuthenticated, SignalsError
from sse_signals.life import session_cookies
from sse_signals.life.session_cookies import SessionCookies
from sse_signals.life.tickets import Tickets, session_of
from sse_signals.topics import EVERYTHING, Filters
from tests.life.ticketed import ANN, HOUR_MS, NOON, ORDERS, SECRET, Cluster, cause_of, given_cookie, two_nodes  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Awaitable


def signed(key: bytes, **changes: Any) -> str:
    """Return a cookie as it could be for the session of a ticket "x", with changes."""
    claims = {"jti": session_of("x"), "sub": "s", "exp": NOON // 1000 + 60, "flt": "f", **changes}
    headers = {"typ": claims.pop("typ", "signals-session+jwt")}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=claims.pop("alg", "HS256"), headers=headers)


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

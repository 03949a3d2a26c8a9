"""Lines 6, 8, 9, 12 and 44 of the security checklist: keys that rotate, floods, and what is remembered."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from structlog.testing import capture_logs

from sse_signals.auth.fetch import Fetch
from sse_signals.auth.jwks import Jwks
from sse_signals.auth.jwt import JwtAuthenticator
from sse_signals.auth.static_keys import StaticKeys, secret_key
from sse_signals.errors import IssuerUnavailable, NotAuthenticated
from sse_signals.interfaces import Credentials
from tests.auth.issuer import SECRET, SUBJECT, Issuer, SigningKey, forge, signing_key
from tests.auth.issuer_server import JWKS_PATH, Answer, Server, serving
from tests.auth.refusals import verifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOGGER = structlog.get_logger("test")
ONE, TWO = signing_key("one"), signing_key("two")


class World:
    """An issuer with its server, and a hub that knows nothing but the URL."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.issuer = Issuer()
        self.fetch = Fetch(LOGGER)
        self.jwks = Jwks(server.at(), fetch=self.fetch, clock=self.issuer.clock, logger=LOGGER)
        self.jwt = JwtAuthenticator(verifier(self.jwks, self.issuer.clock))

    @property
    def requests(self) -> int:
        return self.server.requests[JWKS_PATH]

    def token(self, key: SigningKey = ONE, **claims: Any) -> str:
        return Issuer(self.issuer.clock, key).token(**claims)

    async def cause(self, token: str) -> str | None:
        """Return why a token is refused, or None if it is not."""
        try:
            identity = await self.jwt.authenticate(Credentials(token))
        except NotAuthenticated as error:
            return error.cause
        assert identity.subject == SUBJECT
        return None

    async def settled(self) -> None:
        """Wait until no fetch is under way."""
        while self.jwks._task is not None:
            await asyncio.wait([self.jwks._task])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """One key is published."""
    async with serving() as server:
        server.publish(ONE)
        made = World(server)
        yield made
        await made.jwks.close()
        await made.fetch.close()


@pytest.mark.parametrize(
    "kid", ["k" * 256, "k" * 1_000_000, "one\x00", "", "a\nb", 5, None, ["one"], {"kid": "one"}, True]
)
async def test_6_what_cannot_be_a_name_reaches_no_network(world: World, kid: Any) -> None:
    """6: It is refused before anybody is asked, even when no keys are known yet."""
    token = forge({**world.issuer.header(), "kid": kid}, world.issuer.claims(), ONE.sign)
    assert await world.cause(token) in {"unknown-key", "malformed-token"}
    assert world.requests == 0


@pytest.mark.parametrize("kid", ["../../etc/passwd", "file:///etc/passwd", "https://evil.example/", "' OR 1=1 --"])
async def test_6_a_name_is_no_place(world: World, kid: str) -> None:
    """6: Whatever a name looks like, nothing but the configured URL is ever asked, as for any unknown name."""
    assert await world.cause(world.token()) is None
    world.issuer.clock.advance(60)
    for _ in range(3):
        assert await world.cause(Issuer(world.issuer.clock).token(header={"kid": kid})) == "unknown-key"
    assert dict(world.server.requests) == {JWKS_PATH: 2}


async def test_8_a_new_key_works_within_one_refresh(world: World) -> None:
    """8: The first token that names it makes the set be fetched."""
    assert await world.cause(world.token()) is None
    world.server.publish(ONE, TWO)
    world.issuer.clock.advance(10)
    assert await world.cause(world.token(TWO)) is None
    assert await world.cause(world.token()) is None
    assert world.requests == 2


async def test_8_a_removed_key_is_refused_within_the_cache_time(world: World) -> None:
    """8: Together with every token that was verified with it before."""
    old = world.token()
    assert await world.cause(old) is None
    world.server.publish(TWO)
    world.issuer.clock.advance(300)
    assert await world.cause(world.token(TWO)) is None  # which fetches the set
    assert await world.cause(old) == "unknown-key"
    assert await world.cause(world.token()) == "unknown-key"


async def test_8_a_key_that_is_replaced_under_its_name_is_another_key(world: World) -> None:
    """8: What was verified with the old one is not good any more."""
    old = world.token()
    assert await world.cause(old) is None
    world.server.publish(SigningKey("one", "ES256", TWO.private))
    world.issuer.clock.advance(300)
    assert await world.cause(old) is None  # which lets the set be fetched
    await world.settled()
    assert await world.cause(old) == "bad-signature"


async def test_8_known_keys_go_on_for_a_day_while_the_issuer_is_down(world: World) -> None:
    """8: And no longer: then nobody can tell."""
    assert await world.cause(world.token()) is None
    world.server.answers[JWKS_PATH] = Answer({}, status=500)
    for hours in range(24):
        world.issuer.clock.advance(3599 if hours == 23 else 3600)
        assert await world.cause(world.token()) is None
        await world.settled()
    world.issuer.clock.advance(1)
    with pytest.raises(IssuerUnavailable):
        await world.cause(world.token())


async def test_9_ten_thousand_unknown_names_make_one_fetch(world: World) -> None:
    """9: At most one in each cool-down, however many come at once; and valid tokens do not wait for it."""
    assert await world.cause(world.token()) is None
    world.issuer.clock.advance(10)
    release = world.server.hang()
    names = (Issuer(world.issuer.clock).token(header={"kid": secrets.token_hex(8)}) for _ in range(50))
    waiting = [asyncio.create_task(world.cause(token)) for token in names]
    await world.server.until_asked(2)
    for number in range(20):
        assert await world.cause(world.token(jti=str(number))) is None
    assert not any(task.done() for task in waiting)
    release()
    assert set(await asyncio.gather(*waiting)) == {"unknown-key"}
    for _ in range(10_000):
        with pytest.raises(NotAuthenticated):
            await world.jwks.find(secrets.token_hex(8), "ES256")
    assert world.requests == 2
    world.issuer.clock.advance(10)
    assert await world.cause(Issuer(world.issuer.clock).token(header={"kid": "x"})) == "unknown-key"
    assert world.requests == 3


async def test_9_a_flood_while_the_issuer_is_down_makes_one_fetch(world: World) -> None:
    """9: A failure counts for the cool-down like a success."""
    world.server.answers[JWKS_PATH] = Answer({}, status=500)
    for _ in range(1000):
        with pytest.raises(IssuerUnavailable):
            await world.jwks.find(secrets.token_hex(8), "ES256")
    assert world.requests == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b'{"keys": [' + b" " * (1024 * 1024) + b"]}"),
        Answer(b'{"keys": [' + b" " * (1024 * 1024) + b"]}", chunked=True),
        Answer({}, status=302, headers={"Location": "/other"}),
        Answer({"keys": []}, status=203),
        Answer(b"not json"),
        Answer([]),
    ],
)
async def test_9_size_and_redirects_of_a_key_set_are_capped(world: World, answer: Answer) -> None:
    """9: Such an answer is none, and takes nothing away; the keys elsewhere are not taken."""
    world.server.publish(TWO, path="/other")
    assert await world.cause(world.token()) is None
    world.server.answers[JWKS_PATH] = answer
    world.issuer.clock.advance(10)
    with pytest.raises(IssuerUnavailable):
        await world.cause(world.token(TWO))
    assert await world.cause(world.token()) is None
    assert dict(world.server.requests) == {JWKS_PATH: 2}


async def test_9_the_time_for_a_key_set_is_capped(world: World) -> None:
    """9: An issuer that accepts and never answers holds nobody up for longer."""
    world.fetch._timeout = 0.05
    world.server.hang()
    with pytest.raises(IssuerUnavailable, match=r"within 0\.05 s"):
        await world.cause(world.token())


async def test_9_one_malformed_key_does_not_drop_the_set(world: World) -> None:
    """9: The others are good, and it is said which one is not."""
    bad: list[Any] = [{"kty": "EC"}, None, 5, {"kty": "oct", "k": "AAAA", "kid": "one"}, TWO.jwk(x="!")]
    world.server.answers[JWKS_PATH] = Answer({"keys": [*bad, ONE.jwk()]})
    with capture_logs() as logs:
        assert await world.cause(world.token()) is None
    told = next(entry for entry in logs if entry["event"] == "some of the issuer's keys cannot be used")
    assert [text.partition(":")[0] for text in told["keys"]] == [f"key {index}" for index in range(5)]
    assert await world.cause(Issuer(world.issuer.clock, signing_key("one", "HS256")).token()) == "wrong-algorithm"


async def test_12_signatures_by_a_shared_secret_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """12: By `hmac.compare_digest`, so that the time tells nothing of how much of a guess was right."""
    issuer = Issuer(key=signing_key("one", "HS256"))
    compared: list[bool] = []
    compare = hmac.compare_digest

    def noting(a: bytes, b: bytes) -> bool:
        compared.append(compare(a, b))
        return compared[-1]

    monkeypatch.setattr(hmac, "compare_digest", noting)
    shared = verifier(StaticKeys([secret_key(SECRET)]), issuer.clock)
    await shared.verify(issuer.token())
    with pytest.raises(NotAuthenticated, match="bad-signature"):
        await shared.verify(issuer.token()[:-4] + "AAAA")
    assert compared == [True, False]


async def test_44_a_remembered_token_ends_when_it_expires(world: World) -> None:
    """44: When the leeway is over, although it was good a moment ago."""
    token = world.token()
    assert await world.cause(token) is None
    world.issuer.clock.advance(3600 + 30 - 0.001)
    assert await world.cause(token) is None
    world.issuer.clock.advance(0.001)
    assert await world.cause(token) == "expired"


async def test_44_a_remembered_token_ends_with_its_key(world: World) -> None:
    """44: Without being verified again; another token of a key that stays is still remembered."""
    world.server.publish(ONE, TWO)
    old, good = world.token(), world.token(TWO)
    assert (await world.cause(old), await world.cause(good)) == (None, None)
    remembered = world.jwt._verified
    assert len(remembered) == 2
    world.server.publish(TWO)
    world.issuer.clock.advance(300)
    assert await world.cause(good) is None
    await world.settled()
    assert await remembered.get(old) is None
    assert await remembered.get(good) is not None
    assert len(remembered) == 1


async def test_44_no_more_tokens_are_remembered_than_ten_thousand() -> None:
    """44: However many are shown."""
    issuer = Issuer(key=signing_key("one", "HS256"))
    jwt = JwtAuthenticator(verifier(StaticKeys([secret_key(SECRET)]), issuer.clock))
    identity = await jwt.authenticate(Credentials(issuer.token()))
    for number in range(10_050):
        jwt._verified.put(str(number), identity, issuer.key.public)
    assert len(jwt._verified) == 10_000

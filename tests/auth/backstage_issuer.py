"""A Backstage to test with: tokens in its shape, keys of its own for users and each plugin, and its endpoints."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import structlog
from aiohttp import web

from sse_signals.auth.backstage import BackstageAuthenticator
from sse_signals.auth.fetch import Fetch
from sse_signals.errors import NotAuthenticated
from sse_signals.interfaces import Credentials
from tests.auth.issuer import Clock, SigningKey, forge, signing_key
from tests.auth.issuer_server import Answer, Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.identity import Identity
    from sse_signals.interfaces import Authenticator

JANE = "user:default/jane"
TEAM = "group:default/team"
USERS_JWKS = "/api/auth/.well-known/jwks.json"
USERINFO = "/api/auth/v1/userinfo"


def plugin_jwks(plugin: str) -> str:
    """Return the path of a plugin's keys."""
    return f"/api/{plugin}/.backstage/auth/v1/jwks.json"


@dataclass
class Backstage:
    """Backstage, its server, and what it says of its users.

    Attributes:
        server: Its server, which counts requests and whose answers can be changed.
        clock: Its clock.
        groups: What each user owns besides itself, by entity ref.
        tokens: The tokens that were shown at its ``userinfo`` endpoint, in order.
        withdrawn: Tokens that it refuses there.
        users_key: What users' tokens are signed with now.
        plugin_keys: What each plugin's tokens are signed with now.
    """

    server: Server
    clock: Clock = field(default_factory=Clock)
    groups: dict[str, list[Any]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)
    users_key: SigningKey = field(default_factory=lambda: signing_key("users-1"))
    plugin_keys: dict[str, SigningKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.publish(self.users_key, path=USERS_JWKS)
        self.server.answers[USERINFO] = self._userinfo
        self.install("catalog")

    def install(self, plugin: str) -> None:
        """Start a plugin, which publishes its own key."""
        self.rotate(plugin, f"{plugin}-1")

    def rotate(self, plugin: str, kid: str) -> None:
        """Let a plugin sign with another key, and publish that key only."""
        self.plugin_keys[plugin] = signing_key(kid)
        self.server.publish(self.plugin_keys[plugin], path=plugin_jwks(plugin))

    def rotate_users(self, kid: str) -> None:
        """Sign users' tokens with another key, and publish that key only."""
        self.users_key = signing_key(kid)
        self.server.publish(self.users_key, path=USERS_JWKS)

    def down(self) -> None:
        """Answer 503 to everything."""
        for path in self.server.answers:
            self.server.answers[path] = Answer(status=503)

    def up(self) -> None:
        """Answer as before."""
        self.server.publish(self.users_key, path=USERS_JWKS)
        self.server.answers[USERINFO] = self._userinfo
        for plugin, key in self.plugin_keys.items():
            self.server.publish(key, path=plugin_jwks(plugin))

    def user(self, sub: str | None = JANE, *, key: SigningKey | None = None, typ: Any = None, **claims: Any) -> str:
        """Return a user's token; claims are changed as given, None leaves one out."""
        iss = f"{self.server.url}/api/auth"
        given = {"iss": iss, "sub": sub, "aud": "backstage", **self._times(), "uip": "proof", **claims}
        return _token(typ or "vnd.backstage.user", given, key or self.users_key)

    def limited(self, sub: str = JANE, **claims: Any) -> str:
        """Return a user's limited token, as it stands in a cookie."""
        return _token("vnd.backstage.limited-user", {"sub": sub, **self._times(), **claims}, self.users_key)

    def plugin(self, sub: Any = "catalog", *, key: SigningKey | None = None, typ: Any = None, **claims: Any) -> str:
        """Return a plugin's token for the hub."""
        given = {"sub": sub, "aud": "signals", **self._times(), **claims}
        return _token(typ or "vnd.backstage.plugin", given, key or self.plugin_keys.get(sub, self.users_key))

    def _times(self) -> dict[str, int]:
        return {"iat": self.clock.seconds, "exp": self.clock.seconds + 3600}

    async def _userinfo(self, request: web.Request) -> web.StreamResponse:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        self.tokens.append(token)
        if kind != "Bearer" or token in self.withdrawn:
            return web.json_response({"error": "no"}, status=401)
        sub = claims_of(token)["sub"].lower()
        return web.json_response({"claims": {"sub": sub, "ent": [sub, *self.groups.get(sub, [])]}})


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _token(typ: str, claims: dict[str, Any], key: SigningKey) -> str:
    given = {name: value for name, value in claims.items() if value is not None}
    return forge({"alg": key.algorithm, "typ": typ, "kid": key.kid}, given, key.sign)


@contextlib.asynccontextmanager
async def backstage() -> AsyncIterator[Backstage]:
    """Run a Backstage."""
    async with serving() as server:
        yield Backstage(server)


@contextlib.asynccontextmanager
async def authenticator(source: Backstage, /, **options: Any) -> AsyncIterator[BackstageAuthenticator]:
    """Run the authenticator for a Backstage."""
    logger = structlog.get_logger("sse_signals")
    fetch = Fetch(logger)
    made = BackstageAuthenticator(source.server.url + "/", fetch=fetch, clock=source.clock, logger=logger, **options)
    try:
        yield made
    finally:
        await made.close()
        await fetch.close()


async def who(door: Authenticator, token: str) -> Identity:
    """Return who shows a token."""
    return await door.authenticate(Credentials(token))


async def refusal(door: BackstageAuthenticator, token: str) -> NotAuthenticated:
    """Return how a token is refused, and check that `inspect` says the same."""
    with pytest.raises(NotAuthenticated) as caught:
        await who(door, token)
    failed = [check for check in await door.inspect(token) if check.passed is False]
    assert failed[0].cause == caught.value.cause
    assert token not in str(caught.value)
    return caught.value


@pytest.fixture(name="issuer")
async def a_backstage() -> AsyncIterator[Backstage]:
    """One that knows a user, who is in a team."""
    async with backstage() as running:
        running.groups[JANE] = [TEAM]
        yield running


@pytest.fixture(name="door")
async def a_door(issuer: Backstage) -> AsyncIterator[BackstageAuthenticator]:
    """An authenticator of its tokens."""
    async with authenticator(issuer) as made:
        yield made

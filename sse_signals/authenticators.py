"""The authenticators, rules and secrets of a hub, made from its settings: part of the composition."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from sse_signals.auth.api_keys import ApiKeys
from sse_signals.auth.backstage import BackstageAuthenticator
from sse_signals.auth.fetch import Fetch
from sse_signals.auth.jwks import Jwks
from sse_signals.auth.jwt import JwtAuthenticator
from sse_signals.auth.keys import SHARED
from sse_signals.auth.static_keys import StaticKeys
from sse_signals.auth.verifier import Verifier
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import ConfigurationError
from sse_signals.key_files import MAX_SECRETS, folded, naming, public_keys, rules, shared_secrets, ticket_secrets
from sse_signals.life.authentication import Authentication
from sse_signals.logs import adapt
from sse_signals.settings import Settings, load, variable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sse_signals.auth.keys import Key, KeySource
    from sse_signals.auth.verifier import Check
    from sse_signals.interfaces import Authenticator
    from sse_signals.rules import Rules


_OF_THEMSELVES: Final = {"auth", "rules", "anonymous", "cookie", "secret", "leeway", "token_lifetime", "expiring"}
_SETTINGS: Final = {
    field.name
    for field in fields(Settings)
    if field.name in _OF_THEMSELVES or field.name.startswith(("jwt_", "backstage_", "insecure_issuer"))
}


@dataclass(frozen=True, slots=True)
class Method:
    """One way in which somebody can authenticate.

    Attributes:
        name: As it is called in the setting ``auth``.
        authenticator: What does it.
        inspect: Tells how a token fares in each check; None where there is only one.
    """

    name: str
    authenticator: Authenticator
    inspect: Callable[[str], Awaitable[Sequence[Check]]] | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """What a hub needs to know who somebody is and what they may do.

    Attributes:
        methods: The ways in which somebody can authenticate, in the order in which they are tried.
        rules: What they may do besides what their credentials grant.
        ticket_secrets: What cookies of one-time tickets are verified with; the first signs. None are a random one.
    """

    methods: tuple[Method, ...]
    rules: Rules
    ticket_secrets: Sequence[bytes] = field(repr=False)
    _closing: tuple[Callable[[], Awaitable[None]], ...] = field(repr=False)

    @property
    def authenticators(self) -> list[Authenticator]:
        """The authenticators in force, in the order in which they are asked; none means that nobody has to."""
        return [method.authenticator for method in self.methods]

    async def close(self) -> None:
        """End what goes on in the background, and close connections to issuers."""
        for close in self._closing:
            await close()


def authenticators(settings: Settings, *, clock: Callable[[], int] = wall_clock_ms, logger: Any) -> Assembled:
    """Return what the settings ask for. It reads files, and so is not for a running event loop.

    Args:
        settings: What is set.
        clock: Milliseconds since 1970-01-01 UTC.
        logger: A structlog logger: is told what is allowed and yet unwise.

    Raises:
        ConfigurationError: A file, key or secret cannot be used; the text names the setting.
    """
    return _Assembly(settings, clock, logger).assembled()


def authentication(*, logger: Any = None, clock: Callable[[], int] = wall_clock_ms, **settings: Any) -> Authentication:
    """Return how a hub of your own application finds out who is there, with what this package has for that.

    It reads files, and so is not for a running event loop.

    Args:
        logger: A structlog or standard logger.
        clock: Milliseconds since 1970-01-01 UTC.
        settings: As the variables of the command are called, in lower case and without ``SIGNALS_``; for example
            ``auth="jwt", jwt_jwks_url="https://id.example.com/keys", jwt_issuer=…, jwt_audience=…``.

    Raises:
        ConfigurationError: A setting is unknown, or cannot be used; the text names it.
    """
    for name in settings.keys() - _SETTINGS:
        near = get_close_matches(name, _SETTINGS, 1)
        mend = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_SETTINGS))}."
        raise ConfigurationError(f"{name} is no setting of authentication: {mend}")
    if not settings.get("auth"):
        raise ConfigurationError("auth is not given: it may be jwt, backstage, keys, or several, separated by commas.")
    found = load({}, settings)
    return authentication_of(found, authenticators(found, clock=clock, logger=adapt(logger)))


def authentication_of(settings: Settings, assembled: Assembled) -> Authentication:
    """Return the authentication that settings ask for, made of what was assembled for them.

    Raises:
        ConfigurationError: They ask for none.
    """
    return Authentication(
        assembled.authenticators,
        rules=assembled.rules,
        anonymous=settings.anonymous,
        cookie=settings.cookie,
        secret=next(iter(assembled.ticket_secrets), None),
        other_secrets=assembled.ticket_secrets[1:],
        leeway=settings.leeway,
        lifetime=settings.token_lifetime + settings.leeway,  # so late may a token be refused that was not revoked
        expiring=settings.expiring,
        close=assembled.close,
    )


class _Assembly:
    """The parts, while they are put together."""

    def __init__(self, settings: Settings, clock: Callable[[], int], logger: Any) -> None:
        self._settings = settings
        self._clock = clock
        self._logger = logger
        self._fetch = Fetch(logger, plain_http=settings.insecure_issuer)
        self._closing: list[Callable[[], Awaitable[None]]] = []

    def assembled(self) -> Assembled:
        granted, hashes = self._rules()
        # A token that is none of its own kind is left to the next: what is surest of its kind comes first.
        methods = {
            "keys": lambda: self._keys(hashes),
            "backstage": self._backstage,
            "jwt": self._jwt,
        }
        found = tuple(make() for name, make in methods.items() if name in self._settings.auth)
        self._closing.append(self._fetch.close)
        secrets = ticket_secrets(self._settings)
        self._warn_of_folded("secret", secrets)
        return Assembled(found, granted, secrets, tuple(self._closing))

    def _warn_of_folded(self, name: str, secrets: Sequence[bytes]) -> None:
        if folded(secrets):
            hint = f"For a secret in each line: {MAX_SECRETS} lines at most, none of them too short or with a blank."
            self._logger.warning("the lines of a file are one secret", set=variable(name), hint=hint)

    def _rules(self) -> tuple[Rules, Mapping[str, str]]:
        found = rules(self._settings)
        if found.keys and "keys" not in self._settings.auth:
            hint = f"Add 'keys' to {variable('auth')}, or take the [[key]] tables out of the file of rules."
            self._logger.warning("API keys are not in force", keys=len(found.keys), hint=hint)
        return found.rules, found.keys

    def _keys(self, hashes: Mapping[str, str]) -> Method:
        if not hashes:
            raise ConfigurationError(
                f"{variable('auth')} holds 'keys': it may do so only if the file of {variable('rules')} has a [[key]]; "
                "'sse-signals token key NAME' makes one."
            )
        return Method("keys", ApiKeys(hashes))

    def _backstage(self) -> Method:
        settings = self._settings
        with naming("backstage_url"):
            authenticator = BackstageAuthenticator(
                settings.backstage_url or "",
                fetch=self._fetch,
                clock=self._clock,
                logger=self._logger,
                plugin_id=settings.backstage_plugin_id,
                issuer=settings.backstage_issuer,
                plugins=settings.backstage_plugins or None,
                leeway=settings.leeway,
                lifetime=settings.token_lifetime,
            )
        self._closing.append(authenticator.close)
        return Method("backstage", authenticator, authenticator.inspect)

    def _jwt(self) -> Method:
        settings = self._settings
        verifier = Verifier(
            self._jwt_keys(),
            types=None if settings.jwt_type is None else [settings.jwt_type],
            issuers=None if settings.jwt_issuer is None else [settings.jwt_issuer],
            audiences=settings.jwt_audience or None,
            clock=self._clock,
            leeway=settings.leeway,
            lifetime=settings.token_lifetime,
        )
        missing = [variable(name) for name in ("jwt_issuer", "jwt_audience") if not getattr(settings, name)]
        if missing:
            hint = f"Set {' and '.join(missing)}, or tokens that the same keys sign for others are accepted here."
            self._logger.warning("JSON Web Tokens need not be meant for this hub", not_set=missing, hint=hint)
        authenticator = JwtAuthenticator(
            verifier, owns_claim=settings.jwt_owns_claim, grants_claim=settings.jwt_grants_claim, name="jwt"
        )
        return Method("jwt", authenticator, verifier.inspect)

    def _jwt_keys(self) -> KeySource:
        settings = self._settings
        secrets = shared_secrets(settings)
        self._warn_of_folded("jwt_secret", [key.material for key in secrets])
        if settings.jwt_jwks_url is not None:
            with naming("jwt_jwks_url"):
                jwks = Jwks(settings.jwt_jwks_url, fetch=self._fetch, clock=self._clock, logger=self._logger)
            self._closing.append(jwks.close)
            return _SecretBeside(StaticKeys(secrets), jwks) if secrets else jwks
        with naming("jwt_key"):
            return StaticKeys([*secrets, *public_keys(settings)])


class _SecretBeside:
    """A shared secret beside published keys: the algorithm tells which is meant, since nobody publishes a secret."""

    def __init__(self, secret: KeySource, published: KeySource) -> None:
        self._secret = secret
        self._published = published

    async def find(self, kid: str | None, algorithm: str) -> Key:
        source = self._secret if algorithm in SHARED else self._published
        return await source.find(kid, algorithm)

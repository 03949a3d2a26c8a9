"""Rules between settings: each is one sentence that names all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sse_signals.setting_kinds import SHARED_BROKERS, loopback, without_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sse_signals.setting_table import Settings

_FOR_ONE: Final = {"jwt_": "jwt", "backstage_": "backstage"}  # settings that begin so belong to an authenticator
_FOR_BROKER: Final = {
    "broker_name": SHARED_BROKERS,
    "sqlite_synchronous": ("sqlite:",),
    "nats_replicas": ("nats:", "tls:", "ws"),
    "redis_volatile": ("redis",),
}
_FOR_ANY: Final = ("rules", "anonymous", "cookie", "secret", "insecure_issuer")
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - nothing is bound here
VISITS: Final = 5  # heartbeats that a stream lives for at least
_FETCHED_FROM: Final = ("jwt_jwks_url", "backstage_url")


def contradictions(settings: Settings, named: Mapping[str, str], given: Mapping[str, object]) -> Iterator[str]:
    """Yield a sentence for each contradiction between settings, and for each one that is without effect.

    Args:
        settings: All of them.
        named: What each is called by who set it.
        given: Those that are set, by name.
    """
    yield from _limits(settings, named)
    yield from _age(settings, named)
    yield from _broker(settings, named, given)
    yield from _reach(settings, named)
    yield from _metrics_port(settings, named, given)
    yield from _idle(settings, named, given)
    yield from _methods(settings, named)
    yield from _plain_http(settings, named)


def _limits(settings: Settings, named: Mapping[str, str]) -> Iterator[str]:
    message, body = settings.max_message, settings.max_body
    if message > body:
        yield f"{named['max_message']} is {message}: it may be at most {named['max_body']}, which is {body}."


def _age(settings: Settings, named: Mapping[str, str]) -> Iterator[str]:
    age, least = settings.max_stream_age, VISITS * settings.heartbeat
    if 0 < age < least:
        yield (
            f"{named['max_stream_age']} is {age:g}: it may be 0, or at least {VISITS} times {named['heartbeat']}, "
            f"which is {settings.heartbeat:g}, since that is how often a hub looks at each stream."
        )


def _broker(settings: Settings, named: Mapping[str, str], given: Mapping[str, object]) -> Iterator[str]:
    shown = without_password(settings.broker)
    if settings.workers > 1 and not settings.broker.startswith(SHARED_BROKERS):
        yield (
            f"{named['workers']} is {settings.workers}: several processes need a log that they share, such as redis:// "
            f"or nats://, but {named['broker']} is {shown!r}."
        )
    for name, schemes in _FOR_BROKER.items():
        if given.get(name) and not settings.broker.startswith(schemes):
            yield f"{named[name]} is set: it is without effect as long as {named['broker']} is {shown!r}."


def _reach(settings: Settings, named: Mapping[str, str]) -> Iterator[str]:
    if settings.auth and settings.insecure:
        yield (
            f"{named['insecure']} is true: it may be so only where nobody has to authenticate, but {named['auth']} is "
            f"{','.join(settings.auth)!r}."
        )
    if not (settings.auth or settings.insecure or loopback(settings.host)):
        yield (
            f"{named['host']} is {settings.host!r}: without authentication it may be 127.0.0.1, ::1 or localhost; "
            f"{named['auth']} says how one authenticates, and --insecure serves anybody who can reach another address."
        )


def _metrics_port(settings: Settings, named: Mapping[str, str], given: Mapping[str, object]) -> Iterator[str]:
    hosts, port = (settings.host, settings.metrics_host), settings.metrics_port
    if port is None and "metrics_host" in given:
        yield f"{named['metrics_host']} is set: it is without effect as long as {named['metrics_port']} is not."
    if port and port == settings.port and (hosts[0] == hosts[1] or not _EVERY_ADDRESS.isdisjoint(hosts)):
        yield (
            f"{named['metrics_port']} is {port}: it may be so only where {named['port']} is another port, or "
            f"{named['host']} and {named['metrics_host']} are different addresses."
        )


def _idle(settings: Settings, named: Mapping[str, str], given: Mapping[str, object]) -> Iterator[str]:
    """Tell settings that would do nothing: who has set them believes that they protect something."""
    for name, value in given.items():
        for start, authenticator in _FOR_ONE.items():
            if name.startswith(start) and authenticator not in settings.auth:
                yield f"{named[name]} is set: it may be so only if {named['auth']} holds {authenticator!r}."
        if name in _FOR_ANY and value and not settings.auth:
            yield f"{named[name]} is set: it may be so only if {named['auth']} says how one authenticates."
    algorithm = settings.jwt_algorithm
    if algorithm is not None:
        for_ = "jwt_secret" if algorithm.startswith("HS") else "jwt_key"
        if not getattr(settings, for_):
            yield f"{named['jwt_algorithm']} is {algorithm!r}: it may be so only with {named[for_]}."


def _methods(settings: Settings, named: Mapping[str, str]) -> Iterator[str]:
    keys = ("jwt_secret", "jwt_key", "jwt_jwks_url")
    if "jwt" in settings.auth and not any(getattr(settings, name) for name in keys):
        yield (
            f"{named['auth']} holds 'jwt': it may do so only with one of {named[keys[0]]}, {named[keys[1]]} and "
            f"{named[keys[2]]}."
        )
    if settings.jwt_key and settings.jwt_jwks_url is not None:
        yield f"{named['jwt_key']} is set: it may be so only without {named['jwt_jwks_url']}."
    for authenticator, needed in (("backstage", "backstage_url"), ("keys", "rules")):
        if authenticator in settings.auth and getattr(settings, needed) is None:
            yield f"{named['auth']} holds {authenticator!r}: it may do so only with {named[needed]}."


def _plain_http(settings: Settings, named: Mapping[str, str]) -> Iterator[str]:
    """Tell URLs from which anybody in between could hand out keys, and so let in whomever they like."""
    for name in _FETCHED_FROM:
        url = urlsplit(getattr(settings, name) or "")
        if url.scheme == "http" and not loopback(url.hostname or "") and not settings.insecure_issuer:
            yield (
                f"{named[name]} begins with http://: it may do so only for this machine, or if "
                f"{named['insecure_issuer']} says that the network to other machines is trusted."
            )

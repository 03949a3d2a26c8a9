"""The table of settings, from which environment variables, command line options and documentation follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from marshmallow import fields as kinds
from marshmallow.validate import OneOf, Range

from sse_signals.setting_kinds import (
    COOKIE,
    HOST,
    NAME,
    PREFIX,
    BrokerUrl,
    Origins,
    PluginId,
    Proxies,
    Text,
    Texts,
    Url,
    confidential,
    flag,
    like,
    number,
    setting,
    whole,
)

AUTHENTICATORS: Final = ("jwt", "backstage", "keys")
ALGORITHMS: Final = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
_ISSUER_URL: Final = "a URL that begins with https:// or http://, without a name, password or fragment"


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set; see the metadata of each field for what it may be and what it is for."""

    host: str = like("127.0.0.1", HOST, "a host name or address", "address to listen on")
    port: int = whole(8080, 0, 65535, "port to listen on; 0 takes any free one")
    workers: int = whole(
        1,
        1,
        256,
        "processes that serve the port together, each with limits of its own; more than one need redis:// or nats://",
    )
    broker: str = setting(
        "memory://",
        BrokerUrl(),
        "memory://, sqlite:///path, redis://host:6379/0 or nats://host:4222, with name and password where needed",
        "the log behind the hub: what a 202 survives depends on it",
    )
    broker_name: str = like(
        "signals", NAME, "up to 64 letters, digits, - and _", "name of the log: hubs with the same are one cluster"
    )
    idempotency_window: float = number(300.0, 1, 86_400, "seconds for which an idempotency key is remembered")
    sqlite_synchronous: str = setting(
        "full",
        kinds.String(validate=OneOf(("full", "normal"))),
        "full or normal",
        "whether sqlite waits for the disk (full) or for the operating system alone (normal) before it says yes",
    )
    nats_replicas: int = whole(1, 1, 5, "servers of a NATS cluster that hold a copy of the log")
    redis_volatile: bool = flag("serve from a Redis that keeps nothing on disk, which is refused otherwise")
    prefix: str = like(
        "/signals",
        PREFIX,
        "a path such as /signals, without dots alone and without a slash at its end",
        "path that all routes begin with",
    )
    metrics_host: str = like("127.0.0.1", HOST, "a host name or address", "address that the metrics' own port is on")
    metrics_port: int | None = setting(
        None,
        kinds.Integer(validate=Range(0, 65535)),
        "a whole number from 0 to 65535",
        "port of their own for metrics and health; if not set, metrics are at the hub's port, for administrators",
    )
    canary: float = number(
        0.0, 0, 3600, "seconds between two signals that a node sends itself, to time them; 0 sends none"
    )
    tracing: bool = flag("send traces by OpenTelemetry, to where its own OTEL_* variables say")
    log_publishes: float = number(
        0.01, 0, 1, "share of the publishes that are logged; those that fail always are", unit="a number "
    )
    drain_delay: float = number(
        0.0, 0, 600, "seconds at the end in which the hub is not ready and goes on, so that load balancers notice"
    )
    drain_window: float = number(0.0, 0, 3600, "seconds over which streams are sent away at the end; 0 is all at once")
    max_stream_age: float = number(
        0.0, 0, 31 * 86_400, "seconds after which a stream is sent to come again, or a fifth less; 0 lets it stay"
    )
    heartbeat: float = number(15.0, 0.1, 3600, "seconds between two heartbeats of a stream")
    send_timeout: float = number(30.0, 0.1, 3600, "seconds without progress after which a stream is aborted")
    history_count: int = whole(100_000, 1, 100_000_000, "events that are kept for resuming")
    history_bytes: int = whole(64 * 1024 * 1024, 1, 2**40, "bytes that are kept for resuming")
    history_age: float = number(3600.0, 1, 10**9, "seconds for which events are kept for resuming")
    max_message: int = whole(64 * 1024, 1, 2**30, "bytes of one message")
    max_body: int = whole(1024 * 1024, 1, 2**30, "bytes of one request body")
    max_streams: int = whole(10_000, 1, 10_000_000, "streams open at once")
    max_streams_per_identity: int = whole(100, 1, 10_000_000, "streams that one identity may have open")
    max_streams_per_address: int = whole(2000, 1, 10_000_000, "streams that one client address may have open")
    publish_rate: float = number(
        1000.0, 0.001, 10**9, "signals that one identity may publish a second", unit="a number "
    )
    publish_burst: int = whole(5000, 1, 10**9, "signals that one identity may publish at once")
    trusted_proxies: tuple[str, ...] = setting(
        (),
        Proxies(),
        "addresses, networks such as 10.0.0.0/8, and unix for a Unix socket, separated by commas",
        "proxies whose X-Forwarded-For is believed; without it all clients behind a proxy share its address",
    )
    cors_origins: frozenset[str] = setting(
        frozenset(),
        Origins(),
        "origins such as https://app.example.com, separated by commas; no '*' and no path",
        "pages that may use the hub besides its own",
    )
    insecure: bool = flag("serve anybody who can reach it although nobody has to authenticate")
    auth: tuple[str, ...] = setting(
        (),
        Texts(AUTHENTICATORS),
        f"one or several of {', '.join(AUTHENTICATORS)}, separated by commas",
        "how one authenticates: jwt, backstage, keys; without it, nobody has to",
    )
    rules: str | None = setting(
        None, Text(), "the path of a TOML file", "file that says who may publish and read what, and holds API keys"
    )
    anonymous: bool = flag("let somebody without credentials listen, but never to targeted signals")
    cookie: str | None = like(
        None,
        COOKIE,
        "a name of letters, digits and !#$%&'*+.^_`|~- that does not begin with 'signals-'",
        "name of the cookie in which browsers bring a token; without it, no cookie but a ticket's counts",
    )
    secret: str | None = confidential(
        "what the cookies of one-time tickets are signed with, the same on all nodes; if not set, a random one in "
        "each; a file may hold several, one a line, and the first signs"
    )
    leeway: float = number(30.0, 0, 60, "seconds by which clocks may differ when a token is checked")
    token_lifetime: float = number(
        86_400.0,
        60,
        31 * 86_400,
        "seconds that a token may be valid for, from its issue to its end; revocations are kept for so long",
    )
    expiring: float = number(
        60.0, 0, 3600, "seconds before a stream ends with its token at which it gets signals.expiring"
    )
    jwt_secret: str | None = confidential(
        "secret that JWTs are signed with, or @ and the path of its file; a file may hold several, one a line"
    )
    jwt_key: tuple[str, ...] = setting(
        (),
        Texts(),
        "paths of PEM files with public keys or certificates, separated by commas",
        "PEM files of public keys or certificates that JWTs are verified with; read at the start",
        hidden=True,  # somebody may have put a key here
    )
    jwt_jwks_url: str | None = setting(
        None,
        Url(query=True),
        _ISSUER_URL,
        "URL of the JWK set that JWTs are verified with; keys are fetched again when they change",
    )
    jwt_issuer: str | None = setting(
        None,
        Text(),
        "visible text",
        "the iss that a JWT must have; if not set, any will do, which the start warns of",
    )
    jwt_audience: tuple[str, ...] = setting(
        (),
        Texts(),
        "visible texts, separated by commas",
        "the aud of which a JWT must have one; if not set, any will do, which the start warns of",
    )
    jwt_type: str | None = setting(
        None, Text(), "visible text such as at+jwt", "the typ that a JWT must have in its header; if not set, any"
    )
    jwt_algorithm: str | None = setting(
        None,
        kinds.String(validate=OneOf(ALGORITHMS)),
        f"one of {', '.join(ALGORITHMS)}",
        "algorithm of the secret or PEM; if not set, HS256, RS256, or what the key itself says",
    )
    jwt_owns_claim: str = setting("ent", Text(), "visible text", "claim of a JWT that lists the entity refs it owns")
    jwt_grants_claim: str = setting("signals", Text(), "visible text", "claim of a JWT that holds its grants")
    backstage_url: str | None = setting(
        None,
        Url(query=False),
        f"{_ISSUER_URL} or query",
        "base URL of the Backstage backend, such as https://backstage.example.com",
    )
    backstage_issuer: str | None = setting(
        None,
        Text(),
        "visible text",
        "the iss that a Backstage user token must have; if not set, the URL with /api/auth",
    )
    backstage_plugin_id: str = setting(
        "signals",
        PluginId(),
        "visible text without ':' and '*'",
        "the aud that a Backstage plugin token must have: the hub's own plugin id",
    )
    backstage_plugins: tuple[str, ...] = setting(
        (),
        Texts(),
        "visible texts, separated by commas",
        "the only Backstage plugins that may publish; if not set, all. Name them, and made-up plugins cost nothing",
    )
    insecure_issuer: bool = flag(
        "fetch keys and ownership over http:// from other machines, on a trusted network; without it only from this one"
    )

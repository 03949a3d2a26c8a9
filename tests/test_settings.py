from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.settings import Settings, checked, load, loopback, option, variable, without_password

SECRET = "0123456789abcdef0123456789abcdef"
JWT = {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": SECRET}
BACKSTAGE = {"SIGNALS_AUTH": "backstage", "SIGNALS_BACKSTAGE_URL": "https://backstage.example"}

# One row a setting: its field, a text, the value it means.
GOOD = [
    ("host", "localhost", "localhost"),
    ("host", "::1", "::1"),
    ("host", "127.0.0.2", "127.0.0.2"),
    ("port", "0", 0),
    ("port", "65535", 65535),
    ("workers", "1", 1),
    ("broker", "memory://", "memory://"),
    ("broker", "sqlite:///var/log.db", "sqlite:///var/log.db"),
    ("broker", "redis://u:p@host:6379/0", "redis://u:p@host:6379/0"),
    ("broker", "rediss+sentinel://host", "rediss+sentinel://host"),
    ("broker", "nats://a:4222,b:4222", "nats://a:4222,b:4222"),
    ("broker", "tls://host", "tls://host"),
    ("broker", "wss://host", "wss://host"),
    ("broker_name", "a_B-1", "a_B-1"),
    ("idempotency_window", "86400", 86_400.0),
    ("sqlite_synchronous", "full", "full"),
    ("sqlite_synchronous", "normal", "normal"),
    ("nats_replicas", "3", 3),
    ("redis_volatile", "true", True),
    ("prefix", "/a/b.c/~d_e-1", "/a/b.c/~d_e-1"),
    ("metrics_host", "::1", "::1"),
    ("metrics_port", "9090", 9090),
    ("canary", "10", 10.0),
    ("tracing", "true", True),
    ("log_publishes", "1", 1.0),
    ("drain_delay", "5", 5.0),
    ("drain_window", "20", 20.0),
    ("max_stream_age", "3600", 3600.0),
    ("heartbeat", "0.5", 0.5),
    ("send_timeout", "10", 10.0),
    ("history_count", "1", 1),
    ("history_bytes", "1000", 1000),
    ("history_age", "60", 60.0),
    ("max_message", "100", 100),
    ("max_body", "2000000", 2_000_000),
    ("max_streams", "5", 5),
    ("cors_origins", "", frozenset()),
    (
        "cors_origins",
        "https://a.example, http://b:8080 http://[::1]:1",
        {"https://a.example", "http://b:8080", "http://[::1]:1"},
    ),
    ("insecure", "true", True),
    ("insecure", "false", False),
    ("max_streams_per_identity", "1", 1),
    ("max_streams_per_address", "10000000", 10_000_000),
    ("publish_rate", "0.5", 0.5),
    ("publish_burst", "1", 1),
    ("trusted_proxies", "", ()),
    (
        "trusted_proxies",
        "10.0.0.1, 10.1.0.0/16 2001:db8::/32,unix",
        ("10.0.0.1", "10.1.0.0/16", "2001:db8::/32", "unix"),
    ),
    ("auth", "jwt", ("jwt",)),
    ("auth", " keys , jwt, backstage,jwt", ("keys", "jwt", "backstage")),
    ("rules", "/etc/signals/rules.toml", "/etc/signals/rules.toml"),
    ("anonymous", "true", True),
    ("cookie", "__Host-session", "__Host-session"),
    ("secret", SECRET, SECRET),
    ("secret", "é" * 16, "é" * 16),
    ("secret", "@/run/secrets/x", "@/run/secrets/x"),
    ("leeway", "0", 0.0),
    ("token_lifetime", "2678400", 31 * 86_400.0),
    ("expiring", "0", 0.0),
    ("jwt_secret", SECRET, SECRET),
    ("jwt_secret", "@/run/secrets/x", "@/run/secrets/x"),
    ("jwt_key", "a.pem, /etc/b c.pem", ("a.pem", "/etc/b c.pem")),
    ("jwt_jwks_url", "https://a.example/keys?p=1", "https://a.example/keys?p=1"),
    ("jwt_issuer", "https://a.example/", "https://a.example/"),
    ("jwt_audience", "signals, https://a.example", ("signals", "https://a.example")),
    ("jwt_type", "at+jwt", "at+jwt"),
    ("jwt_algorithm", "HS512", "HS512"),
    ("jwt_owns_claim", "groups", "groups"),
    ("jwt_grants_claim", "https://a.example/grants", "https://a.example/grants"),
    ("backstage_url", "https://backstage.example/base/", "https://backstage.example/base"),
    ("backstage_url", "http://[::1]:7007", "http://[::1]:7007"),
    ("backstage_issuer", "https://backstage.example/api/auth", "https://backstage.example/api/auth"),
    ("backstage_plugin_id", "events", "events"),
    ("backstage_plugins", "catalog, events", ("catalog", "events")),
    ("insecure_issuer", "true", True),
]
BAD = [
    *(("host", text) for text in ("", " ", "a b", "a\nb", "a..b", "a/b", "http://a", "a" * 64, "\udcff", "[::1]", "é")),
    *(("port", text) for text in ("", "x", "-1", "65536", "80.5", "9" * 5000, "0x50", "1e3")),
    *(("workers", text) for text in ("", "0", "257", "two", "1.5")),
    *(
        ("broker", text)
        for text in ("", "memory", "memory:///", "memory://x", "http://[", "x\n", "sqlite://a", "redis:x")
    ),
    *(("broker_name", text) for text in ("", "a b", "a.b", "a" * 65, "é", "a\n", ">")),
    *(("idempotency_window", text) for text in ("", "0", "86401", "nan", "5m")),
    *(("sqlite_synchronous", text) for text in ("", "off", "FULL", "extra")),
    *(("nats_replicas", text) for text in ("", "0", "6")),
    *(("redis_volatile", text) for text in ("", "maybe")),
    *(("prefix", text) for text in ("", "/", "signals", "/a/", "//a", "/a b", "/a\n", "/{x}", "/a?b", "/é", "/%41")),
    *(("metrics_port", text) for text in ("", "-1", "65536", "x")),
    *(("log_publishes", text) for text in ("", "-0.1", "1.1", "nan")),
    *(("drain_delay", text) for text in ("", "-1", "601", "inf")),
    *(("metrics_host", text) for text in ("", "a b", "http://x")),
    *(("canary", text) for text in ("", "-1", "3601")),
    *(("tracing", text) for text in ("", "perhaps")),
    *(("drain_window", text) for text in ("", "-1", "3601")),
    *(("max_stream_age", text) for text in ("", "-1", "nan", "2678401")),
    *(("heartbeat", text) for text in ("", "0", "0.09", "-1", "3601", "nan", "inf", "15s")),
    *(("send_timeout", text) for text in ("", "0", "nan", "1h", "999999")),
    *(("history_count", text) for text in ("", "0", "-5", "1.5", "many", "100000001")),
    *(("history_bytes", text) for text in ("", "0", "64MiB")),
    *(("history_age", text) for text in ("", "0", "inf", "1h")),
    *(("max_message", text) for text in ("", "0", "x")),
    *(("max_body", text) for text in ("", "0", "x")),
    *(("max_streams", text) for text in ("", "0", "x")),
    *(
        ("cors_origins", text)
        for text in ("*", "null", "a.example", "https://a/", "https://a/b", "https://*.a", "ftp://a")
    ),
    *(("cors_origins", text) for text in ("https://A.example", "https://a:port", "https://a ,x", "https://u@a")),
    *(("insecure", text) for text in ("", "maybe", "2")),
    *(("max_streams_per_identity", text) for text in ("", "0", "x", "10000001")),
    *(("max_streams_per_address", text) for text in ("", "0", "x")),
    *(("publish_rate", text) for text in ("", "0", "-1", "nan", "inf", "5/s")),
    *(("publish_burst", text) for text in ("", "0", "1.5")),
    *(("trusted_proxies", text) for text in ("proxy.example", "10.0.0.1/8", "0.0.0.0/0", "::/0", "*", "fe80::1%eth0")),
    *(("auth", text) for text in ("", " ", "none", "JWT", "jwt,,keys", "jwt keys", ",")),
    *(("rules", text) for text in ("", " ", "a\nb", "a\0", " a")),
    *(("anonymous", text) for text in ("", "maybe")),
    *(("cookie", text) for text in ("", "a b", "a=b", "a;b", "é", "a\n", "signals-ticket", "Signals-X", "a" * 129)),
    *(("secret", text) for text in ("", "x" * 31, "@", "@file", "@secret" + "x" * 40, SECRET + "\n", "\udcff" * 40)),
    *(("leeway", text) for text in ("", "-1", "60.5", "nan", "30s")),
    *(("token_lifetime", text) for text in ("", "59", "2678401", "1d")),
    *(("expiring", text) for text in ("", "-1", "3601")),
    *(("jwt_secret", text) for text in ("", "x" * 31, "@x", " " + SECRET)),
    *(("jwt_key", text) for text in ("", ",", "a,,b", "-----BEGIN PUBLIC KEY-----\nMF\n")),
    *(
        ("jwt_jwks_url", text)
        for text in ("", "a.example", "ftp://a", "https://", "https://a#b", "https://a:b@c", "//a")
    ),
    *(
        ("jwt_jwks_url", text)
        for text in ("https://a b", "https://a:65536", "https://a\n", "https://a/<x>", "file:///a")
    ),
    *(("jwt_issuer", text) for text in ("", " a", "a\n")),
    *(("jwt_audience", text) for text in ("", "a,,b", "a\n,b\x1b", ",")),
    *(("jwt_type", text) for text in ("", "a\n")),
    *(("jwt_algorithm", text) for text in ("", "none", "hs256", "ES256K", "HS256,RS256")),
    *(("jwt_owns_claim", text) for text in ("", "a\n")),
    *(("jwt_grants_claim", text) for text in ("", "\x1b[31m")),
    *(("backstage_url", text) for text in ("", "backstage", "https://a?b", "https://u@a", "http://")),
    *(("backstage_issuer", text) for text in ("", "a\n")),
    *(("backstage_plugins", text) for text in ("", "a,,b")),
    *(("backstage_plugin_id", text) for text in ("", "a:b", "a*", "a\n", "a" * 256)),
    *(("insecure_issuer", text) for text in ("", "perhaps")),
]


# What a setting is for.
BROKERS = {
    "broker_name": "redis://host",
    "sqlite_synchronous": "sqlite:///a",
    "nats_replicas": "nats://host",
    "redis_volatile": "redis://host",
}


def beside(name: str, text: str) -> dict[str, str]:
    """Return what else has to be set so that a setting may be set."""
    needed = {
        "jwt": {"SIGNALS_JWT_SECRET": SECRET, "SIGNALS_JWT_KEY": "a.pem"},
        "backstage": {"SIGNALS_BACKSTAGE_URL": "https://backstage.example"},
        "keys": {"SIGNALS_RULES": "rules.toml"},
    }
    if name == "auth":
        found = {key: value for method in needed if method in text for key, value in needed[method].items()}
    elif name in BROKERS:
        found = {"SIGNALS_BROKER": BROKERS[name]}
    elif name == "metrics_host":
        found = {"SIGNALS_METRICS_PORT": "9090"}
    elif name in {"rules", "anonymous", "cookie", "secret", "insecure_issuer"}:
        found = dict(JWT)
    else:
        method = name.partition("_")[0]
        found = {"SIGNALS_AUTH": method, **needed[method]} if method in needed else {}
    if name == "jwt_jwks_url":
        del found["SIGNALS_JWT_KEY"]
    return {key: value for key, value in found.items() if key != variable(name)}


def ids(rows: list[Any]) -> list[str]:
    """Return names for rows that pytest can print."""
    return [f"{number}-{row[0]}" for number, row in enumerate(rows)]


@pytest.mark.parametrize(("name", "text", "value"), GOOD, ids=ids(GOOD))
def test_a_value_is_read_from_the_environment_and_from_options(name: str, text: str, value: object) -> None:
    """Both are read alike, and an option outranks the variable."""
    others = beside(name, text)
    assert getattr(load({**others, variable(name): text}, {}), name) == value
    assert getattr(load(others, {name: text}), name) == value
    assert getattr(load({**others, variable(name): "bad value"}, {name: text}), name) == value
    assert getattr(load({**others, variable(name): text}, {name: None}), name) == value


@pytest.mark.parametrize(("name", "text"), BAD, ids=ids(BAD))
def test_a_bad_value_is_one_sentence_that_names_it(name: str, text: str) -> None:
    """It says which variable or option, what it is, and what it may be, on one line."""
    others = beside(name, "")
    for environ, options, called in (
        ({**others, variable(name): text}, {}, variable(name)),
        (others, {name: text}, option(name)),
    ):
        with pytest.raises(ConfigurationError) as caught:
            load(environ, options)
        said = str(caught.value)
        assert said.startswith(f"{called} is ")
        assert said.endswith(".")
        assert "it may be " in said
        assert said.isprintable()


def test_every_setting_is_tried_here() -> None:
    """A new setting needs a good and a bad value above, and says what it may be and what it is for."""
    every = {field.name for field in fields(Settings)}
    assert {row[0] for row in GOOD} == every
    assert {row[0] for row in BAD} == every
    for field in fields(Settings):
        assert field.metadata["may_be"]
        assert field.metadata["purpose"]


def test_nothing_set_is_the_documented_default() -> None:
    """Variables of others are left alone, and the defaults are those of the documentation."""
    settings = load({"PATH": "/bin", "SIGNAL": "x", "signals_port": "y"}, {})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.broker, settings.prefix) == (
        "127.0.0.1",
        8080,
        "memory://",
        "/signals",
    )
    assert (settings.workers, settings.broker_name, settings.idempotency_window) == (1, "signals", 300)
    assert (settings.sqlite_synchronous, settings.nats_replicas, settings.redis_volatile) == ("full", 1, False)
    assert (settings.heartbeat, settings.send_timeout, settings.history_age) == (15, 30, 3600)
    assert (settings.history_count, settings.history_bytes) == (100_000, 64 * 2**20)
    assert (settings.max_message, settings.max_body, settings.max_streams) == (65_536, 2**20, 10_000)
    assert not settings.cors_origins
    assert settings.insecure is False
    assert (settings.max_streams_per_identity, settings.max_streams_per_address) == (100, 2000)
    assert (settings.publish_rate, settings.publish_burst) == (1000, 5000)
    assert (settings.leeway, settings.token_lifetime, settings.expiring) == (30, 86_400, 60)
    assert (settings.jwt_owns_claim, settings.jwt_grants_claim) == ("ent", "signals")
    assert settings.backstage_plugin_id == "signals"
    assert not any((settings.auth, settings.anonymous, settings.insecure_issuer, settings.trusted_proxies))
    assert not any((settings.rules, settings.cookie, settings.secret, settings.jwt_secret, settings.jwt_audience))


def test_a_program_sets_one_as_the_environment_does() -> None:
    """The same rules hold for values that are no text, and the error names the setting as it is called there."""
    assert checked("heartbeat", 5) == 5
    with pytest.raises(ConfigurationError, match=r"^heartbeat is '0': it may be seconds, from 0\.1 to 3600\.$"):
        checked("heartbeat", 0)


def test_the_names_the_documentation_gives() -> None:
    """A variable and an option have the name of the setting."""
    assert variable("max_streams") == "SIGNALS_MAX_STREAMS"
    assert option("max_streams") == "--max-streams"


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("SIGNALS_PROT", "did you mean SIGNALS_PORT?"),
        ("SIGNALS_HEART_BEAT", "did you mean SIGNALS_HEARTBEAT?"),
        ("SIGNALS_XQZW", "sse-signals check lists those that there are."),
        ("SIGNALS_", "sse-signals check lists those that there are."),
    ],
)
def test_an_unknown_variable_stops_the_start(name: str, mend: str) -> None:
    """A mistake in typing does not pass for a default: the sentence names it and what may have been meant."""
    with pytest.raises(ConfigurationError) as caught:
        load({name: "1"}, {})
    assert str(caught.value).startswith(f"{name} is no setting: ")
    assert mend in str(caught.value)


def test_variables_of_clients_are_left_to_them() -> None:
    """Where one uses the commands of a client, the hub starts all the same."""
    assert load({"SIGNALS_URL": "http://hub/signals", "SIGNALS_TOKEN": "secret"}, {}) == Settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com", "128.0.0.1", "localhost.example.com"])
def test_another_address_needs_authentication_or_insecure(host: str) -> None:
    """Nobody serves the world by accident: the sentence names both ways out."""
    with pytest.raises(ConfigurationError, match=r"SIGNALS_HOST.*--insecure"):
        load({"SIGNALS_HOST": host}, {})
    assert load({"SIGNALS_HOST": host}, {"insecure": True}).host == host
    assert load({"SIGNALS_HOST": host, "SIGNALS_INSECURE": "true"}, {}).insecure


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com"])
def test_with_authentication_any_address_will_do(host: str) -> None:
    """Who has to authenticate may come from anywhere; only --insecure makes no sense then, and is refused."""
    assert load({**JWT, "SIGNALS_HOST": host}, {}).host == host
    with pytest.raises(
        ConfigurationError, match=r"^--insecure \(SIGNALS_INSECURE\) is true: .*SIGNALS_AUTH is 'jwt'\.$"
    ):
        load({**JWT, "SIGNALS_HOST": host}, {"insecure": True})
    assert load({**JWT, "SIGNALS_INSECURE": "false"}, {}).auth == ("jwt",)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        *(
            (
                {variable(name): text},
                rf"^{variable(name)} is set: it may be so only if SIGNALS_AUTH holds '{method}'\.$",
            )
            for name, text, method in [
                ("jwt_secret", SECRET, "jwt"),
                ("jwt_key", "a.pem", "jwt"),
                ("jwt_owns_claim", "ent", "jwt"),
                ("jwt_issuer", "a", "jwt"),
                ("backstage_url", "https://a", "backstage"),
                ("backstage_plugin_id", "signals", "backstage"),
            ]
        ),
        ({**BACKSTAGE, "SIGNALS_JWT_TYPE": "JWT"}, r"^SIGNALS_JWT_TYPE .* SIGNALS_AUTH holds 'jwt'\.$"),
        ({"SIGNALS_AUTH": "jwt"}, r"SIGNALS_AUTH .*SIGNALS_JWT_SECRET, SIGNALS_JWT_KEY and SIGNALS_JWT_JWKS_URL\.$"),
        ({"SIGNALS_AUTH": "backstage"}, r"^SIGNALS_AUTH holds 'backstage': .* SIGNALS_BACKSTAGE_URL\.$"),
        ({"SIGNALS_AUTH": "keys"}, r"^SIGNALS_AUTH holds 'keys': .* SIGNALS_RULES\.$"),
        *(
            ({variable(name): text}, rf"^{variable(name)} is set: .* SIGNALS_AUTH says how one authenticates\.$")
            for name, text in [
                ("rules", "a.toml"),
                ("anonymous", "true"),
                ("cookie", "session"),
                ("secret", SECRET),
                ("insecure_issuer", "true"),
            ]
        ),
        ({**JWT, "SIGNALS_JWT_ALGORITHM": "RS256"}, r"^SIGNALS_JWT_ALGORITHM is 'RS256': .* with SIGNALS_JWT_KEY\.$"),
        (
            {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_KEY": "a.pem", "SIGNALS_JWT_JWKS_URL": "https://a/keys"},
            r"^SIGNALS_JWT_KEY is set: it may be so only without SIGNALS_JWT_JWKS_URL\.$",
        ),
        (
            {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_KEY": "a.pem", "SIGNALS_JWT_ALGORITHM": "HS256"},
            r"^SIGNALS_JWT_ALGORITHM is 'HS256': .* with SIGNALS_JWT_SECRET\.$",
        ),
    ],
)
def test_settings_that_contradict_or_do_nothing_stop_the_start(environ: dict[str, str], sentence: str) -> None:
    """Who set one believes that it protects something: one sentence names it and what it needs."""
    with pytest.raises(ConfigurationError, match=sentence):
        load(environ, {})


@pytest.mark.parametrize("broker", ["memory://", "sqlite:///a"])
def test_workers_need_a_log_that_they_share(broker: str) -> None:
    """More than one of them do: the sentence names both settings, and brokers that will do."""
    with pytest.raises(
        ConfigurationError,
        match=rf"^--workers \(SIGNALS_WORKERS\) is 2: .* redis:// or nats://, but SIGNALS_BROKER is '{broker}'\.$",
    ):
        load({"SIGNALS_BROKER": broker}, {"workers": "2"})
    assert load({"SIGNALS_BROKER": broker}, {"workers": "1"}).workers == 1


@pytest.mark.parametrize(
    "broker",
    ["redis://h", "rediss://h", "redis+sentinel://h", "rediss+cluster://h", "nats://h", "tls://h", "ws://h", "wss://h"],
)
def test_what_a_log_is_that_workers_share(broker: str) -> None:
    """Every broker that is a server does."""
    assert load({"SIGNALS_BROKER": broker, "SIGNALS_WORKERS": "256"}, {}).workers == 256


@pytest.mark.parametrize(
    ("name", "value", "for_", "not_for"),
    [
        ("broker_name", "a", ("rediss://h", "wss://h"), ("memory://", "sqlite:///a")),
        ("sqlite_synchronous", "normal", ("sqlite:///a",), ("memory://", "redis://h", "nats://h")),
        ("nats_replicas", "3", ("nats://h", "tls://h", "ws://h", "wss://h"), ("memory://", "sqlite:///a", "redis://h")),
        ("redis_volatile", "true", ("redis://h", "rediss://h"), ("memory://", "sqlite:///a", "nats://h")),
    ],
)
def test_what_another_broker_would_not_heed(
    name: str, value: str, for_: tuple[str, ...], not_for: tuple[str, ...]
) -> None:
    """A setting of one broker is refused where it would do nothing, by its name and without a password."""
    for broker in for_:
        assert load({"SIGNALS_BROKER": broker, variable(name): value}, {}).broker == broker
    for broker in not_for:
        secretive = broker.replace("//h", "//u:c4nary@h")
        with pytest.raises(ConfigurationError, match=rf"^{variable(name)} is set: .*SIGNALS_BROKER is '") as caught:
            load({"SIGNALS_BROKER": secretive, variable(name): value}, {})
        assert "c4nary" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"SIGNALS_METRICS_HOST": "0.0.0.0"},
            r"^SIGNALS_METRICS_HOST is set: it is without effect as long as SIGNALS_METRICS_PORT is not\.$",
        ),
        (
            {"SIGNALS_METRICS_PORT": "8080"},
            r"^SIGNALS_METRICS_PORT is 8080: .* SIGNALS_PORT is another port, or SIGNALS_HOST and SIGNALS_METRICS_HOST",
        ),
        ({**JWT, "SIGNALS_HOST": "::", "SIGNALS_METRICS_PORT": "8080"}, r"^SIGNALS_METRICS_PORT is 8080: "),
        ({"SIGNALS_METRICS_HOST": "0.0.0.0", "SIGNALS_METRICS_PORT": "8080"}, r"^SIGNALS_METRICS_PORT is 8080: "),
    ],
)
def test_a_port_for_metrics_is_another_one(environ: dict[str, str], sentence: str) -> None:
    """An address without a port, and the hub's own port once more, are each told in one sentence."""
    with pytest.raises(ConfigurationError, match=sentence):
        load(environ, {})


def test_ports_for_metrics_that_can_be_had() -> None:
    """The same number at another address, any free one beside any free one, and another number anywhere."""
    for environ in (
        {"SIGNALS_METRICS_HOST": "::1", "SIGNALS_METRICS_PORT": "8080"},
        {"SIGNALS_PORT": "0", "SIGNALS_METRICS_PORT": "0"},
        {"SIGNALS_METRICS_HOST": "0.0.0.0", "SIGNALS_METRICS_PORT": "9090"},
    ):
        assert load(environ, {}).metrics_port == int(environ["SIGNALS_METRICS_PORT"])


def test_what_is_off_needs_nothing() -> None:
    """A switch that is set to false, as templates do, asks for nothing else."""
    assert load({"SIGNALS_ANONYMOUS": "false", "SIGNALS_INSECURE_ISSUER": "0"}, {}) == Settings()
    assert load({"SIGNALS_REDIS_VOLATILE": "false"}, {}) == Settings()


@pytest.mark.parametrize(
    ("name", "environ"), [("jwt_jwks_url", {"SIGNALS_AUTH": "jwt"}), ("backstage_url", {"SIGNALS_AUTH": "backstage"})]
)
def test_keys_come_over_https_or_a_network_that_is_trusted(name: str, environ: dict[str, str]) -> None:
    """Over plain http whoever sits in between could hand out keys: only from this machine, or if it is said twice."""
    for host in ("backstage:7007", "127.0.0.1.example", "localhost.example", "10.0.0.1", "[2001:db8::1]"):
        plain = {**environ, variable(name): f"http://{host}/x"}
        with pytest.raises(
            ConfigurationError, match=rf"^{variable(name)} begins with http://: .*SIGNALS_INSECURE_ISSUER"
        ):
            load(plain, {})
        assert getattr(load({**plain, "SIGNALS_INSECURE_ISSUER": "true"}, {}), name) == f"http://{host}/x"
        assert getattr(load({**environ, variable(name): f"https://{host}/x"}, {}), name)
    for host in ("localhost:1", "127.0.0.1", "[::1]:7007"):
        assert getattr(load({**environ, variable(name): f"http://{host}/x"}, {}), name) == f"http://{host}/x"


@pytest.mark.parametrize("name", ["secret", "jwt_secret", "jwt_key"])
def test_a_secret_is_never_shown(name: str) -> None:
    """Neither an error nor the settings' own text holds one, nor a key that was put where its path belongs."""
    others = beside(name, "")
    with pytest.raises(ConfigurationError) as caught:
        load({**others, variable(name): "c4nary\nkey"}, {})
    assert str(caught.value).startswith(f"{variable(name)} is '***': it may be ")
    assert "c4nary" not in repr(load({**others, variable(name): "c4nary-" + SECRET}, {}))


def test_a_message_fits_into_a_body() -> None:
    """Two limits that contradict each other are told with both names."""
    with pytest.raises(ConfigurationError, match=r"SIGNALS_MAX_MESSAGE is 65536.*SIGNALS_MAX_BODY, which is 1000\."):
        load({"SIGNALS_MAX_BODY": "1000"}, {})
    assert load({"SIGNALS_MAX_BODY": "1000"}, {"max_message": "1000"}).max_body == 1000


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("localhost", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("a", False),
    ],
)
def test_what_is_a_loopback_address(host: str, is_it: bool) -> None:
    """Only addresses that cannot be reached from elsewhere are."""
    assert loopback(host) is is_it


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("memory://", "memory://"),
        ("redis://localhost/0", "redis://localhost/0"),
        ("redis://user:secret@host/0", "redis://***@host/0"),
        ("redis:user:secret@host", "redis://***@host"),
        ("redis://:s@cret@host", "redis://***@host"),
        ("secret@[", "***@["),
        ("redis://host/0?password=secret", "redis://host/0?password=***"),
        ("redis://host/0?db=1&Password=s@cret&x=1", "redis://***"),
        ("redis://u:p@host?p%61ssword=a?secret#&db=1", "redis://***@host?p%61ssword=***&db=1"),
        ("redis://host?username=secret&password&timeout=2", "redis://host?username=***&***&timeout=2"),
        ("redis://host/0?", "redis://host/0?"),
        ("redis://host/0?pwd=secret&p=secret&bogus=secret", "redis://host/0?pwd=***&p=***&bogus=***"),
        ("https://host/k?sig=secret&code=secret&secret&x y=secret", "https://host/k?sig=***&code=***&***&***"),
        ("redis://host?db=1;pwd=secret&timeout=2?secret&db=" + "secret" * 6, "redis://host?db=***&timeout=***&db=***"),
        ("redis://host?ssl_cert_reqs=none&db=1#secret", "redis://host?ssl_cert_reqs=none&db=***"),
        ("redis://u:p?secret@host", "redis://***@host"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    """However a URL is written, an error says what was meant without its credentials."""
    assert without_password(url) == shown
    with pytest.raises(ConfigurationError) as caught:
        load({}, {"broker": url.replace("redis:", "kafka:").replace("memory:", "kafka:")})
    assert "cret" not in str(caught.value)


def test_an_age_that_no_hub_can_keep() -> None:
    """A stream is looked at once a heartbeat: an age of fewer than five is refused, and the sentence names both."""
    with pytest.raises(ConfigurationError, match=r"^SIGNALS_MAX_STREAM_AGE is 74\.5: .* 5 times SIGNALS_HEARTBEAT"):
        load({"SIGNALS_MAX_STREAM_AGE": "74.5"}, {})
    assert load({"SIGNALS_MAX_STREAM_AGE": "75"}, {}).max_stream_age == 75
    assert load({"SIGNALS_MAX_STREAM_AGE": "0"}, {"heartbeat": "60"}).max_stream_age == 0

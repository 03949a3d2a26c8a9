"""Every setting: a text and the value that it means, and texts that it may not be."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.settings import Settings, load, option, variable
from tests.settings_given import SECRET, beside

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

"""Settings that contradict each other, do nothing or are not safe stop the start, in a sentence that names them."""

from __future__ import annotations

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.settings import load, variable
from tests.settings_given import JWT, SECRET

BACKSTAGE = {"SIGNALS_AUTH": "backstage", "SIGNALS_BACKSTAGE_URL": "https://backstage.example"}


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


def test_a_message_fits_into_a_body() -> None:
    """Two limits that contradict each other are told with both names."""
    with pytest.raises(ConfigurationError, match=r"SIGNALS_MAX_MESSAGE is 65536.*SIGNALS_MAX_BODY, which is 1000\."):
        load({"SIGNALS_MAX_BODY": "1000"}, {})
    assert load({"SIGNALS_MAX_BODY": "1000"}, {"max_message": "1000"}).max_body == 1000


def test_an_age_that_no_hub_can_keep() -> None:
    """A stream is looked at once a heartbeat: an age of fewer than five is refused, and the sentence names both."""
    with pytest.raises(ConfigurationError, match=r"^SIGNALS_MAX_STREAM_AGE is 74\.5: .* 5 times SIGNALS_HEARTBEAT"):
        load({"SIGNALS_MAX_STREAM_AGE": "74.5"}, {})
    assert load({"SIGNALS_MAX_STREAM_AGE": "75"}, {}).max_stream_age == 75
    assert load({"SIGNALS_MAX_STREAM_AGE": "0"}, {"heartbeat": "60"}).max_stream_age == 0

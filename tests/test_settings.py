"""How settings are read: from the environment and from options, by their names, or not at all."""

from __future__ import annotations

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.settings import Settings, checked, load, option, variable
from tests.settings_given import SECRET, beside


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


def test_what_is_off_needs_nothing() -> None:
    """A switch that is set to false, as templates do, asks for nothing else."""
    assert load({"SIGNALS_ANONYMOUS": "false", "SIGNALS_INSECURE_ISSUER": "0"}, {}) == Settings()
    assert load({"SIGNALS_REDIS_VOLATILE": "false"}, {}) == Settings()


@pytest.mark.parametrize("name", ["secret", "jwt_secret", "jwt_key"])
def test_a_secret_is_never_shown(name: str) -> None:
    """Neither an error nor the settings' own text holds one, nor a key that was put where its path belongs."""
    others = beside(name, "")
    with pytest.raises(ConfigurationError) as caught:
        load({**others, variable(name): "c4nary\nkey"}, {})
    assert str(caught.value).startswith(f"{variable(name)} is '***': it may be ")
    assert "c4nary" not in repr(load({**others, variable(name): "c4nary-" + SECRET}, {}))

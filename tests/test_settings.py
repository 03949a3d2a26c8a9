from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.settings import Settings, load, loopback, option, variable, without_password

# One row a setting: its field, a text, the value it means.
GOOD = [
    ("host", "localhost", "localhost"),
    ("host", "::1", "::1"),
    ("host", "127.0.0.2", "127.0.0.2"),
    ("port", "0", 0),
    ("port", "65535", 65535),
    ("broker", "memory://", "memory://"),
    ("prefix", "/a/b.c/~d_e-1", "/a/b.c/~d_e-1"),
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
]
BAD = [
    *(("host", text) for text in ("", " ", "a b", "a\nb", "a..b", "a/b", "http://a", "a" * 64, "\udcff", "[::1]", "é")),
    *(("port", text) for text in ("", "x", "-1", "65536", "80.5", "9" * 5000, "0x50", "1e3")),
    *(("broker", text) for text in ("", "redis://localhost", "memory", "memory:///", "memory://x", "http://[", "x\n")),
    *(("prefix", text) for text in ("", "/", "signals", "/a/", "//a", "/a b", "/a\n", "/{x}", "/a?b", "/é", "/%41")),
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
]


def ids(rows: list[Any]) -> list[str]:
    """Return names for rows that pytest can print."""
    return [f"{number}-{row[0]}" for number, row in enumerate(rows)]


@pytest.mark.parametrize(("name", "text", "value"), GOOD, ids=ids(GOOD))
def test_a_value_is_read_from_the_environment_and_from_options(name: str, text: str, value: object) -> None:
    """Both are read alike, and an option outranks the variable."""
    assert getattr(load({variable(name): text}, {}), name) == value
    assert getattr(load({}, {name: text}), name) == value
    assert getattr(load({variable(name): "bad value"}, {name: text}), name) == value
    assert getattr(load({variable(name): text}, {name: None}), name) == value


@pytest.mark.parametrize(("name", "text"), BAD, ids=ids(BAD))
def test_a_bad_value_is_one_sentence_that_names_it(name: str, text: str) -> None:
    """It says which variable or option, what it is, and what it may be, on one line."""
    for environ, options, called in (({variable(name): text}, {}, variable(name)), ({}, {name: text}, option(name))):
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
    assert (settings.heartbeat, settings.send_timeout, settings.history_age) == (15, 30, 3600)
    assert (settings.history_count, settings.history_bytes) == (100_000, 64 * 2**20)
    assert (settings.max_message, settings.max_body, settings.max_streams) == (65_536, 2**20, 10_000)
    assert not settings.cors_origins
    assert settings.insecure is False


def test_the_names_the_documentation_gives() -> None:
    """A variable and an option have the name of the setting."""
    assert variable("max_streams") == "SIGNALS_MAX_STREAMS"
    assert option("max_streams") == "--max-streams"


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("SIGNALS_PROT", "did you mean SIGNALS_PORT?"),
        ("SIGNALS_HEART_BEAT", "did you mean SIGNALS_HEARTBEAT?"),
        ("SIGNALS_XQZW", "known are SIGNALS_HOST, SIGNALS_PORT, "),
        ("SIGNALS_", "known are SIGNALS_HOST"),
    ],
)
def test_an_unknown_variable_stops_the_start(name: str, mend: str) -> None:
    """A mistake in typing does not pass for a default: the sentence names it and what may have been meant."""
    with pytest.raises(ConfigurationError) as caught:
        load({name: "1"}, {})
    assert str(caught.value).startswith(f"{name} is no setting: ")
    assert mend in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com", "128.0.0.1", "localhost.example.com"])
def test_another_address_needs_authentication_or_insecure(host: str) -> None:
    """Nobody serves the world by accident: the sentence names both ways out."""
    with pytest.raises(ConfigurationError, match=r"SIGNALS_HOST.*--insecure"):
        load({"SIGNALS_HOST": host}, {})
    assert load({"SIGNALS_HOST": host}, {"insecure": True}).host == host
    assert load({"SIGNALS_HOST": host, "SIGNALS_INSECURE": "true"}, {}).insecure


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
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    """However a URL is written, an error says what was meant without its credentials."""
    assert without_password(url) == shown
    with pytest.raises(ConfigurationError) as caught:
        load({}, {"broker": url + "?"})
    assert "cret" not in str(caught.value)

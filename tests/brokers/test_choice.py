from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import structlog

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers import choice
from sse_signals.brokers.choice import Log, open_log
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.errors import ConfigurationError
from sse_signals.model import HistoryLimits

LIMITS, OPTIONS = HistoryLimits(), BrokerOptions(name="other")
KINDS = {"sqlite": "SqliteBroker", "redis": "RedisBroker", "nats": "NatsBroker"}


def clock() -> int:
    """Stand still."""
    return 1


def choose(url: str) -> Log:
    """Return the log at a URL."""
    return open_log(url, LIMITS, OPTIONS, clock=clock, logger=structlog.get_logger())


def test_a_log_in_memory_has_its_state_in_memory() -> None:
    """Two of them have nothing in common."""
    one, other = choose("memory://"), choose("memory://")
    assert type(one.broker) is MemoryBroker
    assert type(one.state) is MemoryState
    assert one.broker is not other.broker
    assert one.state is not other.state


class Fake:
    """A broker that tells what it was made with."""

    def __init__(self, *given: object, **named: object) -> None:
        self.given, self.named = given, named
        self.state = object()


@pytest.mark.parametrize(
    ("url", "module"),
    [
        *[("sqlite:///a/b.db", "sqlite"), ("redis://h", "redis"), ("rediss://h:1", "redis")],
        *[("redis+sentinel://a,b/m", "redis"), ("rediss+cluster://a,b", "redis")],
        *[("nats://h", "nats"), ("tls://h", "nats"), ("ws://h", "nats"), ("wss://h", "nats")],
    ],
)
def test_the_scheme_says_which_broker_it_is(monkeypatch: pytest.MonkeyPatch, url: str, module: str) -> None:
    """It is given everything there is to know, and brings its own state."""
    room = ModuleType(module)
    room.__dict__[KINDS[module]] = Fake
    monkeypatch.setitem(sys.modules, f"sse_signals.brokers.{module}", room)
    chosen: Any = choose(url)
    assert chosen.broker.given == (url, LIMITS, OPTIONS)
    assert chosen.broker.named["clock"] is clock
    assert chosen.state is chosen.broker.state


@pytest.mark.parametrize(
    "url",
    [
        *["", "memory", "memory:", "memory://x", "memory:///", "kafka://h", "http://h", "://", "redis", "redis:h"],
        *["REDIS://h", " redis://h", "nats+x", "+redis://h", "sqlite:a.db", "kafka://me:secret@h/x"],
    ],
)
def test_another_url_is_refused_with_a_sentence(url: str) -> None:
    """It says what it may be, and no password."""
    with pytest.raises(
        ConfigurationError, match=r"memory://, sqlite:///path, redis://host or nats://host; "
    ) as refused:
        choose(url)
    assert "secret" not in str(refused.value)


def importing(missing: str | None) -> Any:
    """Return an import that does not find a package."""

    def fails(_name: str) -> ModuleType:
        raise ModuleNotFoundError("not there", name=missing)

    return fails


@pytest.mark.parametrize(("url", "missing"), [("redis://h", "redis"), ("wss://h", "nats"), ("nats://h", "nats.js")])
def test_a_missing_extra_is_a_sentence(monkeypatch: pytest.MonkeyPatch, url: str, missing: str) -> None:
    """It says how to install what is missing, and no traceback is its cause."""
    monkeypatch.setattr(choice, "import_module", importing(missing))
    module = missing.partition(".")[0]
    with pytest.raises(ConfigurationError, match=rf"pip install '\.\[{module}\]' in the checkout") as refused:
        choose(url)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("missing", ["orjson", None, "sse_signals.brokers.redis"])
def test_a_fault_of_our_own_is_not_blamed_on_an_extra(monkeypatch: pytest.MonkeyPatch, missing: str | None) -> None:
    """What else cannot be imported stays what it is."""
    monkeypatch.setattr(choice, "import_module", importing(missing))
    with pytest.raises(ModuleNotFoundError):
        choose("redis://h")


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a*", "a>", "a\r\nPUB b 0\r\n", "a\n", "\xe9", "a" * 65])
@pytest.mark.parametrize("url", ["memory://", "sqlite:///log.db", "redis://h", "nats://h"])
def test_a_name_that_means_something_to_a_broker_is_refused(url: str, name: str) -> None:
    """It becomes part of subjects and keys, which are sent as they are."""
    with pytest.raises(ConfigurationError, match=r"A log cannot be called .*: up to 64 letters, digits, - and _"):
        open_log(url, LIMITS, BrokerOptions(name=name), clock=clock, logger=structlog.get_logger())

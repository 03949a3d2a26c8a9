"""What is told, and which line to change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sse_signals.doctor.exchange import Head
from sse_signals.doctor.facts import Answer
from sse_signals.doctor.finding import seconds
from sse_signals.doctor.judge import judge
from sse_signals.doctor.proxies import PROXIES, named, told
from sse_signals.doctor.remedies import REMEDIES, remedies
from sse_signals.doctor.report import document, lines
from sse_signals.doctor.seen import Seen
from sse_signals.doctor.target import Target
from tests.doctor.facts import nothing, polled, seen

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD = {"first": nothing(), "quiet": (nothing(),), "busy": (nothing(),), "crowd": ()}


def front(**headers: str) -> Seen:
    """Return a good hub behind what answers with some headers."""
    good = polled()
    assert good.head is not None
    head = Head(200, (*good.head.fields, *headers.items()))
    return seen(entrance=Answer(head=head, arrivals=good.arrivals))


@pytest.mark.parametrize(
    ("headers", "name", "proxies"),
    [
        ({"server": "nginx/1.29"}, "nginx/1.29", ("nginx",)),
        ({"server": "openresty"}, "openresty", ("nginx",)),
        ({"server": "sse-signals", "via": "1.1 Caddy"}, "1.1 Caddy", ("caddy",)),
        ({"server": "nginx", "via": "1.1 Caddy"}, "nginx, 1.1 Caddy", ("nginx", "caddy")),
        ({"server": "sse-signals"}, None, tuple(PROXIES)),
        ({"server": "cloud\x1b[2J"}, "cloud\\x1b[2J", tuple(PROXIES)),
        ({}, None, tuple(PROXIES)),
    ],
)
def test_which_proxy(headers: dict[str, str], name: str | None, proxies: tuple[str, ...]) -> None:
    """What names itself gets its own lines, and what nobody knows gets all."""
    assert (named(front(**headers)), told(front(**headers))) == (name, proxies)


def test_remedies_are_complete() -> None:
    """Where there are lines, there is one for each proxy: a single line that a terminal only shows."""
    for name, lines_of in REMEDIES.items():
        assert tuple(lines_of) == tuple(PROXIES), name
        assert all(line.isprintable() and line == line.strip() for line in lines_of.values())
    assert remedies("time-limit", ("nginx",)) == remedies("idle-limit", ("nginx",))
    assert remedies("clock", tuple(PROXIES)) == {}


def test_document() -> None:
    """The JSON object has all that is told, and remedies by proxy, or by the hub's own settings."""
    facts = seen(**HELD, crossing=seen().crossing, protocol="http/1.1")
    told = document(facts, judge(facts), ("nginx", "ingress"))
    assert json.loads(json.dumps(told)) == told
    assert (told["url"], told["proxy"], told["protocol"]) == ("https://hub.example.com/signals", None, "HTTP/1.1")
    held = told["findings"][0]
    assert held.keys() == {"name", "severity", "seen", "effect", "remedies"}
    assert held["remedies"] == {
        "nginx": "proxy_buffering off;",
        "ingress": 'nginx.ingress.kubernetes.io/proxy-buffering: "off"',
    }
    assert {"name": "resume", "seen": "Last-Event-ID arrives"} in told["fine"]
    assert told["notChecked"] == [
        {"name": "time-limits", "reason": "no stream began that could be cut"},
        {"name": "stream-limit", "reason": "not even single streams begin at once"},
    ]


def text(facts: Seen, *proxies: str) -> list[str]:
    """Return the lines that people are shown, not broken, with colours as words."""

    def wrap(text: str, indent: str) -> Iterator[str]:
        yield indent + text

    return list(lines(facts, judge(facts), proxies, wrap, lambda text, how: f"<{how} {text}>"))


def test_lines() -> None:
    """People are told the worst first, each with what it does and what to change, and then what is fine or unknown."""
    told = text(seen(**HELD), "nginx")
    assert told[0] == "https://hub.example.com/signals: HTTP/2, nothing between names itself."
    assert told[2:7] == [
        "<red FAULT>  <bold buffering>",
        "  The receipt that begins a stream did not come within 35.0 s, while short answers took 1 ms.",
        "  Users see nothing, or everything late and at once; what is live is not.",
        "  nginx, in location /signals/ { … }:",
        "      <cyan proxy_buffering off;>",
    ]
    assert "<green Fine>" in told
    every = text(seen(**HELD), *PROXIES)
    assert every[every.index("  Caddy (in reverse_proxy):") + 1] == "      <cyan response_buffers 0>"
    assert "  Traefik: take the buffering middleware off the hub's router: it waits for whole answers." in every
    assert "<yellow Not checked>" in told
    assert told[-1] == "1 fault, 0 warnings, 0 notes."
    good = text(front(server="nginx"), "nginx")
    assert good[0].endswith("HTTP/2, nginx stands between.")
    assert good[-1] == "0 faults, 0 warnings, 0 notes."
    assert "<yellow Not checked>" not in good
    assert text(Seen(Target("http", "h", 1, ""), interrupted=True, protocol="?"))[-1].startswith(
        "Interrupted; so far 0"
    )


def test_a_setting_of_the_hub_stands_before_lines() -> None:
    """Where the hub's own setting may help, it is told."""
    facts = seen(protocol="h2", unpublished=None, clocks=None, crossing=seen().crossing, quiet=(), busy=())
    assert judge(facts).findings == ()
    lost = seen(resume=polled(recovered=False))
    assert any(line.startswith("  The hub: SIGNALS_BROKER") for line in text(lost, "nginx"))


def test_notes_have_lines_only_for_a_known_proxy() -> None:
    """A note on a hub that nothing stands before has no lines for proxies."""
    note = seen(protocol="http/1.1", target=Target("http", "127.0.0.1", 80, "/signals"))
    assert not any("http2 on" in line for line in text(note, *PROXIES))
    assert any("http2 on" in line for line in text(note, "nginx"))


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "1 ms"), (0.0123, "12 ms"), (0.9996, "1.0 s"), (12.34, "12.3 s"), (123.4, "123 s")]
)
def test_seconds(value: float, said: str) -> None:
    """Durations have as many figures as people need."""
    assert seconds(value) == said

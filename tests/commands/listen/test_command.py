"""``sse-signals listen``: what it shows, where it starts and ends, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from sse_signals.model import HistoryLimits
from sse_signals.testing import hub, signals_hub
from tests.commands.running import Done, assert_told, beside, blockbuster, command, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]
NOWHERE = "http://127.0.0.1:1"


def listen(running: SignalsHub, *arguments: str, **variables: str) -> Done:
    """Run it to its end."""
    return command("listen", *arguments, SIGNALS_URL=running.url, **variables)


def messages(done: Done) -> list[str]:
    """Return the third columns of what it has printed."""
    return [line.split("\t")[2] for line in done.lines]


def test_signals_as_they_come(signals_hub: SignalsHub) -> None:
    """In order, those that are asked for and broadcasts, until there are as many as are wanted."""

    def publish() -> None:
        signals_hub.wait_for_streams(1)
        signals_hub.publish({"a": 1}, topic="a/1")
        signals_hub.publish(1, topic="other")
        signals_hub.publish("x y", topic="b")
        signals_hub.publish(None)

    with beside(publish):
        done = listen(signals_hub, "a/*", "b", "-n", "3")
    times = [event.time for event in signals_hub.published if event.address != "other"]
    shown = [f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z" for time in times]
    assert done == (0, f'{shown[0]}\ta/1\t{{"a":1}}\n{shown[1]}\tb\t"x y"\n{shown[2]}\t\tnull\n', "")


def test_everything_up_to_now(signals_hub: SignalsHub) -> None:
    """With --no-follow it ends by itself, also where there is nothing; --json is what the hub sends as JSON lines."""
    assert listen(signals_hub, "--no-follow") == (0, "", "")
    first = signals_hub.publish({"a": "\x7f\u009b\u202e\U000e0041ü"}, topic="a", event="e")
    second = signals_hub.publish("b")
    done = listen(signals_hub, "--no-follow", "--json")
    one, two = map(json.loads, done.lines)
    assert one == {
        "id": first,
        "event": "e",
        "topic": "a",
        "time": one["time"],
        "message": {"a": "\x7f\u009b\u202e\U000e0041ü"},
    }
    assert list(two) == ["id", "time", "message"]
    assert two["id"] == second
    assert r'{"a":"\u007f\u009b\u202e\udb40\udc41ü"}' in done.lines[0]
    assert messages(listen(signals_hub, "--no-follow", "--raw")) == [
        r'{"a":"\u007f\u009b\u202e\udb40\udc41ü"}',
        "b",
    ]


def test_where_it_starts(signals_hub: SignalsHub) -> None:
    """Since when, as the hub reads it, or after an id."""
    ids = [signals_hub.publish(number, topic="a") for number in range(5)]
    assert messages(listen(signals_hub, "--since", "all", "-n", "5")) == list("01234")
    assert messages(listen(signals_hub, "--since=-2", "-n", "2")) == ["3", "4"]
    assert messages(listen(signals_hub, "--since", "10m", "--no-follow")) == list("01234")
    assert messages(listen(signals_hub, "--last-event-id", ids[3], "-n", "1")) == ["4"]
    assert messages(listen(signals_hub, "--last-event-id", ids[3], "--no-follow")) == ["4"]
    done = listen(signals_hub, "--since", "long ago")
    assert_told(done, 2, "since: It is none of the forms this parameter has.")


def test_an_interruption_costs_nothing(signals_hub: SignalsHub) -> None:
    """It comes back by itself and goes on exactly where it was, also if it started in the past."""
    signals_hub.publish(0, topic="a")

    def publish() -> None:
        signals_hub.wait_for_streams(1)
        signals_hub.publish(1, topic="a")
        with signals_hub.cut():
            signals_hub.publish(2, topic="a")
        signals_hub.publish(3, topic="a")

    with beside(publish):
        done = listen(signals_hub, "--since", "all", "-n", "4")
    assert (done.status, messages(done), done.stderr) == (0, list("0123"), "")


def test_what_is_lost_is_told(signals_hub: SignalsHub) -> None:
    """A gap is said on stderr, wherever that goes; it goes on all the same."""

    def publish() -> None:
        signals_hub.wait_for_streams(1)
        signals_hub.gap()
        signals_hub.publish(1, topic="a")

    with beside(publish):
        done = listen(signals_hub, "-n", "1")
    assert (done.status, messages(done)) == (0, ["1"])
    assert done.stderr.startswith("sse-signals: signals after ")
    assert "may be missing: the hub's log was lost" in done.stderr


def test_a_place_that_is_unknown_or_trimmed() -> None:
    """Each says why, in words."""
    with hub(history=HistoryLimits(count=1)) as running:
        first = running.publish(0, topic="a")
        running.publish(1, topic="a")
        running.publish(2, topic="a")
        trimmed = listen(running, "--last-event-id", first, "--no-follow")
        unknown = listen(running, "--last-event-id", "ü", "--no-follow")
    assert (messages(trimmed), messages(unknown)) == (["2"], [])
    assert f"signals after {first} may be missing: the hub no longer holds them." in trimmed.stderr
    assert "signals may be missing: the hub does not know this place." in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["a", "--since", "all", "--last-event-id", "x"], "--since and --last-event-id exclude each other"),
        (["a", "--cursor", "f", "--last-event-id", "x"], "--cursor and --last-event-id exclude each other"),
        (["a", "--json", "--raw"], "--json and --raw exclude each other"),
        (["a", "--json", "--full"], "--json and --full exclude each other"),
        (["a", "--exec", "x", "--full"], "--exec and --full exclude each other"),
        (["a", "--stop-on-failure"], "--stop-on-failure is about the command of --exec"),
        (["a*b"], "TOPIC"),
        (["-n", "0"], "--count"),
        (["--cursor", "/"], "--cursor"),
        (["--follow"], "--no-follow"),
    ],
)
def test_a_mistake_in_typing_is_told(arguments: list[str], part: str) -> None:
    """It ends with status 2 before anything is asked for, and says what may be."""
    done = command("listen", *arguments, SIGNALS_URL=NOWHERE)
    assert (done.status, done.stdout) == (2, "")
    assert part in done.stderr


def test_too_many_topics() -> None:
    """By the hub's own rule, before it is asked."""
    done = command("listen", *(f"t{number}" for number in range(65)), SIGNALS_URL=NOWHERE)
    assert_told(done, 2, "more than 64 topic filters")


def test_a_hub_that_refuses() -> None:
    """Without a token, or with one that is no good: its own words, and status 4."""
    with hub(authentication=True) as guarded:
        assert_told(listen(guarded), 4, "no-credentials", "Give a token: --token, or the variable SIGNALS_TOKEN.")
        assert_told(listen(guarded, SIGNALS_TOKEN="secret-1"), 4, "unknown-token")
        guarded.publish(1, topic="a")
        token = guarded.token("user:default/ann")
        assert messages(listen(guarded, "--no-follow", SIGNALS_TOKEN=token)) == ["1"]


def test_a_hub_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried for some seconds; then it is told why there is none, with status 3."""
    monkeypatch.setattr("sse_signals.commands.listen.following.OPENING", 0.5)
    assert_told(command("listen", SIGNALS_URL=NOWHERE), 3, "given no stream within 0.5 s: Connection refused.")
    done = command("listen", "--timeout", "0.4", SIGNALS_URL=NOWHERE)
    assert_told(done, 3, "given no stream within 0.4 s: Connection refused.")
    done = command("listen", "--timeout", "2", SIGNALS_URL=NOWHERE)
    assert_told(done, 3, "given no stream within 0.5 s: Connection refused.")
    assert_told(command("listen", "--url", "nowhere"), 2, "'nowhere' is no URL of a hub")


class Page(BaseHTTPRequestHandler):
    """A web server that is no hub."""

    def do_GET(self) -> None:
        """Answer everything with the same page, or lead on."""
        moved = self.path.startswith("/moved")
        self.send_response(302 if moved else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Location", "/login")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - their names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_something_that_is_no_hub(signals_hub: SignalsHub) -> None:
    """Another path of a hub, a page, and what leads on, are told as what they are."""
    done = command("listen", SIGNALS_URL=f"{signals_hub.url}/health/live")
    assert_told(done, 4, "404 Not Found", "There is nothing at this path", "without what follows, such as /stream.")
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server, beside(server.serve_forever):
        url = f"http://127.0.0.1:{server.server_port}"
        told = [command(*arguments, SIGNALS_URL=url) for arguments in (["listen"], ["publish", "a", "1"])]
        moved = command("listen", SIGNALS_URL=f"{url}/moved")
        server.shutdown()
    for done in told:
        assert_told(done, 3, "is no hub's (text/html)", "Check the URL")
    assert_told(moved, 3, "leads on to /login")


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    """It is told at once, with status 3, unless any will do."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=hub", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        with beside(server.serve_forever):
            url = f"https://127.0.0.1:{server.server_port}"
            refused = [command(*each, "--url", url) for each in (["listen"], ["publish", "a", "1"])]
            passed = [command(*each, "--url", url, "--no-verify") for each in (["listen"], ["publish", "a", "1"])]
            plain = [
                command(*each, "--timeout", "0.8", "--url", url.replace("https", "http"))
                for each in (["listen"], ["publish", "a", "1"])
            ]
            server.shutdown()
    for done in refused:
        assert_told(done, 3, "cannot be reached: its certificate is not valid (self-signed certificate)")
        assert done.stderr.endswith(" --no-verify takes any.\n")
    for done in plain:
        assert_told(done, 3, "May it be https://?")
    for done in passed:
        assert_told(done, 3, "is no hub's (text/html)")


def interrupted(work: Callable[[], Done], number: signal.Signals, ready: Callable[[], bool]) -> Done:
    """Send this process a signal once the command is ready for it."""

    def send() -> None:
        wait_for(ready)
        os.kill(os.getpid(), number)

    with beside(send):
        return work()


def test_ctrl_c(signals_hub: SignalsHub) -> None:
    """It ends at once, without a word, with status 130."""
    done = interrupted(lambda: listen(signals_hub), signal.SIGINT, lambda: signals_hub.streams == 1)
    assert done == (130, "", "")


def test_sigterm_is_heeded_as_if_nobody_had_caught_it(signals_hub: SignalsHub) -> None:
    """It ends in good order, and then by the same signal, so that who sent it sees that."""
    with mock.patch("signal.raise_signal") as raised:
        done = interrupted(lambda: listen(signals_hub), signal.SIGTERM, lambda: signals_hub.streams == 1)
    raised.assert_called_once_with(signal.SIGTERM)
    assert done == (143, "", "")
    wait_for(lambda: signals_hub.streams == 0)

"""``sse-signals publish``: what it sends, what it prints, and how it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.client.http import Link
from sse_signals.client.publishing import Failed
from sse_signals.commands.publish.contents import Kind, mistaken
from sse_signals.testing import hub, signals_hub
from sse_signals.web.limits import Limits
from tests.commands.running import assert_told, blockbuster, command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sse_signals.client.answers import Answer
    from sse_signals.client.requests import Request
    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def guarded_hub() -> Iterator[SignalsHub]:
    """A hub on which one has to show a token."""
    with hub(authentication=True) as running:
        yield running


@pytest.fixture
def small_hub() -> Iterator[SignalsHub]:
    """A hub that takes less than others."""
    with hub(limits=Limits(message=100, body=1000)) as running:
        yield running


def published(signals_hub: SignalsHub) -> list[tuple[str | None, Any]]:
    """Return where and what was published."""
    return [(event.address, event.message) for event in signals_hub.published]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (['{"a": [1, 2.5, null]}'], {"a": [1, 2.5, None]}),
        (["hello world"], "hello world"),
        (["007"], "007"),
        (["7"], 7),
        (["NaN"], "NaN"),
        (["--text", "7"], "7"),
        (["--json-only", "7"], 7),
        (["--", "-5"], -5),
        (["grüße"], "grüße"),
        ([""], ""),
        ([], None),
    ],
)
def test_a_message_is_json_if_it_can_be(signals_hub: SignalsHub, arguments: list[str], message: object) -> None:
    """What can be read as JSON is JSON, everything else text; without any it is null."""
    done = command("publish", "a/1", *arguments, SIGNALS_URL=signals_hub.url)
    (event,) = signals_hub.published
    assert (event.address, event.message) == ("a/1", message)
    assert type(event.message) is type(message)
    assert done == (0, f"{event.id}\n", "")


@pytest.mark.parametrize(
    ("content", "kind", "part"),
    [
        (b"{bad", Kind.ANY, "line 1, column 2"),
        (b" [1,", Kind.ANY, "line 1, column 5"),
        (b'"open', Kind.ANY, "Unterminated string"),
        (b'{"a": NaN}', Kind.ANY, "NaN is no number of JSON"),
        (b"{bad", Kind.TEXT, None),
        (b'{"a": 1}', Kind.ANY, None),
        (b"hello {", Kind.ANY, None),
        (b"007", Kind.ANY, None),
        (None, Kind.ANY, None),
    ],
)
def test_text_that_looks_like_json(content: bytes | None, kind: Kind, part: str | None) -> None:
    """Only what begins like JSON, and was not meant as text, is worth a word; and that says where it is none."""
    why = mistaken(content, kind)
    assert why is None if part is None else part in (why or "")


def test_text_that_looks_like_json_in_a_pipe(signals_hub: SignalsHub) -> None:
    """Where stderr is no terminal, nothing is said."""
    done = command("publish", "a", "{bad", SIGNALS_URL=signals_hub.url)
    assert (done.status, done.stderr, published(signals_hub)) == (0, "", [("a", "{bad")])


def test_everything_besides_the_message(signals_hub: SignalsHub) -> None:
    """Event name, targets and key travel with it; a repeat with the same key publishes nothing."""
    arguments = ["publish", "a", "1", "--event", "paid", "--target", "group:A", "--target", "user:default/b"]
    first = command(*arguments, "--key", "k-1", "--url", signals_hub.url, "--json")
    again = command(*arguments, "--key", "k-1", "--url", signals_hub.url)
    (event,) = signals_hub.published
    assert event.event == "paid"
    assert event.targets == frozenset({"group:default/a", "user:default/b"})
    assert json.loads(first.stdout) == {"id": event.id}
    assert again == (0, f"{event.id}\n", "")


def test_an_event_called_message_is_a_plain_one(signals_hub: SignalsHub) -> None:
    """As everywhere."""
    assert command("publish", "a", "1", "--event", "message", SIGNALS_URL=signals_hub.url).status == 0
    assert signals_hub.published[0].event == "message"


def test_a_broadcast_takes_the_place_of_the_topic(signals_hub: SignalsHub) -> None:
    """What follows is the message."""
    assert command("publish", "--broadcast", "hello", SIGNALS_URL=signals_hub.url).status == 0
    assert published(signals_hub) == [(None, "hello")]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "Missing argument 'TOPIC'; for a signal to every open stream write --broadcast."),
        (["--broadcast", "a", "1"], "--broadcast takes the place of TOPIC"),
        (["a*", "1"], "Invalid value for 'TOPIC': A '*' stands in it."),
        (["a", "1", "--text", "--json-only"], "exclude each other"),
        (["a", "1", "--event", "open"], "reserved"),
        (["a", "1", "--target", ":"], "--target"),
        (["a", "1", "--key", ""], "--key"),
        (["a", "1", "--lines"], "--lines reads stdin, or @FILE"),
        (["a", "--lines", "--key", "k"], "--key is for one signal"),
        (["a", "1", "--timeout", "soon"], "no duration"),
        (["a", "1", "--jsn"], "--json"),
    ],
)
def test_a_mistake_in_typing_is_told(arguments: list[str], part: str) -> None:
    """It ends with status 2 before anything is sent, and says what may be."""
    done = command("publish", *arguments, SIGNALS_URL=NOWHERE)
    assert (done.status, done.stdout) == (2, "")
    assert part in done.stderr


def test_a_message_from_stdin_or_a_file(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """With - and @; one line end at the end is left out."""
    (tmp_path / "order.json").write_bytes(b'{"a":\r\n 1}\r\n')
    for arguments, stdin in ((["-"], "a\nb\n\n"), ([f"@{tmp_path}/order.json"], "")):
        assert command("publish", "a", *arguments, stdin=stdin, SIGNALS_URL=signals_hub.url).status == 0
    assert published(signals_hub) == [("a", "a\nb\n"), ("a", {"a": 1})]


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "parts"),
    [
        (["-"], b"", 2, ["What comes from stdin is empty.", "null"]),
        (["-"], b"\n", 2, ["is empty"]),
        (["-"], b"ab\xff", 2, ["message: Its byte 3 is not UTF-8."]),
        (["-"], b"a" * (16 * 1024 * 1024 + 1), 4, ["longer than 16777216 bytes"]),
        (["@/no/such"], b"", 2, ["'/no/such' cannot be read: No such file or directory.", "write -"]),
        (["@~nosuchuser/x"], b"", 2, ["'~nosuchuser/x' cannot be read: No such file or directory."]),
        (["@/"], b"", 2, ["'/' cannot be read: Is a directory."]),
        (["{", "--json-only"], b"", 2, ["It is not JSON: ", "line 1, column 2", "--json-only"]),
        (["Infinity", "--json-only"], b"", 2, ["Infinity is no number of JSON"]),
        (["1e999"], b"", 2, ["NaN or infinity"]),
        (["18446744073709551616"], b"", 2, ["64-bit"]),
        (["[" * 100_000], b"", 2, ["nested deeper than 32"]),
        (["[" * 40 + "]" * 40], b"", 2, ["nested deeper than 32"]),
        ([r'"\ud800"'], b"", 2, ["surrogates"]),
        (["1", "--token", "-"], b"a b", 2, ["token"]),
        (["-", "--token", "-"], b"abc", 2, ["The token has come from stdin", "--token @FILE"]),
        (["1", "--timeout", "5m"], b"", 2, ["'5m' is no duration of at most 240 seconds"]),
        (["-1"], b"", 2, ["No such option", "A message that begins with - stands after --: TOPIC -- -1"]),
        (["--txt", "1"], b"", 2, ["No such option", "--text"]),
        (["1", "--url", "ftp://h"], b"", 2, ["'ftp://h' is no URL of a hub"]),
    ],
)
def test_what_is_no_message_is_told(arguments: list[str], stdin: bytes, status: int, parts: list[str]) -> None:
    """One sentence that says what is wrong and where, and the status; nothing is sent."""
    done = command("publish", "a", *arguments, stdin=stdin, SIGNALS_URL=NOWHERE)
    assert (done.status, done.stdout) == (status, "")
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


def test_a_hub_that_is_away(signals_hub: SignalsHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried until the time is over; status 3, and for lines their numbers."""
    monkeypatch.setattr("sse_signals.client.publishing.backoff", lambda *_, **__: 1000.0)  # one try
    one = command("publish", "a", "1", SIGNALS_URL=NOWHERE)
    assert_told(one, 3, "http://127.0.0.1:1/signals cannot be reached: Connection refused")
    lines = command("publish", "a", "--lines", stdin="1\n2\n", SIGNALS_URL=NOWHERE)
    assert_told(lines, 3, "lines 1 to 2: http://127.0.0.1:1/signals cannot be reached: Connection refused")
    assert_told(command("publish", "a", "1", "--url", "http://h.invalid"), 3, "host is not known")
    with signals_hub.unavailable():
        away = command("publish", "a", "1", SIGNALS_URL=signals_hub.url)
    assert away.status == 3


def test_a_hub_that_is_away_is_told_at_the_first_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads stderr need not wait for the end to know why nothing happens; it is told once."""
    monkeypatch.setattr("sse_signals.client.publishing.backoff", lambda *_, **__: 0.01)
    done = command("publish", "a", "1", "--timeout", "1", "--json", SIGNALS_URL=NOWHERE)
    first, last = done.stderr.splitlines()
    assert (done.status, done.stdout) == (3, "")
    assert first == "sse-signals: http://127.0.0.1:1/signals cannot be reached: Connection refused; trying again."
    assert last.endswith("tries).")


async def lost(_link: Link, _request: Request, _seconds: float) -> Answer | Failed:
    """Send a request of which nobody knows what became of it."""
    return Failed("the connection broke", sent=True)


def test_an_outcome_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, with the key that makes a repeat safe, also where the user gave none."""
    monkeypatch.setattr(Link, "ask", lost)
    done = command("publish", "a", "1", "--timeout", "0.1", SIGNALS_URL=NOWHERE)
    assert_told(done, 3, "The signal may be in the log all the same; with --key ", " a repeat is safe.")
    done = command("publish", "a", "1", "--timeout", "0.1", "--key", "mine", SIGNALS_URL=NOWHERE)
    assert_told(done, 3, "with --key mine a repeat is safe.")
    done = command("publish", "a", "--lines", "--timeout", "0.1", stdin="1\n", SIGNALS_URL=NOWHERE)
    assert_told(done, 3, "line 1: ", "They may be in the log all the same.")


def test_who_may_publish(guarded_hub: SignalsHub, tmp_path: Path) -> None:
    """A token comes from a file, a variable or stdin; without one, or without a grant, the status is 4."""
    token = tmp_path / "token"
    token.write_text(guarded_hub.token("backend", publish=["a"]) + "\n")
    url = {"SIGNALS_URL": guarded_hub.url}
    assert command("publish", "a", "1", "--token", f"@{token}", **url).status == 0
    assert command("publish", "a", "2", SIGNALS_TOKEN=token.read_text().strip(), **url).status == 0
    assert command("publish", "a", "--token", "-", stdin=token.read_text(), **url).status == 0
    assert [message for _, message in published(guarded_hub)] == [1, 2, None]
    assert_told(command("publish", "a", "1", **url), 4, "no-credentials")
    assert_told(command("publish", "b", "1", "--token", f"@{token}", **url), 4, "topic", "'b'")
    done = command("publish", "a", "1", "--token", "secret-1", **url)
    assert_told(done, 4, "unknown-token")
    assert "secret-1" not in done.stderr
    done = command("publish", "a", "1", "--token", "@/no/such", **url)
    assert done.status == 2
    assert "The token file '/no/such' cannot be read: No such file or directory." in done.stderr


def test_too_large_and_conflict(small_hub: SignalsHub) -> None:
    """The hub's own words, and status 4; lines go in smaller requests until only one is at fault."""
    url = {"SIGNALS_URL": small_hub.url}
    assert_told(command("publish", "a", "x" * 200, **url), 4, "202 bytes", "the limit is 100")
    assert command("publish", "a", "1", "--key", "k", **url).status == 0
    assert_told(command("publish", "a", "2", "--key", "k", **url), 4, "other content")
    stdin = "".join(f"{number:050}\n" for number in range(100))
    assert len(command("publish", "a", "--lines", stdin=stdin, **url).lines) == 100

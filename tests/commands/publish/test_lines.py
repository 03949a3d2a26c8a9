"""``sse-signals publish --lines``: each line is a signal, in order, up to the first that cannot be one."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from sse_signals.client.requests import HubUrl
from sse_signals.commands.publish.line_publisher import LinePublisher
from sse_signals.commands.publish.stdin_lines import MOST_BYTES, Lines, batches
from sse_signals.model import MAX_BATCH, Signal
from sse_signals.testing import signals_hub
from tests.commands.publish.test_command import NOWHERE, published
from tests.commands.running import assert_told, blockbuster, command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]


def test_lines_are_signals(signals_hub: SignalsHub, tmp_path: Path) -> None:
    """Each line is one, in order, whatever ends it; what was there at once is one request."""
    stdin = b'{"a":1}\r\n\ntext\n3'
    done = command("publish", "l", "--lines", stdin=stdin, SIGNALS_URL=signals_hub.url)
    assert published(signals_hub) == [("l", {"a": 1}), ("l", ""), ("l", "text"), ("l", 3)]
    assert done == (0, "".join(f"{event.id}\n" for event in signals_hub.published), "")
    file = tmp_path / "lines"
    file.write_text("5\n6\n")
    done = command("publish", "l", f"@{file}", "--lines", "--json", SIGNALS_URL=signals_hub.url)
    assert json.loads(done.stdout) == {"ids": [event.id for event in signals_hub.published[4:]]}


def test_many_lines_are_several_requests(signals_hub: SignalsHub) -> None:
    """A request holds a thousand at most, and half a MiB."""
    stdin = "".join(f"{number}\n" for number in range(1500)) + ("x" * 60_000 + "\n") * 20
    done = command("publish", "l", "--lines", "--json", stdin=stdin, SIGNALS_URL=signals_hub.url)
    sizes = [len(json.loads(line)["ids"]) for line in done.lines]
    assert (sizes[0], sum(sizes)) == (1000, 1520)
    assert max(sizes[2:]) == 8
    assert [message for _, message in published(signals_hub)][:1500] == list(range(1500))


@pytest.mark.parametrize(
    ("bad", "options", "status", "part"),
    [
        (b"{", ["--json-only"], 2, "line 4: message: It is not JSON: "),
        (b"\xff", [], 2, "line 4: message: Its byte 1 is not UTF-8."),
        (b"y" * 70_000, [], 4, "line 4: message: It is 70002 bytes of JSON; the limit is 65536."),
        (b"y" * (18 * 1024 * 1024), [], 4, "line 4: message: It is longer than 16777216 bytes."),
    ],
    ids=["json", "utf-8", "hub", "length"],
)
def test_a_line_that_cannot_be_published(
    signals_hub: SignalsHub, bad: bytes, options: list[str], status: int, part: str
) -> None:
    """Those before it are in the log, none after it, and the sentence names its number."""
    stdin = b"1\n2\n3\n" + bad + b"\n5\n"
    done = command("publish", "l", "--lines", *options, stdin=stdin, SIGNALS_URL=signals_hub.url)
    assert [message for _, message in published(signals_hub)] == [1, 2, 3]
    assert done.lines == [event.id for event in signals_hub.published]
    assert done.status == status
    assert part in done.stderr


def test_a_line_far_down_has_its_number(signals_hub: SignalsHub) -> None:
    """Requests before it, and what it shares one with, do not change that."""
    stdin = "1\n" * 1100 + "y" * 70_000 + "\n2\n"
    done = command("publish", "l", "--lines", stdin=stdin, SIGNALS_URL=signals_hub.url)
    assert "line 1101: message: " in done.stderr
    assert (done.status, len(done.lines), len(signals_hub.published)) == (4, 1100, 1100)


def test_a_line_that_never_ends() -> None:
    """No more of it is kept than a message may have."""

    class Endless(io.BytesIO):
        pieces = 0

        def read1(self, size: int | None = -1, /) -> bytes:
            self.pieces += 1
            assert self.pieces < 40, "it is read on"
            return b"x" * (size or 0)

    stdin = Endless()
    done = command("publish", "l", "--lines", stdin=stdin, SIGNALS_URL=NOWHERE)
    assert_told(done, 4, "line 1: message: It is longer than 16777216 bytes.")
    assert stdin.pieces == 17


@pytest.mark.parametrize("size", [9, 10, 11])
def test_a_line_as_long_as_it_may_be(size: int) -> None:
    """One that has no end yet is waited for up to that, and not longer."""
    lines = Lines(10)
    assert [line.content for line in lines.feed(b"x" * size)] == [b"x" * size] * (size > 10)


def test_a_piece_of_many_lines() -> None:
    """Never are there more signals than a request holds, however many lines have come at once: each takes memory."""
    waiting = most = sent = 0

    def make(content: bytes) -> Signal:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        return Signal(content or b'""', "l")

    def send(signals: Sequence[Signal]) -> list[str]:
        nonlocal waiting, sent
        waiting -= len(signals)
        sent += len(signals)
        return []

    LinePublisher(make, send, lambda _: None, longest=100).publish([b"\n" * 20_500])
    assert (sent, waiting) == (20_500, 0)
    assert most <= MAX_BATCH + 1  # one shows that the others are full


@pytest.mark.parametrize(
    ("signal", "most"),
    [
        (Signal(b"1" * 1000, "a"), 500),
        (Signal(b"1", "ü" * 500), 500),
        (Signal(b"1", "a", frozenset(f"group:default/{number:0100}" for number in range(9))), 500),
        (Signal(b"1", "a"), MAX_BATCH),
    ],
    ids=["message", "address", "targets", "count"],
)
def test_what_a_request_holds(signal: Signal, most: int) -> None:
    """All that a signal takes there counts, and the request that is made of it is no larger than a hub takes."""
    sizes = [len(batch) for batch in batches([signal] * 1500)]
    assert sum(sizes) == 1500
    assert max(sizes) <= most
    first = HubUrl.parse(NOWHERE).publish([signal] * sizes[0], "k", None)
    assert len(first.body) <= MOST_BYTES


def test_a_file_of_lines_that_is_not_there() -> None:
    """It is told as that of a message is."""
    assert_told(command("publish", "l", "@/no/such", "--lines", SIGNALS_URL=NOWHERE), 2, "'/no/such' cannot be read")
    assert_told(command("publish", "l", "--lines", "--token", "-", stdin="t", SIGNALS_URL=NOWHERE), 2, "from stdin")


def test_lines_that_cannot_be_read() -> None:
    """A disk that fails is told, and not taken for the end."""

    class Broken(io.BytesIO):
        def read1(self, _size: int | None = -1, /) -> bytes:
            raise OSError(5, os.strerror(5))

    done = command("publish", "l", "--lines", stdin=Broken(), SIGNALS_URL=NOWHERE)
    assert_told(done, 2, "The lines cannot be read: Input/output error.")

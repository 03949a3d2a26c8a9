"""What commands share: failures, plain text, tables, output, tokens, and notes for people."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING
from unittest import mock

import click
import pytest
from click.testing import CliRunner

from sse_signals import errors
from sse_signals.commands import failures, notes, output, table
from sse_signals.commands.hub_options import TokenOption, access_options, any_certificate, stdin_is_taken, url_option
from sse_signals.commands.words import sentence
from sse_signals.errors import SignalsGap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REFUSED = errors.UnexpectedAnswer(418, "I am a teapot", "No.", hint="None.")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ConfigurationError("x"), 2),
        (errors.InvalidInput("x", hint="y"), 2),
        (errors.MessageTooLarge("x", hint="y"), 4),
        (errors.BrokerUnavailable("x"), 3),
        (errors.IssuerUnavailable("x"), 3),
        (errors.IdempotencyTableFull(1.0), 3),
        (errors.LoadFailed("x"), 3),
        (errors.LoadFailed("x", status=200), 3),
        (errors.LoadFailed("x", status=401), 4),
        (errors.LoadFailed("x", status=503), 3),
        (REFUSED, 4),
        (errors.UnexpectedAnswer(200, "OK", "x", hint="y"), 3),
        (errors.UnexpectedAnswer(302, "Found", "x", hint="y"), 3),
        (errors.UnexpectedAnswer(500, "x", "x", hint="y"), 3),
        (errors.NotAuthenticated("expired", "x", hint="y"), 4),
        (errors.NotGranted("x", field="topic", hint="y"), 4),
        (errors.TooMany("publish-rate", "x", retry_after=1.0), 4),
        (errors.IdempotencyConflict("x"), 4),
    ],
)
def test_an_error_has_its_exit_status(
    error: errors.SignalsError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says whose turn it is; the sentence is on stderr."""
    with pytest.raises(SystemExit) as ended, failures.told():
        raise error
    assert ended.value.code == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"sse-signals: {sentence(error)}\n"
    assert shown.err.endswith(".\n")


def test_what_was_noted_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """In whole sentences, and so that a terminal only shows it."""
    error = errors.BrokerUnavailable("it says \x1b[31m\u202e")
    error.add_note("Is it so?")
    error.add_note("It is")
    with pytest.raises(SystemExit), failures.told():
        raise error
    assert capsys.readouterr().err == "sse-signals: it says \\x1b[31m\\u202e. Is it so? It is.\n"


@pytest.mark.parametrize(("terminal", "shown"), [(True, "\n"), (False, "")])
def test_ctrl_c_ends_a_command(terminal: bool, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With 130, and a line end after the ^C of a terminal."""
    with (
        mock.patch.object(sys.stderr, "isatty", return_value=terminal),
        pytest.raises(SystemExit) as ended,
        failures.told(),
    ):
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert capsys.readouterr().err == shown


def test_an_epilog() -> None:
    """It holds the statuses that are asked for, or all, and examples as they are typed."""
    text = failures.epilog(0, 130, examples="\na\nb c\n")
    assert text == ("\b\nExit status:\n  0    done\n  130  interrupted with Ctrl-C\n\n\b\nExamples:\n  a\n  b c")
    assert failures.epilog().count("\n") == 1 + len(failures.EXIT_STATUSES)


def test_the_width_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a terminal has one."""
    assert table.width_of_output() is None
    monkeypatch.setenv("COLUMNS", "44")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert table.width_of_output() == 44
    monkeypatch.setattr(sys, "stdout", None)
    assert table.width_of_output() is None


def test_output_that_is_closed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and status 1; a reader that is gone is left to click."""
    monkeypatch.setattr(sys, "stdout", None)
    output.show_any_text()
    with pytest.raises(SystemExit) as ended:
        output.write("x")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "sse-signals: the output cannot be written: stdout is closed.\n"
    with pytest.raises(BrokenPipeError), output.writing():
        raise BrokenPipeError


def test_output_in_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not know is escaped, and nothing fails."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="iso-8859-1"))
    output.show_any_text()
    output.write("ü…")
    assert raw.getvalue() == b"\xfc\\u2026\n"


def ask(*arguments: str, stdin: str = "", **variables: str) -> tuple[int, str]:
    """Return what options of a command mean."""

    @click.command()
    @url_option
    @access_options
    @click.pass_context
    def said(context: click.Context, url: str, token: str | Callable[[], str] | None, no_verify: bool) -> None:
        shown = token() if callable(token) else token
        click.echo(f"{url} {shown} {no_verify} {stdin_is_taken(context)}")

    result = CliRunner().invoke(said, arguments, input=stdin, env={"SIGNALS_URL": "", "SIGNALS_TOKEN": "", **variables})
    return result.exit_code, result.output.strip()


def test_where_a_hub_is_and_who_asks(tmp_path: Path) -> None:
    """By options, by variables, and by what is usual."""
    usual = "http://127.0.0.1:8080/signals"
    assert ask() == (0, f"{usual} None False False")
    assert ask("--url", "http://a", "--token", "t", "--no-verify") == (0, "http://a t True False")
    assert ask(SIGNALS_URL="http://b", SIGNALS_TOKEN="u") == (0, "http://b u False False")
    assert ask("--token", "-", stdin="from-stdin\nrest") == (0, f"{usual} from-stdin False True")
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assert ask("--token", f"@{file}") == (0, f"{usual} from-file False False")


def test_a_token_that_is_none_is_not_told(tmp_path: Path) -> None:
    """The sentence says what a token is, and not what was given."""
    status, said = ask("--token", "sec ret")
    assert status == 2
    assert "sec ret" not in said
    assert "write it without 'Bearer '" in " ".join(said.split())
    (tmp_path / "binary").write_bytes(b"\xff")
    assert "it is no text" in ask("--token", f"@{tmp_path}/binary")[1]
    for text in ("@~nosuchuser/x", "@/no/such"):
        status, said = ask("--token", text)
        assert (status, f"file '{text[1:]}' cannot be read: No such file" in " ".join(said.split())) == (2, True)


def test_a_token_that_cannot_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Because that is closed, no text, or cannot be read: a sentence says so."""
    broken = mock.Mock(readline=mock.Mock(side_effect=OSError(21, "Is a directory")))
    strict = io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding="utf-8")
    for stdin, said in ((None, "which is closed"), (broken, "stdin: Is a directory."), (strict, "it is no text.")):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(click.BadParameter, match=said):
            TokenOption().convert("-", None, None)


def test_a_token_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been read already is left as it is; without a command nobody else wants stdin."""
    option = TokenOption()
    read = option.convert(lambda: "t", None, None)
    assert option.convert(read, None, None) is read
    monkeypatch.setattr(sys, "stdin", io.StringIO("u\n"))
    assert option.convert("-", None, None) == "u"


def test_any_certificate() -> None:
    """No name is checked, and nobody need vouch for it."""
    tls = any_certificate()
    assert (tls.check_hostname, tls.verify_mode) == (False, 0)


def said(work: Callable[[notes.Notes], None], *, terminal: bool, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is said to somebody."""
    with mock.patch.object(sys.stderr, "isatty", return_value=terminal):
        work(notes.Notes("http://h"))
    return click.unstyle(capsys.readouterr().err).replace("sse-signals: ", "")


def some_day(told: notes.Notes) -> None:
    """Have a connection come and go."""
    told.bind(plugin="a").debug("stream opened", stream="x")
    told.debug("something else")
    told.info("stream renewed", stream="x")
    told.info("stream interrupted", reason="goodbye: shutdown", seconds=2.4)
    told.info("stream interrupted", reason="Connection refused", seconds=0.3)
    told.info("stream interrupted", reason="Connection refused", seconds=0.4)
    told.info("stream interrupted", reason="Connection refused", seconds=29.0)
    told.debug("stream opened", stream="y")
    told.info("publish not answered", reason="Connection refused.", seconds=0.4)
    told.info("stream interrupted", reason="goodbye: new\x1b", seconds=0.4)


def test_a_person_is_told_how_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """Once for each reason, in words, and nobody else is."""
    assert said(some_day, terminal=False, capsys=capsys) == ""
    assert said(some_day, terminal=True, capsys=capsys).splitlines() == [
        "connected to http://h.",
        "the hub stops, or starts anew (shutdown); trying again in 2 s.",
        "Connection refused; trying again.",
        "Connection refused; trying again in 29 s.",
        "connected to http://h.",
        "Connection refused; trying again.",
        "the hub ends the stream (new\\x1b); trying again.",
    ]


def no_day(told: notes.Notes) -> None:
    """Have a hub be away, in several ways."""
    told.info("stream interrupted", reason="the token has expired", seconds=0.0)
    told.info("stream interrupted", reason="Connection refused\x1b", seconds=0.3)
    told.info("stream interrupted", reason="no answer", seconds=29.0)
    told.info("publish not answered", reason="http://h cannot be reached: Connection refused.", seconds=0.4)


def test_a_hub_that_was_never_reached_is_told_once_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """In a log or a pipe it is one line, at the first try that is not followed at once, and with the hub's URL."""
    assert said(no_day, terminal=False, capsys=capsys) == "http://h: Connection refused\\x1b; trying again.\n"
    assert len(said(no_day, terminal=True, capsys=capsys).splitlines()) == 4
    away = "http://h/signals cannot be reached: Connection refused"

    def publish(_: notes.Notes) -> None:
        notes.Notes("http://h/signals/").info("publish not answered", reason=f"{away}.", seconds=0.4)

    assert said(publish, terminal=False, capsys=capsys) == f"{away}; trying again.\n"


def test_everybody_is_told_what_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where nobody watches."""

    def lose(told: notes.Notes) -> None:
        told.gap(SignalsGap("other", None, "e-1"))
        told.warning("no fresh token for a stream", error="OSError")

    assert said(lose, terminal=False, capsys=capsys).splitlines() == [
        "signals may be missing: other. It goes on, after e-1.",
        "no fresh token for a stream: OSError.",
    ]

"""``sse-signals token check`` in a terminal: its looks, what is pasted, and Ctrl-C."""

from __future__ import annotations

import json
import re
from unittest import mock

import jwt

from sse_signals.clock import wall_clock_ms
from tests.commands.token.running import JWT, MEANT, SECRET, made, token
from tests.terminal import shown


def test_in_a_terminal_it_fits_and_has_colours() -> None:
    """80 columns are enough for every line; what passed is green, what failed red. In a pipe it is plain."""
    text = made("--subject", "user:default/ann", "--audience", "third", "--publish", "a-long-topic-name/" * 9, **MEANT)
    for variables, colour in ((MEANT, "\x1b[31m"), ({**MEANT, "SIGNALS_JWT_AUDIENCE": "third"}, "\x1b[32m")):
        _, sent = shown("token", "check", text, variables=variables)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", sent)
        assert colour in sent
        assert max(len(line) for line in plain.splitlines() if "a-long-topic" not in line) <= 80
        assert plain.replace("\r", "") != ""
        assert "\x1b" not in token("check", text, **variables).stdout


def test_control_characters_in_a_token_do_not_reach_the_terminal() -> None:
    """35: What a token says can neither colour a terminal nor start a line of its own."""
    evil = "x\x1b[31m\n\u202eevil"
    text = jwt.encode({"sub": "a", "iss": evil, "aud": [evil], "exp": wall_clock_ms() // 1000 + 60}, SECRET)
    done = token("check", text, **MEANT)
    assert done.status == 1
    assert all(line.isprintable() for line in done.stdout.splitlines())
    assert "\nevil" not in done.stdout


def test_a_person_can_paste_it() -> None:
    """In a terminal it says what it waits for, and Ctrl-D ends what was pasted."""
    pasted = made("--subject", "ann").encode() + b"\n\x04"
    status, sent = shown("token", "check", "-", "--json", variables=JWT, keys=pasted)
    assert status == 0
    assert sent.startswith("Paste the token, then press Enter and Ctrl-D.")
    assert json.loads(sent.splitlines()[-1])["accepted"]


def test_control_c_is_clean() -> None:
    """Interrupted while it waits for the token, it says so in one line, and exits as shells expect."""
    status, sent = shown("token", "check", "-", variables=JWT, keys=b"\x03")
    assert status == 130
    assert sent.splitlines()[-1].endswith("sse-signals: interrupted.")
    assert "Traceback" not in sent


def test_interrupted_while_it_is_judged() -> None:
    """Ctrl-C exits as shells expect, whatever was under way."""
    with mock.patch("sse_signals.commands.token.check.load", side_effect=KeyboardInterrupt):
        done = token("check", "x", **JWT)
    assert (done.status, done.stdout, done.stderr) == (130, "", "sse-signals: interrupted.\n")

"""Plain text and tables: what a terminal only shows, as wide as it is."""

from __future__ import annotations

import json

import click
import pytest

from sse_signals.commands import plain, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b", "a b"),
        ("grüße 日本 👍", "grüße 日本 👍"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\x7f", r"a\nb\tc\x7f"),
        ("\x9b\u202e\u2028\u200b", r"\x9b\u202e\u2028\u200b"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("a\u034f\u3164\u2800\U0001d159", r"a\u034f\u3164\u2800\U0001d159"),
        ("a\u180b\ufe00\ufe0e\U000e0100\U000e01ef", r"a\u180b\ufe00\ufe0e\U000e0100\U000e01ef"),
        ("❤\ufe0f⚠\ufe0f", "❤\ufe0f⚠\ufe0f"),
        ("\ufe0fa\ufe0f❤\ufe0f\ufe0f", "\\ufe0fa\\ufe0f❤\ufe0f\\ufe0f"),
        ("e\u0301 नी ที่", "e\u0301 नी ที่"),
    ],
)
def test_plain_text(text: str, shown: str) -> None:
    """What steers a terminal, or hides, becomes visible; all else stays."""
    assert plain.plain(text) == shown


def test_plain_text_can_keep_what_is_wanted() -> None:
    """Such as line ends."""
    assert plain.plain("a\nb\r", keep="\n") == "a\nb\\r"


@pytest.mark.parametrize("text", ["a", "ü", "\x7f\x9b\u202e", "\u034fa\ufe0f", "\U000e0041\U0001f44d", '\n"\\'])
def test_plain_json(text: str) -> None:
    """It means the same, and shows nothing that cannot be seen."""
    shown = plain.plain_json(json.dumps({"a": text}, ensure_ascii=False, separators=(",", ":")))
    assert json.loads(shown) == {"a": text}
    assert plain.plain(shown) == shown


def test_json_in_one_line() -> None:
    """It is ASCII, and nothing in it is hidden."""
    assert plain.json_line({"a": "ü\x7f\n"}) == r'{"a":"\u00fc\u007f\n"}'


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u0301e\u0301", 2, "e\u0301e\u0301"),
        ("a" + "\u0301" * 8 + "b", 2, "a" + "\u0301" * 8 + "b"),
        ("a" + "\u0301" * 3000, 5, "a" + "\u0301" * 11 + "…"),
        ("ที่ที่", 2, "ที่ที่"),
        ("❤\ufe0f", 2, "❤\ufe0f"),
        ("ab", 1, "…"),
        ("ab", 0, ""),
    ],
)
def test_a_text_is_cut(text: str, columns: int, shown: str) -> None:
    """To columns, and not to characters."""
    assert plain.cut(text, columns) == shown
    assert plain.columns_of(shown) <= columns


COLUMNS = (
    table.Column("name", gives_way=True),
    table.Column("n", right=True),
    table.Column("more", optional=True),
)
ESCAPE = r"\x1b"
ROWS: list[list[table.Cell | str]] = [
    ["a-rather-long-name", "1", "x"],
    [table.Cell("b\x1b", "red"), table.Cell("100", "bold"), table.Cell("", "dim")],
]


def shown(width: int | None) -> list[str]:
    """Return a table without its colours."""
    return [click.unstyle(line) for line in table.lines(COLUMNS, ROWS, width)]


def test_a_table() -> None:
    """Columns are aligned, numbers to the right; what is hostile is plain."""
    assert shown(None) == [
        "name                  n  more",
        "a-rather-long-name    1  x",
        "b\\x1b               100",
    ]
    lines = list(table.lines(COLUMNS, ROWS, None))
    assert lines[2] == f"{click.style(rf'b{ESCAPE:<17}', fg='red')}  {click.style('100', bold=True)}"


def test_a_narrow_table() -> None:
    """First what can is cut, then what may is left out; what remains is shown even if it is too wide."""
    assert shown(21) == ["name          n  more", "a-rather-…    1  x", "b\\x1b       100"]
    assert shown(14) == ["name        n", "a-rathe…    1", "b\\x1b     100"]
    assert shown(3) == shown(14)


def test_columns_without_titles() -> None:
    """They have no line for them."""
    assert list(table.lines([table.Column("")], [["a"]], 80)) == ["a"]


def test_columns_give_way_in_turns() -> None:
    """The widest first."""
    two = [table.Column("", gives_way=True), table.Column("", gives_way=True)]
    assert list(table.lines(two, [["a" * 30, "b" * 20]], 40)) == [f"{'a' * 18}…  {'b' * 18}…"]


def test_running_text() -> None:
    """It is as wide as the terminal, up to a hundred columns, and plain."""
    text = "word " * 40
    assert max(map(len, table.running_text(text, 40, indent="  "))) <= 40
    assert max(map(len, table.running_text(text, 500))) <= 100
    assert list(table.running_text("a\x1b", None)) == [r"a\x1b"]

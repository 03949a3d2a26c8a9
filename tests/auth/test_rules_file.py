from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sse_signals.auth.api_keys import ApiKeys, new_key
from sse_signals.auth.rules_file import MAX_BYTES, RulesFile, load, parse
from sse_signals.errors import ConfigurationError
from sse_signals.grants import PublishGrant
from sse_signals.interfaces import Credentials
from sse_signals.rules import Rule, Rules
from sse_signals.topics import NOTHING, of

if TYPE_CHECKING:
    from pathlib import Path

HASH = "0123456789abcdef" * 4
OTHER = HASH[::-1]
WHOLE = f"""
private = ["audit/*", "hr:*"]

[[rule]]
who = ["user:default/ann", "Group:ops", "sub|1", "plugin:catalog", "key:ci", "*"]
publish = ["orders/*", "news"]
plugins = ["catalog"]
targets = ["group:default/*", "User:Ann"]
subscribe = ["audit/*"]
admin = true

[[rule]]
who = ["anonymous"]
subscribe = ["news"]

[[rule]]
who = ["*"]
publish = ["*"]
admin = false

[[key]]
name = "ci"
sha256 = "{HASH}"

[[key]]
name = "Deploy.2-b_c"
sha256 = "{OTHER.upper()}"
"""


def test_a_whole_file_is_read() -> None:
    """Everything that may stand in it means what it says."""
    publish = of(("orders/*", "news", "catalog", "catalog:*"))
    targets = frozenset({"group:default/*", "user:default/ann"})
    who = frozenset({"user:default/ann", "Group:ops", "sub|1", "plugin:catalog", "key:ci", "*"})
    assert parse(WHOLE, "x") == RulesFile(
        Rules(
            of(("audit/*", "hr:*")),
            (
                Rule(who, (PublishGrant(publish, targets),), of(("audit/*",)), admin=True),
                Rule(frozenset({"anonymous"}), (), of(("news",))),
                Rule(frozenset({"*"}), (PublishGrant(of(("*",))),)),
            ),
        ),
        {"ci": HASH, "Deploy.2-b_c": OTHER},
    )


@pytest.mark.parametrize("text", ["", "private = []", "# nothing\n", "rule = []\nkey = []"])
def test_an_empty_file_has_no_rules(text: str) -> None:
    """Then everything may be read, and nothing published."""
    assert parse(text, "x") == RulesFile(Rules(NOTHING, ()), {})


async def test_a_key_of_the_file_opens() -> None:
    """What the command that makes keys prints can be put into the file as it is."""
    key, digest = new_key()
    file = parse(f'[[key]]\nname = "ci"\nsha256 = "{digest}"\n', "x")
    identity = await ApiKeys(file.keys).authenticate(Credentials(key))
    assert identity.subject == "key:ci"


def in_rule(text: str) -> str:
    return f'[[rule]]\nwho = ["a"]\nadmin = true\n[[rule]]\nwho = ["a"]\n{text}\n'


def in_key(text: str) -> str:
    return f"[[key]]\n{text}\n"


# What is wrong, and parts of the one sentence that says so.
FAULTS = [
    ("privat = []", "'privat' is no member of the file: did you mean private?"),
    ("x = 1", "'x' is no member of the file: known are private, rule, key."),
    ("private = 'hr:*'", "private of the file is not a list: it may be a list of topics"),
    ("private = [1]", "private of the file holds something that is not text: it may be a list of topics"),
    ("private = ['a*b']", "private of the file holds 'a*b': it may be"),
    ("private = ['']", "private of the file holds '': it may be"),
    ("[rule]\nwho = ['a']", "rule of the file is something else: it may be tables that begin with [[rule]]."),
    ("rule = ['a']", "rule of the file is something else: it may be tables that begin with [[rule]]."),
    ("key = 1", "key of the file is something else: it may be tables that begin with [[key]]."),
    ("[[rule]]\nadmin = true", "who of [[rule]] 1 is missing: it may be a list of subjects"),
    ("[[rule]]\nwho = []\nadmin = true", "who of [[rule]] 1 is empty: it may be a list of subjects"),
    ("[[rule]]\nwho = 'a'\nadmin = true", "who of [[rule]] 1 is not a list: it may be a list of subjects"),
    ("[[rule]]\nwho = ['group:*']\nadmin = true", "who of [[rule]] 1 holds 'group:*': it may be"),
    ("[[rule]]\nwho = ['']\nadmin = true", "who of [[rule]] 1 holds '': it may be"),
    ("[[rule]]\nwho = ['plugin:']\nadmin = true", "who of [[rule]] 1 holds 'plugin:': it may be"),
    ("[[rule]]\nwho = ['plugin:a:b']\nadmin = true", "who of [[rule]] 1 holds 'plugin:a:b': it may be"),
    ("[[rule]]\nwho = ['key:ci']\nadmin = true", "who of [[rule]] 1 holds 'key:ci': it may be the name of a [[key]]"),
    ("[[rule]]\nwho = ['anonymous']\nadmin = true", "[[rule]] 1 lets 'anonymous' do more than subscribe"),
    (in_rule(""), "[[rule]] 2 grants nothing: it may have publish, plugins, subscribe or admin = true."),
    (in_rule("admin = false"), "[[rule]] 2 grants nothing"),
    (in_rule("admin = 1"), "admin of [[rule]] 2 is neither true nor false: it may be true or false."),
    (in_rule("admin = 'true'"), "admin of [[rule]] 2 is neither true nor false: it may be true or false."),
    (in_rule("admni = true"), "'admni' is no member of [[rule]] 2: did you mean admin?"),
    (in_rule("publish = []"), "publish of [[rule]] 2 is empty: it may be a list of topics"),
    (in_rule("publish = ['a', '**']"), "publish of [[rule]] 2 holds '**': it may be"),
    (in_rule("publish = [['a']]"), "publish of [[rule]] 2 holds something that is not text: it may be"),
    (in_rule("subscribe = []"), "subscribe of [[rule]] 2 is empty: it may be a list of topics"),
    (in_rule("subscribe = {a = 1}"), "subscribe of [[rule]] 2 is not a list: it may be"),
    (in_rule("plugins = ['a:b']"), "plugins of [[rule]] 2 holds 'a:b': it may be a list of plugin ids"),
    (in_rule("plugins = ['*']"), "plugins of [[rule]] 2 holds '*': it may be a list of plugin ids"),
    (in_rule("publish = ['a']\ntargets = ['team']"), "targets of [[rule]] 2 holds 'team': it may be a list of entity"),
    (in_rule("publish = ['a']\ntargets = []"), "targets of [[rule]] 2 is empty: it may be a list of entity refs"),
    (in_rule("subscribe = ['a']\ntargets = ['*']"), "targets of [[rule]] 2 bounds nothing: it may be there with"),
    (in_key(f"sha256 = '{HASH}'"), "name of [[key]] 1 is missing: it may be up to 64"),
    (in_key("name = 'ci'"), "sha256 of [[key]] 1 is missing: it may be the 64 hexadecimal digits"),
    (in_key(f"name = 'a b'\nsha256 = '{HASH}'"), "name of [[key]] 1 is no name: it may be up to 64"),
    (in_key(f"name = ''\nsha256 = '{HASH}'"), "name of [[key]] 1 is no name: it may be up to 64"),
    (in_key(f'name = "a\\n"\nsha256 = "{HASH}"'), "name of [[key]] 1 is no name: it may be up to 64"),
    (in_key(f"name = 5\nsha256 = '{HASH}'"), "name of [[key]] 1 is no name: it may be up to 64"),
    (in_key(f"name = 'ci'\nsha256 = '{HASH}0'"), "sha256 of [[key]] 1 is no SHA-256: it may be the 64"),
    (in_key("name = 'ci'\nsha256 = 5"), "sha256 of [[key]] 1 is no SHA-256: it may be the 64"),
    (in_key(f"name = 'ci'\nsha256 = '{HASH}'\nkey = 'x'"), "'key' is no member of [[key]] 1: known are name, sha256."),
    (
        "".join(in_key(f"name = '{name}'\nsha256 = '{digest}'") for name, digest in (("a", HASH), ("a", OTHER))),
        "name of [[key]] 2 is that of [[key]] 1: it may be in one only.",
    ),
    (
        "".join(in_key(f"name = '{name}'\nsha256 = '{digest}'") for name, digest in (("a", HASH), ("b", HASH.upper()))),
        "sha256 of [[key]] 2 is that of [[key]] 1: it may be in one only.",
    ),
]


@pytest.mark.parametrize(("text", "said"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_stops_the_start(text: str, said: str) -> None:
    """One sentence names the file, the table, the member, and what it may be."""
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "rules.toml")
    assert str(caught.value).startswith(f"rules.toml: {said}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["x", "x = ", "[[rule]", "a = 1\na = 2", "x = \0", "private = ['a\nb']"])
def test_what_is_no_toml_stops_the_start(text: str) -> None:
    """The sentence says where the fault is."""
    with pytest.raises(ConfigurationError, match=r"^rules\.toml is not TOML: .*\(at "):
        parse(text, "rules.toml")


def test_a_file_that_is_nested_without_end_stops_the_start() -> None:
    """It is no crash."""
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        parse("a = " + "[" * 100_000, "rules.toml")


@pytest.mark.parametrize("member", ["name", "sha256", "secret"])
def test_11_a_key_in_the_wrong_place_is_not_shown(member: str) -> None:
    """11: Whoever puts the key itself into the file does not find it in the log."""
    key = new_key()[0] + "!"
    members = {"name": "ci", "sha256": HASH, member: key}
    with pytest.raises(ConfigurationError) as caught:
        parse(in_key("\n".join(f"{name} = '{value}'" for name, value in members.items())), "rules.toml")
    assert key not in str(caught.value)
    assert HASH not in repr(parse(WHOLE, "x"))


def test_a_file_that_others_can_write_stops_the_start(tmp_path: Path) -> None:
    """Whoever can write it can give themselves everything; that others read it does no harm."""
    path = tmp_path / "rules.toml"
    path.write_text(WHOLE)
    for mode in (0o400, 0o644, 0o600):
        path.chmod(mode)
        assert load(path) == parse(WHOLE, "x")
    for mode in (0o664, 0o646, 0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(ConfigurationError, match=r"rules\.toml can be written by others .*chmod go-w"):
            load(path)


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """Missing, a folder, a pipe (which would wait for ever), too long, not text: each says what it is."""
    with pytest.raises(ConfigurationError, match=r"cannot be read \(No such file or directory\)"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigurationError, match="is no file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigurationError, match="is no file"):
        load(tmp_path / "pipe")
    path = tmp_path / "rules.toml"
    path.write_bytes(b"# \xff")
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load(path)
    path.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigurationError, match=f"too long: it may have {MAX_BYTES} bytes"):
        load(path)
    path.write_text("#" * MAX_BYTES)
    assert load(path) == parse("", "x")
    path.write_text("x = 1")
    with pytest.raises(ConfigurationError, match=f"^{path}: 'x' is no member"):
        load(path)

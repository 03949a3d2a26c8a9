"""The file of an operator's rules and API keys.

::

    private = ["audit/*", "hr:*"]     # read only by those to whom it is granted by name

    [[rule]]
    who = ["user:default/ann", "group:default/ops", "plugin:catalog", "key:ci", "*", "anonymous"]
    publish = ["orders/*"]            # addresses, or prefixes of addresses; a broadcast needs "*"
    plugins = ["catalog"]             # publish as these plugins: to catalog and to catalog:*
    targets = ["group:default/*"]     # bounds publish and plugins of this rule: whom a signal has to target
    subscribe = ["audit/*"]
    admin = true

    [[key]]
    name = "ci"
    sha256 = "…"                      # 64 hexadecimal digits; the key itself stands nowhere
"""

from __future__ import annotations

import stat
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError

from sse_signals import topics
from sse_signals.auth.rules_fields import FILE, KEY, RULE, members
from sse_signals.errors import ConfigurationError
from sse_signals.grants import PublishGrant
from sse_signals.rules import API_KEY, NOBODY_KNOWN, Rule, Rules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES: Final = 1024 * 1024
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class RulesFile:
    """What stands in the file.

    Attributes:
        rules: Who may do what.
        keys: The SHA-256 of each API key, 64 hexadecimal digits, by the key's name.
    """

    rules: Rules
    keys: Mapping[str, str] = field(repr=False)


def load(path: Path) -> RulesFile:
    """Read a file of rules.

    Raises:
        ConfigurationError: It cannot be used; the text is one sentence that names the file, the table, the member and
            what it may be.
    """
    return parse(_read(path), str(path))


def parse(text: str, name: str) -> RulesFile:
    """Read rules.

    Args:
        text: TOML.
        name: What the text is called in an error.

    Raises:
        ConfigurationError: They cannot be used.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name} is not TOML: {error}.") from None
    except RecursionError:
        raise ConfigurationError(f"{name} is nested too deeply: it may hold [[rule]] and [[key]] tables.") from None
    try:
        return _document(document)
    except ValidationError as error:
        raise ConfigurationError(f"{name}: {error.messages[0]}") from None


def _document(document: dict[str, Any]) -> RulesFile:
    loaded = members(document, FILE, "the file")
    keys = [members(table, KEY, f"[[key]] {number}") for number, table in enumerate(loaded.get("key", ()), 1)]
    for member in ("name", "sha256"):
        _check_unique([key[member].lower() for key in keys], member)
    names = {key["name"] for key in keys}
    rules = [_rule(table, f"[[rule]] {number}", names) for number, table in enumerate(loaded.get("rule", ()), 1)]
    return RulesFile(
        Rules(topics.of(loaded.get("private", ())), tuple(rules)),
        {key["name"]: key["sha256"].lower() for key in keys},
    )


def _rule(table: dict[str, Any], place: str, keys: set[str]) -> Rule:
    rule = members(table, RULE, place)
    who = frozenset(rule["who"])
    plugins = (text for plugin_id in rule.get("plugins", ()) for text in topics.plugin_filters(plugin_id))
    publish = (*rule.get("publish", ()), *plugins)
    targets = rule.get("targets")
    subscribe, admin = rule.get("subscribe"), rule.get("admin", False)
    for text in sorted(who):
        if text.startswith(API_KEY) and text.removeprefix(API_KEY) not in keys:
            raise ValidationError(f"who of {place} holds {text!r}: it may be the name of a [[key]] in this file.")
    if targets is not None and not publish:
        raise ValidationError(f"targets of {place} bounds nothing: it may be there with publish or plugins only.")
    if not (publish or subscribe or admin):
        raise ValidationError(f"{place} grants nothing: it may have publish, plugins, subscribe or admin = true.")
    if NOBODY_KNOWN in who and (admin or publish):
        raise ValidationError(f"{place} lets {NOBODY_KNOWN!r} do more than subscribe: that is for who authenticates.")
    granted = (PublishGrant(topics.of(publish), None if targets is None else frozenset(targets)),) if publish else ()
    return Rule(who, granted, topics.of(subscribe) if subscribe else None, admin)


def _check_unique(values: list[str], member: str) -> None:
    twice = [number for number, value in enumerate(values, 1) if value in values[: number - 1]]
    if twice:
        first = values.index(values[twice[0] - 1]) + 1
        raise ValidationError(f"{member} of [[key]] {twice[0]} is that of [[key]] {first}: it may be in one only.")


def _read(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            raise ConfigurationError(f"{path} is no file: it may be a TOML file with rules.")
        if status.st_mode & _OTHERS_WRITE:
            raise ConfigurationError(
                f"{path} can be written by others ({stat.filemode(status.st_mode)}): it may be writable for its owner "
                f"only, as after 'chmod go-w'."
            )
        if status.st_size > MAX_BYTES:
            raise ConfigurationError(f"{path} is too long: it may have {MAX_BYTES} bytes.")
        return path.read_text("utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"{path} cannot be read ({reason}): it may be a TOML file with rules.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8: it may be a TOML file with rules.") from None

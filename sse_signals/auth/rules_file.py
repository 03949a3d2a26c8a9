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

import os
import re
import stat
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError, fields
from marshmallow.validate import Regexp

from sse_signals import topics
from sse_signals.errors import ConfigurationError, InvalidInput
from sse_signals.grants import PublishGrant
from sse_signals.names import visible
from sse_signals.refs import ref_pattern
from sse_signals.rules import EVERYBODY, KEY, NOBODY_KNOWN, PLUGIN, Rule, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

MAX_BYTES: Final = 1024 * 1024
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_KEY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}\Z")


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


class _Texts(fields.Field[tuple[str, ...]]):
    """A list of texts, each of which a function of this package checks and brings into its one form."""

    def __init__(self, check: Callable[[str], str], may_be: str, *, least: int = 1, **arguments: Any) -> None:
        super().__init__(metadata={"may_be": may_be, "shown": True}, **arguments)
        self._check = check
        self._least = least

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) < self._least:
            raise ValidationError("It is no such list.")
        for text in value:
            try:
                self._check(text)
            except InvalidInput:
                raise ValidationError("One is no such text.", valid_data=None, field_name=repr(text)) from None
        return tuple(self._check(text) for text in value)

"""What may stand in each table of a file of rules: marshmallow's fields, whose errors are parts of a sentence."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError, fields
from marshmallow.validate import Regexp

from sse_signals import topics
from sse_signals.errors import InvalidInput
from sse_signals.names import visible
from sse_signals.refs import ref_pattern
from sse_signals.rules import EVERYBODY, NOBODY_KNOWN, PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KEY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}\Z")


class _Texts(fields.Field[tuple[str, ...]]):
    """A list of texts, each of which a function of this package checks and brings into its one form."""

    def __init__(self, check: Callable[[str], str], *, least: int = 1, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._check = check
        self._least = least

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError("is not a list")
        if len(value) < self._least:
            raise ValidationError("is empty")
        return tuple(self._checked(text) for text in value)

    def _checked(self, text: Any) -> str:
        if not isinstance(text, str):
            raise ValidationError("holds something that is not text")
        try:
            return self._check(text)
        except InvalidInput:
            raise ValidationError(f"holds {text!r}") from None


class _Flag(fields.Field[bool]):
    """True or false, and nothing that only looks like it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("is neither true nor false")
        return value


class _Tables(fields.Field[list[dict[str, Any]]]):
    """Tables in double brackets."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            raise ValidationError("is something else")
        return value


def _text(pattern: re.Pattern[str], what: str, may_be: str) -> fields.String:
    """Return a field of one text. It is not shown in an error: it may be a secret at the wrong place."""
    wrong = f"is no {what}"
    return fields.String(
        required=True,
        validate=Regexp(pattern, error=wrong),
        error_messages={"invalid": wrong},
        metadata={"may_be": may_be},
    )


def _filter(text: str) -> str:
    topics.of((text,))
    return text


def _who(text: str) -> str:
    if text in {EVERYBODY, NOBODY_KNOWN}:
        return text
    if text.startswith(PLUGIN):
        return PLUGIN + topics.plugin_id(text.removeprefix(PLUGIN))
    if "*" in text:
        raise InvalidInput("Nobody is called that.", field="who", hint="Name a group that they own.")
    return visible(text, "who")


_FILTERS: Final = "a list of topics and of prefixes that end in '*', such as [\"orders/*\"]"
FILE: Final[dict[str, fields.Field[Any]]] = {
    "private": _Texts(_filter, least=0, metadata={"may_be": _FILTERS}),
    "rule": _Tables(metadata={"may_be": "tables that begin with [[rule]]"}),
    "key": _Tables(metadata={"may_be": "tables that begin with [[key]]"}),
}
RULE: Final[dict[str, fields.Field[Any]]] = {
    "who": _Texts(
        _who,
        required=True,
        metadata={
            "may_be": 'a list of subjects and entity refs, of plugin:<id>, key:<name>, "*" for everybody who has '
            'authenticated, and "anonymous"'
        },
    ),
    "publish": _Texts(_filter, metadata={"may_be": _FILTERS}),
    "plugins": _Texts(topics.plugin_id, metadata={"may_be": 'a list of plugin ids, such as ["catalog"]'}),
    "targets": _Texts(
        ref_pattern, metadata={"may_be": 'a list of entity refs and their prefixes, such as ["group:default/*"]'}
    ),
    "subscribe": _Texts(_filter, metadata={"may_be": _FILTERS}),
    "admin": _Flag(metadata={"may_be": "true or false"}),
}
KEY: Final[dict[str, fields.Field[Any]]] = {
    "name": _text(
        _KEY_NAME, "name", "up to 64 of the characters A-Z a-z 0-9 . _ -, of which the first is a letter or digit"
    ),
    "sha256": _text(
        _SHA256, "SHA-256", "the 64 hexadecimal digits that 'sse-signals token key' prints, not the key itself"
    ),
}


def members(table: dict[str, Any], known: Mapping[str, fields.Field[Any]], place: str) -> dict[str, Any]:
    """Return what stands in a table, checked.

    Args:
        table: The table.
        known: What may stand in it.
        place: What the table is called in an error.

    Raises:
        ValidationError: Something is unknown, missing or wrong; the message is the second half of a sentence.
    """
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, 1)
            mend = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
            raise ValidationError(f"{name!r} is no member of {place}: {mend}")
    values = {}
    for name, kind in known.items():
        if name not in table and kind.required:
            raise ValidationError(f"{name} of {place} is missing: it may be {kind.metadata['may_be']}.")
        if name in table:
            try:
                values[name] = kind.deserialize(table[name])
            except ValidationError as error:
                raise ValidationError(
                    f"{name} of {place} {error.messages[0]}: it may be {kind.metadata['may_be']}."
                ) from None
    return values

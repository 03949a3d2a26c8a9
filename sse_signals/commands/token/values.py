"""Values of the options of ``sse-signals token``: by the hub's own rules, so that what is made is accepted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from sse_signals import topics
from sse_signals.errors import InvalidInput
from sse_signals.names import visible
from sse_signals.refs import entity_ref, ref_pattern
from sse_signals.rules import API_KEY
from sse_signals.rules import PLUGIN as PLUGIN_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Callable

_SPAN: Final = re.compile(r"([1-9][0-9]{0,7})(s|m|h|d)?")
_UNITS: Final = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Lifetime(click.ParamType[int]):
    """Whole seconds, or a number with its unit: 90, 30s, 5m, 1h, 7d."""

    name = "lifetime"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds."""
        found = _SPAN.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no time from now; write seconds, or 30s, 5m, 1h, 7d.", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


class Checked(click.ParamType[str]):
    """Text that follows a rule of the hub."""

    name = "text"

    def __init__(self, rule: Callable[[str], str]) -> None:
        self._rule = rule

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as hubs compare it."""
        try:
            return self._rule(value)
        except InvalidInput as error:
            self.fail(f"{error.detail} {error.hint}", param, ctx)


def _subject(text: str) -> str:
    if text.lower().startswith((API_KEY, PLUGIN_SUBJECT)):
        raise InvalidInput(
            "Only the hub itself names plugins and keys.", hint="A plugin needs a token of Backstage, a key an API key."
        )
    return visible(text, "subject")


def _filter(text: str) -> str:
    (found,) = topics.of((text,))
    return found


SUBJECT: Final = Checked(_subject)
TEXT: Final = Checked(lambda text: visible(text, "text"))
REF: Final = Checked(entity_ref)
REFS: Final = Checked(ref_pattern)
FILTER: Final = Checked(_filter)
PLUGIN: Final = Checked(topics.plugin_id)

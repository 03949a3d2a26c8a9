"""Settings: read from environment variables and options, checked one by one and together."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError

from sse_signals.errors import ConfigurationError
from sse_signals.setting_kinds import loopback, without_password
from sse_signals.setting_rules import contradictions
from sse_signals.setting_table import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import Field

__all__ = [
    "DEFAULT",
    "ENVIRONMENT",
    "PREFIX",
    "Examined",
    "Found",
    "Settings",
    "checked",
    "examine",
    "load",
    "loopback",
    "option",
    "variable",
    "without_password",
]

PREFIX: Final = "SIGNALS_"
OF_CLIENTS: Final = frozenset({"SIGNALS_URL", "SIGNALS_TOKEN"})  # what commands that talk to a hub read

DEFAULT: Final = "default"
ENVIRONMENT: Final = "environment"
_WORDS: Final = re.compile(r"[-\w]+")


@dataclass(frozen=True, slots=True)
class Found:
    """What one setting is set to.

    Attributes:
        name: The setting, as the field of `Settings` is called.
        named: What it is called by who set it: ``SIGNALS_PORT``, or ``--port (SIGNALS_PORT)``.
        origin: `DEFAULT`, `ENVIRONMENT`, or the option: ``--port``.
        value: Its value, or what was given if that is no good. It may be a secret or hold one.
        hidden: Whether nobody may be shown the value.
        problem: What is wrong with it, one sentence; None if nothing is.
    """

    name: str
    named: str
    origin: str
    value: Any = dataclass_field(repr=False)
    hidden: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """Everything that can be set, and what is wrong with it.

    Attributes:
        settings: All of them; in the place of each that is no good, its default.
        found: What each is set to, in the order of the table.
        problems: What is wrong, one sentence each, in the order in which `load` would tell them.
    """

    settings: Settings
    found: tuple[Found, ...]
    problems: tuple[str, ...]


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def option(name: str) -> str:
    """Return the command line option of a setting."""
    return "--" + name.replace("_", "-")


def load(environ: Mapping[str, str], options: Mapping[str, Any]) -> Settings:
    """Return the settings in force: options over environment variables over defaults.

    Args:
        environ: The environment.
        options: Values by the name of the setting; None means not given.

    Raises:
        ConfigurationError: A variable is unknown or a value is none; the text is one sentence that says what may be.
    """
    examined = examine(environ, options)
    for sentence in examined.problems:
        raise ConfigurationError(sentence)
    return examined.settings


def examine(environ: Mapping[str, str], options: Mapping[str, Any]) -> Examined:
    """Return what everything is set to, where that comes from, and all that is wrong with it; see `load`."""
    found = [_find(field, environ, options) for field in fields(Settings)]
    given = {each.name: each.value for each in found if each.origin != DEFAULT and each.problem is None}
    settings = Settings(**given)
    named = {each.name: each.named for each in found}
    spoilt = {word for each in found if each.problem for word in (variable(each.name), option(each.name))}
    problems = [
        *_unknown(environ),
        *(each.problem for each in found if each.problem is not None),
        # What is wrong beside a value that is none cannot be known.
        *(text for text in contradictions(settings, named, given) if spoilt.isdisjoint(_WORDS.findall(text))),
    ]
    return Examined(settings, tuple(found), tuple(problems))


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    known = [variable(field.name) for field in fields(Settings)]
    for name in environ:
        if name.startswith(PREFIX) and name not in known and name not in OF_CLIENTS:
            near = get_close_matches(name.removeprefix(PREFIX), [other.removeprefix(PREFIX) for other in known], 1)
            mend = f"did you mean {PREFIX}{near[0]}?" if near else "sse-signals check lists those that there are."
            yield f"{name} is no setting: {mend}"


def _find(field: Field[Any], environ: Mapping[str, str], options: Mapping[str, Any]) -> Found:
    name, hidden = variable(field.name), field.metadata["hidden"]
    if options.get(field.name) is not None:
        origin, named, given = option(field.name), f"{option(field.name)} ({name})", options[field.name]
    elif name in environ:
        origin, named, given = ENVIRONMENT, name, environ[name]
    else:
        return Found(field.name, name, DEFAULT, field.default, hidden)
    try:
        value = _read(field.metadata, name if origin == ENVIRONMENT else origin, given)
    except ConfigurationError as error:
        return Found(field.name, named, origin, given, hidden, str(error))
    return Found(field.name, named, origin, value, hidden)


def checked(name: str, value: Any) -> Any:
    """Return the value of one setting, for those who set it in a program.

    Args:
        name: The setting, as the field of `Settings` is called.
        value: Its value, as text or as what it stands for.

    Raises:
        ConfigurationError: It is none.
    """
    field = next(field for field in fields(Settings) if field.name == name)
    return _read(field.metadata, name, value)


def _read(metadata: Mapping[str, Any], name: str, value: Any) -> Any:
    try:
        return metadata["kind"].deserialize(value)
    except ValidationError:
        shown = "***" if metadata["hidden"] else without_password(str(value))
        raise ConfigurationError(f"{name} is {shown!r}: it may be {metadata['may_be']}.") from None

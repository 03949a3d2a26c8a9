"""Settings: read from environment variables and options, checked one by one and together."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError

from sse_signals.errors import ConfigurationError
from sse_signals.setting_kinds import loopback, without_password
from sse_signals.setting_rules import check_together
from sse_signals.setting_table import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PREFIX", "Settings", "checked", "load", "loopback", "option", "variable", "without_password"]

PREFIX: Final = "SIGNALS_"
OF_CLIENTS: Final = frozenset({"SIGNALS_URL", "SIGNALS_TOKEN"})  # what commands that talk to a hub read


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
    known = {variable(field.name): field for field in fields(Settings)}
    for name in environ:
        if name.startswith(PREFIX) and name not in known and name not in OF_CLIENTS:
            near = get_close_matches(name.removeprefix(PREFIX), [other.removeprefix(PREFIX) for other in known], 1)
            mend = f"did you mean {PREFIX}{near[0]}?" if near else f"known are {', '.join(known)}."
            raise ConfigurationError(f"{name} is no setting: {mend}")
    values, named = {}, {field.name: name for name, field in known.items()}
    for name, field in known.items():
        if options.get(field.name) is not None:
            named[field.name] = f"{option(field.name)} ({name})"
            values[field.name] = _read(field.metadata, option(field.name), options[field.name])
        elif name in environ:
            values[field.name] = _read(field.metadata, name, environ[name])
    settings = Settings(**values)
    check_together(settings, named, given=values)
    return settings


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

"""Values of options that are more than text or a number."""

from __future__ import annotations

import re
from typing import Final

import click

from sse_signals import topics
from sse_signals.errors import InvalidInput

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(s|m|h)?")
_UNITS: Final = {None: 1, "s": 1, "m": 60, "h": 3600}
_LONGEST: Final = 24 * 3600.0  # seconds
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")
_OURS: Final = frozenset({"accept", "content-length", "content-type", "transfer-encoding", "connection", "expect"})


class Duration(click.ParamType[float]):
    """Seconds, or a number with its unit: 10, 0.5, 30s, 2m, 1h."""

    name = "duration"

    def __init__(self, longest: float = _LONGEST) -> None:
        """Know how many seconds it may be at most."""
        self._longest = longest

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        found = _DURATION.fullmatch(str(value))
        seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
        if not 0 < seconds <= self._longest:
            most = "a day" if self._longest == _LONGEST else f"{self._longest:g} seconds"
            self.fail(f"{value!r} is no duration of at most {most}; write seconds, or 30s, 2m, 1h.", param, ctx)
        return seconds


class Header(click.ParamType[tuple[str, str]]):
    """A header of every request: ``Name: value``."""

    name = "header"

    def __init__(self, ours: str = "is set by the load itself") -> None:
        """Begin.

        Args:
            ours: What is said of headers that belong to the requests themselves.
        """
        self._ours = ours

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return name and value."""
        found = _HEADER.fullmatch(value)
        if found is None:
            # Without the value, which may be a token.
            self.fail("it is no header; write 'Name: value'.", param, ctx)
        if found[1].lower() in _OURS:
            self.fail(f"{found[1]!r} {self._ours}.", param, ctx)
        return found[1], found[2].strip()


class Topic(click.ParamType[str]):
    """A topic, by the hub's own rules."""

    name = "topic"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the topic as hubs compare it."""
        try:
            return topics.topic(value)
        except InvalidInput as error:
            self.fail(f"{error.detail} {error.hint}", param, ctx)

"""What is told of settings: as text for people, and as JSON for programs. Never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sse_signals.commands.plain import plain
from sse_signals.commands.table import GAP, Cell, Column, lines, paint, running_text
from sse_signals.listening import in_url
from sse_signals.settings import DEFAULT, variable, without_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.commands.check.start import Connection, Start
    from sse_signals.settings import Examined, Found, Settings

_HIDDEN: Final = "***"
_NONE: Final = "none"
_NARROW: Final = 80  # columns; a table needs more
_COLUMNS: Final = (Column("Setting"), Column("Value"), Column("From"))


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found.

    Attributes:
        examined: The settings.
        start: What a start would come to.
    """

    examined: Examined
    start: Start

    @property
    def problems(self) -> tuple[str, ...]:
        """What has to be mended before a hub can start, one sentence each."""
        return tuple(dict.fromkeys((*self.examined.problems, *self.start.problems)))

    @property
    def unreachable(self) -> list[Connection]:
        """Who was asked and is not there."""
        return [each for each in self.start.connections if not each.good and not each.unfit]


def text(report: Report, width: int | None, *, changed: bool) -> Iterator[str]:
    """Yield a report as lines, but for its problems.

    Args:
        report: What to tell.
        width: Columns of the terminal; None where there is none.
        changed: Whether to leave out what has its default.
    """
    found = sorted(report.examined.found, key=lambda each: each.origin == DEFAULT)
    shown = [each for each in found if not (changed and each.origin == DEFAULT)]
    yield from _settings(shown, width)
    for connection in report.start.connections:
        yield ""
        mark = paint("can be used", "green") if connection.good else paint("cannot be used", "red")
        yield f"{paint(connection.setting, 'bold')} {plain(connection.place)} {mark}"
        yield from running_text(connection.detail, width, indent="  ")
    for warning in report.start.warnings:
        yield ""
        yield paint("Warning", "yellow")
        yield from running_text(warning, width, indent="  ")


def _settings(found: Sequence[Found], width: int | None) -> Iterator[str]:
    """Yield the lines of all settings; a value is divided rather than cut, since somebody looks for what is in it."""
    if not found:
        yield "Everything has its default."
        return
    if width is not None and width < _NARROW:
        for name, value, origin in map(_row, found):
            yield f"{paint(name.text, name.colour)} {paint(f'({origin.text})', 'dim')}"
            yield from (f"  {paint(part, value.colour)}" for part in _parts(value.text, width - 2))
        return
    names, _, origins = zip(*map(_row, found), strict=True)
    room = None if width is None else width - _widest(names) - _widest(origins) - 2 * len(GAP)
    rows = []
    for name, value, origin in map(_row, found):
        first, *others = _parts(value.text, room)
        rows.append([name, Cell(first, value.colour), origin])
        rows += [[Cell(""), Cell(part, value.colour), Cell("")] for part in others]
    yield from lines(_COLUMNS, rows, None)


def _widest(cells: Sequence[Cell]) -> int:
    return max(len(cell.text) for cell in cells)


def _parts(text: str, width: int | None) -> list[str]:
    """Return a text in parts that are no wider than so many columns."""
    text = plain(text)
    if width is None:
        return [text]
    return [text[start : start + width] for start in range(0, len(text), width)]


def verdict(report: Report) -> str:
    """Return the last words on settings that are good."""
    settings = report.examined.settings
    missing = " and ".join(each.setting for each in report.unreachable)
    if missing:
        return f"These settings are good, but what {missing} names cannot be used now."
    where = _place(settings.host, settings.port, settings.prefix)
    if settings.metrics_port is not None:
        where += f", and for metrics and health on {_place(settings.metrics_host, settings.metrics_port, '/metrics')}"
    return f"These settings are good: sse-signals serve would listen on {where}"


def _place(host: str, port: int, path: str) -> str:
    return f"http://{in_url(host)}:{port}{path}" if port else f"a free port of {in_url(host)}, at {path}"


def url(settings: Settings) -> str:
    """Return where a hub with these settings is."""
    return f"http://{in_url(settings.host)}:{settings.port}{settings.prefix}"


def document(report: Report, *, changed: bool) -> dict[str, Any]:
    """Return a report as JSON.

    Args:
        report: What to tell.
        changed: Whether to leave out what has its default.
    """
    return {
        "good": not report.problems,
        "url": None if report.problems else url(report.examined.settings),
        "problems": list(report.problems),
        "warnings": list(report.start.warnings),
        "connections": [
            {"setting": each.setting, "place": each.place, "good": each.good, "detail": each.detail}
            for each in report.start.connections
        ],
        "settings": [
            {
                "setting": variable(each.name),
                "value": _json(each),
                "from": each.origin,
                "default": each.origin == DEFAULT,
                "problem": each.problem,
            }
            for each in report.examined.found
            if not (changed and each.origin == DEFAULT)
        ],
    }


def _row(found: Found) -> tuple[Cell, Cell, Cell]:
    """Return the row of a setting; what is not the default is also marked by where it comes from."""
    set_ = found.origin != DEFAULT
    value = Cell(shown(found), "red" if found.problem else "green" if set_ else "dim")
    origin = Cell(found.origin, None if set_ else "dim")
    return Cell(variable(found.name), "bold" if set_ else None), value, origin


def shown(found: Found) -> str:
    """Return the value of a setting as people write it, without secrets; a value that is no good as it was given."""
    value = found.value
    if value is None or value in ((), frozenset()):
        return _NONE
    if found.hidden:
        return _HIDDEN
    if found.problem is not None:
        return repr(without_password(str(value)))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | frozenset):
        return ",".join(value if isinstance(value, tuple) else sorted(value))
    return f"{value:.15g}" if isinstance(value, float) else _text(str(value))


def _json(found: Found) -> Any:
    value = found.value
    if found.problem is not None or (found.hidden and value):
        return shown(found)
    if isinstance(value, tuple | frozenset):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    return without_password(value) if "://" in value else value

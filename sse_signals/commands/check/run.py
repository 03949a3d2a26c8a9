"""What ``check`` does once it knows its options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from sse_signals.commands.check.report import Report, document, text, verdict
from sse_signals.commands.check.start import Start, start, unreadable
from sse_signals.commands.output import show_any_text, write
from sse_signals.commands.plain import json_line, plain
from sse_signals.commands.table import width_of_output

if TYPE_CHECKING:
    from sse_signals.settings import Examined


def examined(settings: Examined, *, connect: bool) -> Report:
    """Return what is found about settings; the rest of a start is looked at only if that has a meaning.

    Args:
        settings: What everything is set to.
        connect: Whether to ask those whom the hub needs, too.
    """
    problems = unreadable(settings.settings)
    if settings.problems:
        return Report(settings, Start(problems))
    found = start(settings.settings, connect=connect and not problems)
    return Report(settings, replace(found, problems=(*problems, *found.problems)))


def tell(report: Report, *, changed: bool, as_json: bool) -> None:
    """Print a report; problems go to stderr, as those of a start do.

    Args:
        report: What was found.
        changed: Whether to leave out what has its default.
        as_json: Whether it is for a program.
    """
    show_any_text()
    if as_json:
        write(json_line(document(report, changed=changed)))
        return
    for line in text(report, width_of_output(), changed=changed):
        write(line)
    write("")
    for problem in report.problems:
        click.echo(f"sse-signals: {plain(problem)}", err=True)
    if not report.problems:
        write(verdict(report))

"""The three ways in which ``top`` tells what goes on at a hub."""

from __future__ import annotations

import asyncio
from typing import Any

from sse_signals.commands.output import show_any_text, write
from sse_signals.commands.plain import json_line
from sse_signals.commands.table import width_of_output
from sse_signals.commands.top.hub import Hub
from sse_signals.commands.top.live import watch
from sse_signals.commands.top.rates import document, sample
from sse_signals.commands.top.screen import Scene, snapshot
from sse_signals.commands.top.terminal import Terminal
from sse_signals.commands.top.view import View
from sse_signals.errors import UnexpectedAnswer

__all__ = ["Hub", "print_json", "print_once", "show_live"]


async def print_json(hub: Hub, interval: float, *, follow: bool) -> None:
    """Print what a hub says, with rates, in one line.

    Args:
        hub: The hub.
        interval: Seconds between the two looks that a rate takes.
        follow: Whether to go on, with one line for each interval.

    Raises:
        SignalsError: The hub cannot be reached, or says no.
    """
    async with hub:
        _, overview = await hub.ask()
        found = sample(overview, None)
        while True:
            await asyncio.sleep(interval)
            said, overview = await hub.ask()
            found = sample(overview, found)
            write(_line(document(said, found)))
            if not follow:
                return


async def print_once(hub: Hub, interval: float) -> None:
    """Print one picture.

    Args:
        hub: The hub.
        interval: Seconds between the two looks that a rate takes.

    Raises:
        SignalsError: The hub cannot be reached, or says no.
    """
    async with hub:
        _, overview = await hub.ask()
        first = sample(overview, None)
        await asyncio.sleep(interval)
        _, overview = await hub.ask()
    scene = Scene(hub.url, interval, sample(overview, first), View())
    show_any_text()
    for text in snapshot(scene, width_of_output()):
        write(text)


async def show_live(hub: Hub, interval: float, *, coloured: bool) -> int:
    """Take the whole terminal until somebody has seen enough; return the exit status.

    Args:
        hub: The hub. It is asked before the terminal changes, so that a refusal is one sentence in an ordinary one.
        interval: Seconds between two looks.
        coloured: Whether colours may be shown.

    Raises:
        SignalsError: The hub cannot be reached at first, or says no.
    """
    async with hub:
        _, overview = await hub.ask()
        return await watch(hub, sample(overview, None), interval, Terminal(coloured=coloured))


def _line(document: dict[str, Any]) -> str:
    """Return a document in one line.

    Raises:
        UnexpectedAnswer: It is nested deeper than can be written.
    """
    try:
        return json_line(document)
    except RecursionError:
        detail = "What the hub answers is nested deeper than any overview is."
        raise UnexpectedAnswer(200, "OK", detail, hint="Check the URL.") from None

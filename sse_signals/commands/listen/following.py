"""What ``sse-signals listen`` consists of, put together; importing this takes long."""

from __future__ import annotations

import asyncio
import signal
from contextlib import closing, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sse_signals.client.remote_hub import RemoteHub
from sse_signals.client.requests import Start
from sse_signals.commands.hub_options import any_certificate
from sse_signals.commands.listen import runs, signal_lines
from sse_signals.commands.listen.attended import Terminated, attended
from sse_signals.commands.listen.cursor_file import CursorFile, Subscription
from sse_signals.commands.listen.follow import Asked, Follower
from sse_signals.commands.notes import Notes
from sse_signals.commands.output import show_any_text, write
from sse_signals.commands.table import width_of_output
from sse_signals.topics import Filters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sse_signals.commands.listen.signal_lines import Shown

    Take = Callable[[Shown], Awaitable[None]]

OPENING: Final = 10.0  # seconds in which there has to be a first stream
_TERMINATED: Final = 128 + signal.SIGTERM  # as shells have it


def following(
    *,
    url: str,
    token: Any,
    no_verify: bool,
    topics: tuple[str, ...],
    cursor: Path | None,
    last_event_id: str | None,
    command: str | None,
    **asked: Any,
) -> int:
    """Follow as the options of the command say, and return the exit status.

    Raises:
        SignalsError: The hub refuses it, cannot be reached, or what is asked for makes no sense.
        BrokenPipeError: Nobody reads stdout any more.
    """
    show_any_text()
    filters = Filters.parse(topics)
    notes = Notes(url)
    tls = any_certificate() if no_verify else None
    opening = min(OPENING, asked["timeout"] or OPENING)
    hub = RemoteHub(url, token=token, timeout=opening, logger=notes, tls=tls)
    take = _taking(command, notes, **{name: asked.pop(name) for name in ("as_json", "raw", "full")})
    start = Start(asked.pop("since"), poll=asked.pop("no_follow"))
    asked["broadcasts"] = not asked.pop("no_broadcast")
    each = command is not None
    whose = Subscription(hub.url.prefix, tuple(filters))
    try:
        with nullcontext() if cursor is None else closing(CursorFile(cursor, whose, durable=each)) as place:
            known = last_event_id if place is None else place.last_event_id
            follower = Follower(Asked(filters, start, known, each=each, **asked), take, place, notes)
            return asyncio.run(attended(_followed(follower, hub), printing=not each))
    except Terminated:
        signal.raise_signal(signal.SIGTERM)  # so that who sent it sees that it was heeded
        return _TERMINATED


async def _followed(follower: Follower, hub: RemoteHub) -> int:
    try:
        return await follower.follow(hub)
    finally:
        await hub.close()


def _taking(command: str | None, notes: Notes, *, as_json: bool, raw: bool, full: bool) -> Take:
    """Return what is done with a signal."""
    if command is not None:
        waiting = partial(notes.tell, "waiting for the command to end; Ctrl-C again ends it.")
        return partial(_run, command, waiting, raw=raw, whole=as_json)
    return partial(_show, as_json=as_json, raw=raw, full=full)


async def _run(command: str, waiting: Callable[[], None], shown: Shown, *, raw: bool, whole: bool) -> None:
    await runs.run(command, runs.stdin_of(shown, raw=raw, whole=whole), runs.variables(shown), waiting)


async def _show(shown: Shown, *, as_json: bool, raw: bool, full: bool) -> None:
    if as_json:
        write(signal_lines.json_text(shown))
    elif (width := width_of_output()) is None:
        write(signal_lines.plain_line(shown, raw=raw))
    else:
        wide = None if full else width
        write(signal_lines.coloured_line(shown, raw=raw, width=wide, zone=None, today=signal_lines.now()))

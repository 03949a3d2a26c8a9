from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.commands.top import overviews as told
from tests.screens import CURSOR, FIRST_SCREEN, NO_CURSOR, OTHER_SCREEN, Screen, screen

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from sse_signals.server import Running

KEYS = "q quit"


async def watched(url: str, what: Callable[[Screen], Any], *, interval: str = "0.1", **how: Any) -> Any:
    """Run the command in a terminal, and have something done there in a thread."""

    def there() -> Any:
        with screen("top", "--url", url, "--interval", interval, **how) as terminal:
            terminal.until(KEYS)
            return what(terminal)

    return await asyncio.to_thread(there)


def given_back(terminal: Screen) -> None:
    """Check that the terminal is as it was: its first screen, its cursor, and what is typed is shown."""
    assert terminal.sent.rindex(OTHER_SCREEN) < terminal.sent.rindex(FIRST_SCREEN)
    assert terminal.sent.rindex(NO_CURSOR) < terminal.sent.rindex(CURSOR)


async def test_a_hub_is_watched(hub: Running, http: aiohttp.ClientSession) -> None:
    """Streams come and go as they do at the hub, until q is pressed."""
    opened, closed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def visit() -> None:
        await opened.wait()
        async with http.get(f"{hub.url}/stream?topic=orders/*"):
            await closed.wait()

    def look(terminal: Screen) -> int:
        terminal.until("No stream is open.")
        loop.call_soon_threadsafe(opened.set)
        terminal.until("orders/*")
        assert "1 stream" in terminal.text
        assert not terminal.echoes()
        loop.call_soon_threadsafe(closed.set)
        terminal.until(lambda text: "client-gone 1" in text and "Ago" in text)
        terminal.press("q")
        status = terminal.end()
        given_back(terminal)
        assert b"\x1b[1m" in terminal.sent
        return status

    visiting = asyncio.create_task(visit())
    assert await watched(hub.url, look) == 0
    await visiting


def ended(terminal: Screen, *, by: signal.Signals | str) -> int:
    """End the command by a signal or a key, check that the terminal is as it was, and return the status."""
    if isinstance(by, str):
        terminal.press(by)
    else:
        terminal.tell(by)
    status = terminal.end()
    given_back(terminal)
    return status


@pytest.mark.parametrize(
    ("by", "status"),
    [("\x03", 130), ("\x1c", 131), (signal.SIGTERM, 143)],
    ids=["ctrl-c", "ctrl-backslash", "SIGTERM"],
)
async def test_the_terminal_is_given_back_however_it_ends(by: signal.Signals | str, status: int) -> None:
    """Each way has its status, and none leaves another screen, no cursor or silent keys."""
    async with told.standing_in(told.overview()) as server:
        assert await watched(server.url, partial(ended, by=by)) == status


async def test_a_terminal_that_is_closed_ends_it() -> None:
    """Nothing goes on where nobody looks."""
    async with told.standing_in(told.overview()) as server:
        assert await watched(server.url, Screen.hang_up) == 129


async def test_keys_that_end_end_it() -> None:
    """Where keys come from another terminal, it ends when that is closed."""
    ours, theirs = pty.openpty()

    def close(terminal: Screen) -> int:
        os.close(theirs)
        os.close(ours)
        status = terminal.end()
        given_back(terminal)
        return status

    async with told.standing_in(told.overview()) as server:
        assert await watched(server.url, close, stdin=theirs) == 129


async def test_it_takes_no_keys() -> None:
    """Where stdin is no terminal, it is watched all the same, and ends by a signal."""
    async with told.standing_in(told.overview()) as server:
        ending = partial(ended, by=signal.SIGHUP)
        assert await watched(server.url, ending, stdin=subprocess.DEVNULL) == 129


async def test_keys_change_the_picture_at_once() -> None:
    """Sorting, nodes and help are there before the hub is asked again; arrows and other keys do nothing."""
    nodes = [told.node(), told.node("77aa01bc")]

    def keys(terminal: Screen) -> None:
        terminal.until("77aa01bc")
        terminal.press("\x1bOP\x1bOS\x1b[15~x\u00e9s")  # F1 is no P, F4 no S, and F5 nothing; then one that counts
        terminal.until("s by buffered")
        assert "paused" not in terminal.text
        terminal.press("n")
        terminal.until(lambda text: "77aa01bc" not in text)
        terminal.press("?")
        terminal.until("show or hide this")
        terminal.press("?q")
        assert terminal.end() == 0

    async with told.standing_in(told.overview(nodes=nodes)) as server:
        await watched(server.url, keys, interval="1h")


def fits(text: str, rows: int) -> bool:
    """Say whether a whole picture is shown, and nothing of another one."""
    lines = text.split("\n")
    return KEYS in lines[rows - 1] and text.count(KEYS) == text.count("http://") == text.count("No stream is open") == 1


async def test_it_follows_the_size_of_the_terminal() -> None:
    """Wide, narrow, short: the picture fits at once, and nothing is left of the one before."""

    def resize(terminal: Screen) -> None:
        for columns, rows in ((40, 10), (200, 50), (60, 24)):
            terminal.resize(columns, rows)
            terminal.until(partial(fits, rows=rows))
            assert ("every 3600 s" in terminal.text) == (columns == 200)
        terminal.press("q")
        assert terminal.end() == 0

    async with told.standing_in(told.overview()) as server:
        await watched(server.url, resize, interval="1h")


async def test_a_hub_that_is_away_is_tried_again() -> None:
    """The last picture stays, with why and since when; and the hub is found when it is back."""
    async with told.standing_in(told.overview(streams=[told.stream(7)])) as server:

        def away(terminal: Screen) -> None:
            terminal.until("default/ann7")
            server.says = web.Response(status=502)
            terminal.until("Away for ")
            assert "502" in terminal.text.splitlines()[1]
            assert "default/ann7" in terminal.text
            server.says = told.overview(streams=[told.stream(8)])
            terminal.until(lambda text: "Away" not in text and "default/ann8" in text)
            terminal.press("q")
            assert terminal.end() == 0

        await watched(server.url, away)


async def test_who_may_not_any_more_is_told_in_an_ordinary_terminal() -> None:
    """It ends with one sentence and does not ask again: that would count as guessing."""
    document = {
        "type": "urn:sse-signals:problem:expired",
        "title": "No",
        "detail": "The token has expired.",
        "hint": "",
    }

    def refused(terminal: Screen) -> int:
        server.says = web.json_response(document, status=401)
        ended_with = terminal.end()
        given_back(terminal)
        rest = terminal.sent[terminal.sent.rindex(FIRST_SCREEN) :]
        assert b"sse-signals: " in rest
        assert b"The token has expired." in rest
        return ended_with

    async with told.standing_in(told.overview()) as server:
        assert await watched(server.url, refused) == 4


async def test_it_can_be_stopped_and_goes_on() -> None:
    """Ctrl-Z gives the terminal back to the shell, and fg takes it again."""

    def stop(terminal: Screen) -> None:
        terminal.press("\x1a")
        terminal.stopped()
        terminal.until(lambda _: terminal.sent.rstrip().endswith(FIRST_SCREEN))
        assert terminal.echoes()
        terminal.tell(signal.SIGCONT)
        terminal.until(lambda _: terminal.sent.count(OTHER_SCREEN) == 2)
        terminal.until(KEYS)
        terminal.press("q")
        assert terminal.end() == 0
        given_back(terminal)

    async with told.standing_in(told.overview()) as server:
        await watched(server.url, stop)


async def test_without_colours_there_are_none() -> None:
    """NO_COLOR is heeded, and hostile names reach no terminal as they are."""

    def look(terminal: Screen) -> None:
        terminal.until(r"\x1b[2J\u202e")
        terminal.press("q")
        assert terminal.end() == 0
        assert b"\x1b[1m" not in terminal.sent
        assert b"\x1b[36m" not in terminal.sent

    hostile = told.overview(streams=[told.stream(subject="\x1b[2J\u202e")])
    async with told.standing_in(hostile) as server:
        await watched(server.url, look, variables={"NO_COLOR": "1"})


@pytest.mark.parametrize(("more", "variables"), [(["--once"], {}), ([], {"TERM": "dumb"})], ids=["once", "dumb"])
async def test_a_picture_in_a_terminal_that_is_printed(more: list[str], variables: dict[str, str]) -> None:
    """With --once, or where a terminal can do no more, it is as wide as the terminal and stays there."""

    def look(url: str) -> None:
        with screen("top", "--url", url, "--interval", "0.1", *more, columns=60, variables=variables) as terminal:
            assert terminal.end() == 0
            assert OTHER_SCREEN not in terminal.sent
            assert "No stream is open." in terminal.text

    async with told.standing_in(told.overview()) as server:
        await asyncio.to_thread(look, server.url)

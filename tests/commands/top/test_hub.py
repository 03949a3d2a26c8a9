"""How a hub is asked: from nothing but what the command was given."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from sse_signals.commands.top.hub import Hub
from sse_signals.errors import BrokerUnavailable
from tests.commands.top import overviews as told

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_proxy_and_passwords_of_the_environment_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither is the hub looked for elsewhere, nor is it shown what is meant for others."""
    netrc = tmp_path / "netrc"
    await asyncio.to_thread(netrc.write_text, "machine 127.0.0.1 login ann password canary\n")
    for name, value in (("http_proxy", "http://127.0.0.1:1"), ("no_proxy", ""), ("NETRC", str(netrc))):
        monkeypatch.setenv(name, value)
    async with told.standing_in(told.overview()) as server, Hub(server.url, None, limit=1) as hub:
        await hub.ask()
    (request,) = server.asked
    assert "Authorization" not in request.headers


async def test_no_cookie_is_kept_and_nothing_is_compressed() -> None:
    """Whatever the hub says, the second request is as the first; and an answer is as long as what is read of it."""

    def says() -> web.Response:
        answer = web.json_response(told.overview())
        answer.set_cookie("session", "canary")
        return answer

    async with told.standing_in(says) as server:
        async with Hub(server.url.replace("127.0.0.1", "localhost"), None, limit=1) as hub:
            for _ in range(2):
                await hub.ask()
        first, second = server.asked
        assert first.headers.getall("Accept-Encoding") == ["identity"]
        assert "Cookie" not in second.headers
        assert first.headers == second.headers


async def test_a_lack_of_descriptors_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is a hub that cannot be reached, and may be reached later."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(aiohttp.ClientSession, "get", refuse)
    async with Hub("http://127.0.0.1:1", None, limit=1) as hub:
        with pytest.raises(BrokerUnavailable, match="cannot be reached"):
            await hub.ask()

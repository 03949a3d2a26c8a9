"""Asking for tickets over HTTP, and opening streams with them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from tests.authenticated import House, house
from tests.web.rawhttp import connection, request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

PAGE = "https://app.example.com"
JSON = "Content-Type: application/json"
SAME = "Sec-Fetch-Site: same-origin"
SECRET = {"secret": b"canary-secret-of-thirty-two-bytes"}


@pytest.fixture(name="hub")
async def closed_hub() -> AsyncIterator[House]:
    """A hub on which everybody has to authenticate."""
    async with house(cors_origins={PAGE}, authentication=SECRET, logger=structlog.get_logger()) as opened:
        yield opened


async def ticket(hub: House, *headers: str, body: object = None, token: str | None = None) -> dict[str, Any]:
    """Ask for a ticket, and return the answer."""
    shown = token or hub.tokens.issue("user:default/ann", "group:default/a")
    content = b"" if body is None else json.dumps(body).encode()
    answer = await hub.ask("POST", "tickets", JSON, *headers, token=shown, body=content)
    assert answer.status == 200, answer
    members: dict[str, Any] = answer.json
    return members


@asynccontextmanager
async def stream(hub: House, url: str, *headers: str) -> AsyncIterator[tuple[asyncio.StreamReader, list[str]]]:
    """Open a stream as an EventSource does, and give its reader and the cookies it was told to keep."""
    async with connection(hub.url) as (reader, writer):
        writer.write(request("GET", url, *headers, version="1.0"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert " 200 " in head.splitlines()[0], head
        await reader.readuntil(b"event: signals.open\n")
        await reader.readuntil(b"\n\n")
        lines = [line.partition(": ") for line in head.splitlines()]
        yield reader, [value for name, _, value in lines if name.lower() == "set-cookie"]


async def opened(hub: House, url: str, *headers: str) -> str:
    """Open a stream with a new ticket and close it; return its cookie as the browser sends it."""
    async with stream(hub, url, *headers) as (_, cookies):
        assert len(cookies) == 1
        return f"Cookie: {cookies[0].partition(';')[0]}"

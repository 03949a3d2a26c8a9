"""Two nodes on every broker that several processes share, and a look at every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web import rawhttp
from tests.web.cluster import Two, two_nodes
from tests.web.documents.watching import documented

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(autouse=True)
def every_answer_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail any test in which a hub answers what its OpenAPI document does not say."""
    monkeypatch.setattr(rawhttp, "watchers", [documented])


@pytest.fixture(params=["redis", "nats"])
def shared_url(request: pytest.FixtureRequest) -> str:
    """A broker that several processes share; made outside of the event loop, which a server's start would block."""
    url: str = request.getfixturevalue(f"{request.param}_server").url
    return url


@pytest.fixture
async def two(shared_url: str) -> AsyncIterator[Two]:
    """Two nodes on a new log."""
    async with two_nodes(shared_url) as nodes:
        yield nodes

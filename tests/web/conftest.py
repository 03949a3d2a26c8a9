"""Two nodes on every broker that several processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.cluster import Two, two_nodes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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

"""Asking Backstage what subjects own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sse_signals.auth.fetch import Fetch
from sse_signals.auth.ownership import Ownership
from sse_signals.auth.userinfo import Userinfo
from tests.auth import backstage_issuer
from tests.auth.backstage_issuer import JANE, USERINFO, Backstage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEAM = frozenset({JANE, backstage_issuer.TEAM})
HOUR = 3600


class Asked:
    """What subjects own, and short ways to ask."""

    def __init__(self, issuer: Backstage, **options: Any) -> None:
        self.issuer = issuer
        logger = structlog.get_logger("sse_signals")
        self.fetch = Fetch(logger)
        userinfo = Userinfo(issuer.server.url + USERINFO, fetch=self.fetch, logger=logger)
        self.ownership = Ownership(userinfo, clock=issuer.clock, logger=logger, **options)

    def token(self, subject: str = JANE, seconds: int = 4 * HOUR) -> tuple[str, str, int]:
        """Return what is asked with, for a new token."""
        expires = self.issuer.clock.seconds + seconds
        return subject, self.issuer.user(subject, exp=expires), expires * 1000

    async def of(self, asking: tuple[str, str, int]) -> frozenset[str]:
        return await self.ownership.of(*asking)

    @property
    def requests(self) -> int:
        return self.issuer.server.requests[USERINFO]


@pytest.fixture(name="asked")
async def asking_backstage(issuer: Backstage) -> AsyncIterator[Asked]:
    made = Asked(issuer)
    yield made
    await made.ownership.close()
    await made.fetch.close()

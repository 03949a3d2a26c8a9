"""Backstage's ``userinfo`` endpoint: what somebody owns, for tokens that do not say it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sse_signals.auth.fetch import IssuerAnswered
from sse_signals.errors import InvalidInput, IssuerUnavailable, NotAuthenticated
from sse_signals.refs import entity_ref

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from sse_signals.auth.fetch import Fetch

REFUSED: Final = "ownership-refused"
_REFUSALS: Final = frozenset({401, 403})


class Userinfo:
    """Asks for what somebody owns.

    Args:
        url: Where the endpoint is.
        fetch: What asks.
        logger: Where it is told what cannot be used of an answer.

    Raises:
        ConfigurationError: The URL is not one to fetch from.
    """

    def __init__(self, url: str, *, fetch: Fetch, logger: FilteringBoundLogger) -> None:
        fetch.check(url)
        self.url = url
        self._fetch = fetch
        self._logger = logger

    async def owned(self, subject: str, token: str) -> frozenset[str]:
        """Return what a subject owns. What is no entity ref in the answer is left out.

        Args:
            subject: Who it is, an entity ref in its one form.
            token: A verified token of the subject.

        Raises:
            NotAuthenticated: ``ownership-refused``: Backstage refuses the token.
            IssuerUnavailable: There is no answer, or none that can be used.
        """
        try:
            answer = await self._fetch.json(self.url, headers={"Authorization": f"Bearer {token}"})
        except IssuerAnswered as error:
            if error.status in _REFUSALS:
                raise refusal() from None
            raise
        claims = answer.get("claims") if isinstance(answer, dict) else None
        said = claims.get("ent") if isinstance(claims, dict) else None
        if not isinstance(claims, dict) or not isinstance(said, list):
            raise IssuerUnavailable("the answer holds no 'claims' with an array 'ent'")
        if _ref(claims.get("sub")) != subject:
            raise IssuerUnavailable("the answer speaks of somebody else")
        refs = [_ref(text) for text in said]
        left_out = refs.count(None)
        if left_out:
            self._logger.warning("what somebody owns is no entity ref", url=self.url, left_out=left_out)
        return frozenset(ref for ref in refs if ref is not None)


def refusal() -> NotAuthenticated:
    """Return the refusal of a token by Backstage itself."""
    return NotAuthenticated(
        REFUSED,
        "Backstage does not tell the bearer of this token what its subject owns.",
        hint="Get a new token by signing in again; if it is new, compare the clocks of hub and Backstage.",
    )


def _ref(text: Any) -> str | None:
    try:
        return entity_ref(text)
    except InvalidInput:
        return None

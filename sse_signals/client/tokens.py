"""Which token a request is sent with."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from sse_signals.errors import ConfigurationError

TokenSource = str | Callable[[], str | Awaitable[str | None] | None] | None

_VISIBLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class GetToken:
    """Get a token, and say which: text, or None for nobody in particular.

    Attributes:
        refused: With ``fresh``: the one that is no good any more. It may have been replaced already.
        fresh: Whether another one is needed.
        seconds: How long that may take; None where the client's own time counts.
    """

    refused: str | None = None
    fresh: bool = False
    seconds: float | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"GetToken(fresh={self.fresh})"


class Tokens:
    """The token of one client: a text, or what a function gave last. Whoever calls the function, waits for it.

    Attributes:
        source: The function; None where there is none to ask.
        held: The token.
    """

    def __init__(self, source: TokenSource) -> None:
        """Begin without having asked.

        Raises:
            ConfigurationError: It is a text that cannot be sent.
        """
        self.source = source if callable(source) else None
        self.held = None if callable(source) else checked_token(source)
        self._asked = False

    def good(self, wanted: GetToken) -> bool:
        """Say whether the token that is held will do, so that nobody need be asked."""
        return self.source is None or (self._asked and not (wanted.fresh and self.held == wanted.refused))

    def keep(self, token: object) -> None:
        """Hold what the function gave.

        Raises:
            ConfigurationError: It is none.
        """
        self.held = checked_token(token)
        self._asked = True


def checked_token(token: object) -> str | None:
    """Return a token that can be sent; None for nobody in particular.

    Raises:
        ConfigurationError: It is no text, or one that no header can hold; the token itself is not told.
    """
    if token is None:
        return None
    if not isinstance(token, str):
        raise ConfigurationError(f"A token is text, not {type(token).__name__}; a function that gives it may be async.")
    if not _VISIBLE.fullmatch(token):
        raise ConfigurationError(
            "The token is empty, or holds spaces, line ends or other characters than ASCII; write it without 'Bearer '."
        )
    return token

"""`Authentication`: how a hub finds out who is there, as an application or the settings choose it."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Final

from sse_signals.errors import ConfigurationError
from sse_signals.rules import NO_RULES, Rules

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sse_signals.interfaces import Authenticator

MIN_SECRET: Final = 32  # bytes; RFC 7518, section 3.2, for HS256


@dataclass(frozen=True, slots=True)
class Authentication:
    """How a hub finds out who is there, and for how long.

    Attributes:
        authenticators: Asked in this order, until one knows the kind of token.
        rules: Who may do what besides what tokens grant.
        anonymous: Whether somebody who shows nothing may listen; targeted signals never reach them.
        cookie: The name of a cookie that may hold a token, or None.
        secret: What cookies of one-time tickets are signed with, the same on all nodes; None makes one that lives as
            long as the process.
        other_secrets: What these cookies may have been signed with, too: those before it, or the next one.
        lifetime: Seconds that the longest accepted token lives; revocations are kept as long.
        leeway: Seconds after its expiry in which a single request may still be made with a token, since clocks differ;
            a stream ends exactly then.
        expiring: Seconds before its end at which a stream is told of it.
        close: Called when the hub ends, to let go of connections to issuers; None when there is nothing to let go.

    Raises:
        ConfigurationError: There is no authenticator, or a secret is too short (32 bytes at least).
    """

    authenticators: Sequence[Authenticator]
    rules: Rules = NO_RULES
    anonymous: bool = False
    cookie: str | None = None
    secret: bytes | None = field(default=None, repr=False)
    lifetime: float = 86_400.0
    leeway: float = 0.0
    expiring: float = 60.0
    close: Callable[[], Awaitable[None]] | None = None
    other_secrets: Sequence[bytes] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not self.authenticators or not hasattr(self.authenticators, "__iter__"):
            raise ConfigurationError(f"authenticators is {self.authenticators!r}: it may be a list with one or more.")
        for each in self.authenticators:
            if isinstance(each, type) or not iscoroutinefunction(getattr(each, "authenticate", None)):
                raise ConfigurationError(
                    f"authenticators holds {each!r}: it may hold objects with "
                    "'async def authenticate(self, credentials)'."
                )
        for secret in ([] if self.secret is None else [self.secret]) + list(self.other_secrets):
            if len(secret) < MIN_SECRET:
                raise ConfigurationError(f"secret has {len(secret)} bytes: it may be {MIN_SECRET} or more random ones.")

"""One request and its answer, whatever version of HTTP carries them, and the ways in which an answer can end."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_HEAD = 64 * 1024  # bytes of an answer's head


class How(Enum):
    """How an answer ended. The values are words for people."""

    CLEAN = "ended properly"
    CLOSED = "ended with its connection"  # HTTP/1.0: nobody can tell a proper end from a cut
    INCOMPLETE = "broke off in the middle"
    RESET = "was reset"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an answer.

    Attributes:
        how: In which way.
        detail: What was said of it, such as the error code of HTTP/2; empty for nothing.
    """

    how: How
    detail: str = ""

    def __str__(self) -> str:
        """Return it as the end of a sentence about the answer."""
        return f"{self.how.value} ({self.detail})" if self.detail else self.how.value


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        method: Its method.
        target: Path and query, percent-encoded.
        headers: What is sent besides ``Host``, ``Content-Length`` and the like. They may hold a token.
        body: Empty for none.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer.

    Attributes:
        status: The HTTP status.
        fields: Header names in lower case, and their values, as they came.
        version: ``HTTP/1.0``, ``HTTP/1.1`` or ``HTTP/2``.
    """

    status: int
    fields: tuple[tuple[str, str], ...] = ()
    version: str = "HTTP/1.1"

    @property
    def begins_stream(self) -> bool:
        """Whether an event stream follows."""
        return self.status == 200 and self.get("content-type").lower().startswith("text/event-stream")

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a header; its name is written in lower case."""
        return tuple(value for key, value in self.fields if key == name)

    def get(self, name: str) -> str:
        """Return the values of a header as one; empty without it."""
        return ", ".join(self.all(name))


class NoAnswer(Exception):
    """The connection ended, or said something that is no HTTP, before there was an answer.

    Attributes:
        ending: How.
    """

    def __init__(self, ending: Ending) -> None:
        super().__init__(str(ending))
        self.ending = ending


class Exchange(Protocol):
    """A request that has been sent.

    Attributes:
        ending: How its answer ended; None while it goes on.
    """

    ending: Ending | None

    async def head(self) -> Head:
        """Wait for the head of the answer.

        Raises:
            NoAnswer: There will be none.
        """

    async def read(self) -> bytes:
        """Wait for the next bytes of the answer's body; none mean its `ending`. The head comes first."""

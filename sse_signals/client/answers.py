"""What can be read from an answer: whether it is a hub's, what its problem document says, and when to come again."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ANSWER: Final = 256 * 1024  # bytes; a thousand ids are 30 KB
LONGEST_WAIT: Final = 300.0  # seconds that an answer can ask for

_PASSING: Final = frozenset({408, 429, 502, 503, 504})
_KIND: Final = "urn:sse-signals:problem:"
_SHOWN: Final = 500  # characters of what a server says


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read to its end or up to `MAX_ANSWER` bytes.

    Attributes:
        status: The HTTP status.
        headers: Looked up without regard to case.
        body: What was read of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document, as far as there is one.

    Attributes:
        kind: The hub's short name of the cause; None when it is not the hub that answers.
        members: The document; empty when there is none.
    """

    kind: str | None
    members: Mapping[str, Any]

    def text(self, name: str, otherwise: str = "") -> str:
        """Return a text of the document, fit to be shown."""
        return shown(self.members.get(name)) or otherwise

    def first(self, name: str) -> str:
        """Return a text of the first entry in its ``errors``."""
        return shown(self._entry.get(name))

    @property
    def index(self) -> int | None:
        """Which signal of a batch is at fault."""
        index = self._entry.get("index")
        return index if isinstance(index, int) else None

    @property
    def _entry(self) -> Mapping[str, Any]:
        entries = self.members.get("errors")
        return entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}


def passing(answer: Answer) -> bool:
    """Say whether the same request may well be answered otherwise in a moment."""
    return answer.status in _PASSING


def may_be_done(answer: Answer) -> bool:
    """Say whether a publish that was answered with a `passing` status may be in the log all the same."""
    found = problem(answer)
    if found.kind is None:  # a proxy's: nobody knows how far the request got
        return answer.status not in {408, 429}
    return found.members.get("outcome") == "unknown"


def retry_after(answer: Answer) -> float | None:
    """Return the seconds in ``Retry-After`` (RFC 9110, section 10.2.3), at most `LONGEST_WAIT`; None without it."""
    text = answer.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT)
    try:  # a time; the server's own clock counts, not the one here
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers.get("Date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT)


def is_stream(answer: Answer) -> bool:
    """Say whether what follows is an event stream."""
    return answer.status == HTTPStatus.OK and media_type(answer) == "text/event-stream"


def from_hub(answer: Answer) -> bool:
    """Say whether it is a hub that answers, and not something between."""
    return problem(answer).kind is not None


def problem(answer: Answer) -> Problem:
    """Return the problem document in an answer; a broken one counts as none."""
    members = document(answer.body) if media_type(answer) in {"application/problem+json", "application/json"} else {}
    kind = members.get("type")
    if not isinstance(kind, str) or not kind.startswith(_KIND):
        return Problem(None, members)
    return Problem(kind.removeprefix(_KIND), members)


def media_type(answer: Answer) -> str:
    """Return the media type of what follows, in lower case; empty without one."""
    return shown(answer.headers.get("Content-Type", "").partition(";")[0].strip().lower())


def document(body: bytes) -> Mapping[str, Any]:
    """Return a JSON object; an empty one in the place of anything else."""
    if len(body) > MAX_ANSWER:
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def phrase(status: int) -> str:
    """Return what a status is called."""
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "?"


def shown(value: object) -> str:
    """Return a text of a server as it may stand in an error or a log: in one line, and not too long."""
    if not isinstance(value, str):
        return ""
    text = value if value.isprintable() else value.encode("unicode_escape").decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

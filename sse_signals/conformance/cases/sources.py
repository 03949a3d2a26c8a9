"""Where requirements come from."""

from __future__ import annotations

from typing import Final

PROCESSING: Final = "HTML 9.2.3"
LAST_EVENT_ID: Final = "HTML 9.2.4"
PARSING: Final = "HTML 9.2.5"
INTERPRETING: Final = "HTML 9.2.6"
NOTES: Final = "HTML 9.2.7"
FETCH: Final = "Fetch, CORS protocol"
SEMANTICS: Final = "RFC 9110"
MESSAGES: Final = "RFC 9112"


def practice(why: str) -> str:
    """Return the source of what no standard says, and every user expects."""
    return f"good practice: {why}"

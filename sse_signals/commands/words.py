"""What a client says, in the words of a command line: a client knows arguments and headers, and a person options."""

from __future__ import annotations

import re
from typing import Final

from sse_signals.errors import NotAuthenticated, NotGranted, SignalsError, UnexpectedAnswer

_ENDS: Final = (".", "?", "!", ":")
_NO_CREDENTIALS: Final = "no-credentials"
_NOT_FOUND: Final = 404
_HUBS_OWN: Final = "urn:sse-signals:problem:not-found"
_GIVE_A_TOKEN: Final = "Give a token: --token, or the variable SIGNALS_TOKEN."  # noqa: S105 - what to do
_GIVE_THE_PREFIX: Final = (
    "Check the URL: it ends with the prefix of the hub's routes, by default /signals, without what follows, such as "
    "/stream."
)
_REPLACED: Final = (
    ("give token= instead", "give --token instead"),
    ("token() failed", "the token cannot be read"),
    (" Mend what 'errors' names; nothing was published.", ""),
)
_CLASS: Final = re.compile(r"(the answer is no HTTP) \(\w+\)")
_CERTIFICATE: Final = "its certificate is not valid ("
_MAYBE_TLS: Final = re.compile(
    r"http://.*(the connection broke|the connection was closed without an answer|the answer is no HTTP)"
    r"|^400 Bad Request: The answer of http://",
    re.DOTALL,
)


def sentence(error: SignalsError) -> str:
    """Return what an error says, with all that was noted about it and what may mend it, in whole sentences."""
    text = _told(error)
    parts = [text, *getattr(error, "__notes__", ())]
    if _CERTIFICATE in text:
        parts.append("--no-verify takes any.")
    elif _MAYBE_TLS.search(text):
        parts.append("May it be https://?")
    return " ".join(part if part.endswith(_ENDS) else f"{part}." for part in parts)


def in_words(text: str) -> str:
    """Return a text of a client without what only programs can do."""
    for theirs, ours in _REPLACED:
        text = text.replace(theirs, ours)
    return _CLASS.sub(r"\1", text)


def _told(error: SignalsError) -> str:
    match error:
        case NotAuthenticated(cause=cause, detail=detail) if cause == _NO_CREDENTIALS:
            return f"{cause}: {detail} {_GIVE_A_TOKEN}"
        case NotGranted(field="Authorization", detail=detail, hint=hint):  # which nobody has typed
            return f"{detail} {hint}"
        case UnexpectedAnswer(status=status, type=kind, title=title, detail=detail) if (status, kind) == (
            _NOT_FOUND,
            _HUBS_OWN,
        ):
            return f"{status} {title}: {detail} {_GIVE_THE_PREFIX}"
    return in_words(str(error))

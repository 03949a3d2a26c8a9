"""What goes wrong with a request of a synchronous program, in the same words as with an asynchronous one."""

from __future__ import annotations

import ssl
from http.client import IncompleteRead, RemoteDisconnected
from typing import Final

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from sse_signals.client.tls_words import told as tls_told

_TOLD: Final = (
    (NameResolutionError, "its host is not known"),
    ((TimeoutError, ConnectTimeoutError, ReadTimeoutError), "no answer in time"),
    (RemoteDisconnected, "the connection was closed without an answer"),
    ((HTTPError, OSError, IncompleteRead), "the connection broke"),
)


def told(error: Exception) -> str:
    """Return why a request failed; the errors' own texts may hold what was sent."""
    if isinstance(error, ProtocolError) and isinstance(error.args[-1], Exception):
        error = error.args[-1]
    if isinstance(error, ssl.SSLError):
        return tls_told(error)
    if isinstance(error, NewConnectionError) and not isinstance(error, NameResolutionError):
        cause = error.__cause__
        return (cause.strerror if isinstance(cause, OSError) else None) or "no connection"
    kinds = (text for kind, text in _TOLD if isinstance(error, kind))
    return next(kinds, f"the answer is no HTTP ({type(error).__name__})")

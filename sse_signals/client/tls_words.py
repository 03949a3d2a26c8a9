"""Why a TLS connection could not be made, in words."""

from __future__ import annotations

import ssl
from typing import Final

_ANOTHER_PROTOCOL: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})  # by version of OpenSSL
_GONE: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


def told(error: ssl.SSLError) -> str:
    """Return what went wrong; the number of such an error is none of the system's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, _GONE):
        return "the connection broke"
    if error.reason in _ANOTHER_PROTOCOL:
        return "there is no TLS at this port; write http:// if that is meant"
    return f"TLS fails ({(error.reason or 'for an unknown reason').replace('_', ' ').lower()})"

"""Names for logs."""

from __future__ import annotations

import secrets
from typing import Final

_ALPHABET: Final = "0123456789abcdefghijkmnpqrstuvwxyz"  # 34 letters, so that 8 of them are 40 bits
_LENGTH: Final = 8


def new_epoch() -> str:
    """Return the epoch of a new log, which nobody meets twice."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))

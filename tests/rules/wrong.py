"""What the oracle raises."""

from __future__ import annotations


class Wrong(AssertionError):
    """What the oracle says when a client saw what it should not, or did not see what it should."""

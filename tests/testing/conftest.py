"""The fixture as a user has it who imports it: their tests' own conftest.py need not be the first one."""

from __future__ import annotations

from sse_signals.testing import signals_hub

__all__ = ["signals_hub"]

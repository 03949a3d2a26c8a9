"""Tests of the room ``sse_signals.bench`` and of its command; ``tests/bench`` is the project's own benchmark."""

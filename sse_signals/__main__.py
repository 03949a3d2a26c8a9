"""``python -m sse_signals`` is the command ``sse-signals``."""

from sse_signals.cli import main

main()

"""The commands of ``sse-signals``."""

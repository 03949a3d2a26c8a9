"""Logs to choose from; each is a `sse_signals.interfaces.Broker`."""

"""Authenticators: from what somebody shows to who they are. Each is a `sse_signals.interfaces.Authenticator`."""

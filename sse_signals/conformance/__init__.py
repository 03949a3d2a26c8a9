"""Conformance: a black-box suite for any hub of Server-Sent Events, which knows it by a small description only."""

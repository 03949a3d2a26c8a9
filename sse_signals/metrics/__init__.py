"""Metrics: what a node has counted, as Prometheus reads it."""

"""``sse-signals check``: what is set, where from, and whether a hub can start with it."""

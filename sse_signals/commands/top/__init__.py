"""``sse-signals top``: a live view of who is connected."""

"""``sse-signals doctor``: what lies between a hub and its clients."""

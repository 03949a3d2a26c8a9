"""``sse-signals token``: tokens and API keys, made and explained."""

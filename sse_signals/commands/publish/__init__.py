"""``sse-signals publish``: signals from arguments, files and pipes."""

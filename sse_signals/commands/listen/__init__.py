"""``sse-signals listen``: signals in a terminal, a pipe or a command."""

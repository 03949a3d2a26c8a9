"""From a position in the log to its head: where a stream starts, how it catches up, how it goes live."""

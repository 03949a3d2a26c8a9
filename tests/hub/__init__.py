"""Fan-out under an event loop that the test turns by hand."""

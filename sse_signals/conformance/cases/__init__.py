"""The cases, a room for each group."""

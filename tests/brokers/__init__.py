"""One suite over every broker."""

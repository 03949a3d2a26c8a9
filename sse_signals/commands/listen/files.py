"""Writing to files of which only the number is known."""

from __future__ import annotations

import os


def write_all(number: int, content: bytes) -> None:
    """Write everything, however little the system takes at a time: a limit of sizes or a full disk takes a part first.

    Args:
        number: The number of an open file.
        content: What to write.

    Raises:
        OSError: Not all could be written.
    """
    left = memoryview(content)
    while left:
        left = left[os.write(number, left) :]

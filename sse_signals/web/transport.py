"""What the kernel knows of a connection."""

from __future__ import annotations

import array
import fcntl
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sse_signals.interfaces import Transport


def unacknowledged(transport: Transport) -> int:
    """Return how many bytes the kernel holds that the client's machine has not taken yet (SIOCOUTQ, see tcp(7)).

    The kernel asks for more only when a good part of its buffer is free: without looking here, a slow and steady reader
    would seem to stand still for minutes.
    """
    sock = transport.get_extra_info("socket")
    if sock is None or transport.is_closing():
        return 0
    held = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, held)
    return held[0]

"""How many connections a listener has dropped, as the kernel counts them for each socket (sock_diag(7))."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOCK_DIAG: Final = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY: Final = 20  # SOCK_DIAG_BY_FAMILY
_DUMP: Final = 0x301  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
_DONE: Final = 3  # NLMSG_DONE
_LISTEN: Final = 1 << 10  # of TCP's states
_MEMORY: Final = 7  # INET_DIAG_SKMEMINFO
_DROPS: Final = 8  # SK_MEMINFO_DROPS: its place there
_HEADER: Final = struct.Struct("=LHHLL")
_SOCKET: Final = 72  # bytes of inet_diag_msg, before the attributes


def drops(port: int) -> int:
    """Return how many connections the listeners of a port on IPv4 have dropped, most of them because too many wait.

    Raises:
        LookupError: Nobody listens there.
    """
    found = [count for listening, count in _listeners() if listening == port]
    if not found:
        raise LookupError(f"nobody listens on port {port}")
    return sum(found)


def _listeners() -> Iterator[tuple[int, int]]:
    request = struct.pack("=BBBxL48x", socket.AF_INET, socket.IPPROTO_TCP, 1 << _MEMORY - 1, _LISTEN)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _DUMP, 1, 0) + request)
        while True:
            for kind, body in _pieces(kernel.recv(1 << 16)):
                if kind == _DONE:
                    return
                yield _listener(body)


def _pieces(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        length, kind, *_ = _HEADER.unpack_from(data)
        yield kind, data[_HEADER.size : length]
        data = data[length + 3 & ~3 :]


def _listener(body: bytes) -> tuple[int, int]:
    port = struct.unpack_from("!H", body, 4)[0]
    rest = body[_SOCKET:]
    while rest:
        length, kind = struct.unpack_from("=HH", rest)
        if kind == _MEMORY:
            return port, struct.unpack_from("=L", rest, 4 + 4 * _DROPS)[0]
        rest = rest[length + 3 & ~3 :]
    raise LookupError("the kernel does not say what was dropped")

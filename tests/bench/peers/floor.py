"""The floor: a bare loop that sends the same bytes to every socket. Whoever writes to sockets one by one costs this.

It knows as much HTTP as the load needs: a GET opens a stream, a POST sends its body to all of them.
"""

from __future__ import annotations

import select
import socket

OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
# As long as a frame of the hub, so that the same number of bytes is sent.
FRAME = b'id: 00000000-%d\ndata: {"topic":"bench","time":"2026-01-31T12:00:00.000Z","message":%b}\n\n'


def main() -> None:
    """Serve until killed; the port is the first line of the output."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    sockets: dict[int, socket.socket] = {}
    requests: dict[int, bytes] = {}
    streams: list[socket.socket] = []
    number = 0
    while True:
        for fileno, _ in epoll.poll():
            if fileno == listener.fileno():
                sock = listener.accept()[0]
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sockets[sock.fileno()] = sock
                epoll.register(sock.fileno(), select.EPOLLIN)
                continue
            sock = sockets[fileno]
            data = sock.recv(1 << 20)
            if not data:
                epoll.unregister(fileno)
                continue
            request = requests.pop(fileno, b"") + data
            head, complete, body = request.partition(b"\r\n\r\n")
            if request.startswith(b"GET "):
                sock.send(OPEN)
                streams.append(sock)
            elif complete and len(body) == int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0]):
                number += 1
                frame = FRAME % (number, body)
                chunk = b"%x\r\n%b\r\n" % (len(frame), frame)
                for stream in streams:
                    stream.sendall(chunk)
                sock.send(ACCEPTED)
            else:
                requests[fileno] = request


if __name__ == "__main__":
    main()

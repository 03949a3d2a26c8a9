"""The shared state of ``nats://``: a stream of its own that keeps the newest message of each key, for its time.

Each message says for how many milliseconds it holds, counted from when the server has stored it; the server itself
removes it after as many whole seconds. What is read is read from the stream's leader, so that whoever has put something
has put it for everybody.
"""

from __future__ import annotations

import asyncio
import math
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from sse_signals.brokers.nats_answers import NO_STREAM, WRONG_LAST, Refused, answer
from sse_signals.brokers.nats_found import look, stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.brokers.nats_found import Stored
    from sse_signals.brokers.nats_link import Link
    from sse_signals.brokers.nats_session import Sessions

_CHUNK: Final = 12  # bytes of a key that make one part of a subject
_CHUNKS: Final = 16  # parts; what is beyond is hashed
_END: Final = "e"  # the last part, so that a key is found below each of its beginnings
_AT_ONCE: Final = 100  # values that are asked for together
_NUMBER: Final = 8  # bytes of a number
_MS: Final = 10**6  # nanoseconds


class NatsState:
    """A `sse_signals.interfaces.SharedState` beside a log on NATS."""

    def __init__(self, sessions: Sessions) -> None:
        """Prepare it.

        Args:
            sessions: How NATS is reached; whoever opens one makes the stream.
        """
        self._sessions = sessions
        self._name = sessions.state_name

    async def claim(self, key: str, ttl: float) -> bool:
        """See `sse_signals.interfaces.SharedState.claim`."""
        deadline = self._sessions.deadline()
        link = (await self._sessions.get(deadline)).link
        held: Stored | None = None
        while True:
            expected = {"Nats-Expected-Last-Subject-Sequence": str(held.record if held is not None else 0)}
            try:
                await self._put(link, key, b"", ttl, expected, deadline)
            except Refused as error:
                if error.code != WRONG_LAST:
                    raise
            else:
                return True
            held = await stored(link, self._name, {"last_by_subj": self._subject(key)}, deadline)
            now_ns = (await look(link, self._name, deadline=deadline)).now_ns
            if held is not None and _holds(held, now_ns):
                return False

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """See `sse_signals.interfaces.SharedState.put`."""
        deadline = self._sessions.deadline()
        await self._put((await self._sessions.get(deadline)).link, key, value, ttl, {}, deadline)

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        """See `sse_signals.interfaces.SharedState.items`."""
        deadline = self._sessions.deadline()
        link = (await self._sessions.get(deadline)).link
        below = ".".join((self._name, *_parts(prefix.encode(), whole=False), ">"))
        with _there(link):
            found = await look(link, self._name, subjects=below, deadline=deadline)
        subjects = list(found.subjects)
        items = []
        for at in range(0, len(subjects), _AT_ONCE):
            some = subjects[at : at + _AT_ONCE]
            for each in await asyncio.gather(
                *(stored(link, self._name, {"last_by_subj": subject}, deadline) for subject in some)
            ):
                if each is not None and _holds(each, found.now_ns):
                    key, value = _opened(each.data)
                    if key.startswith(prefix):
                        items.append((key, value))
        return items

    async def _put(
        self, link: Link, key: str, value: bytes, ttl: float, expected: dict[str, str], deadline: float
    ) -> None:
        name = key.encode()
        data = b"".join((round(ttl * 1000).to_bytes(_NUMBER), len(name).to_bytes(_NUMBER), name, value))
        headers = {"Nats-TTL": f"{max(math.ceil(ttl), 1)}s", **expected}
        with _there(link):
            answer(await link.request(self._subject(key), data, headers, deadline=deadline))

    def _subject(self, key: str) -> str:
        return ".".join((self._name, *_parts(key.encode(), whole=True)))


@contextmanager
def _there(link: Link) -> Iterator[None]:
    """Drop a connection on which the stream has gone, so that the next makes it anew."""
    try:
        yield
    except Refused as error:
        if error.code in {0, NO_STREAM}:
            link.drop()
        raise


def _parts(key: bytes, *, whole: bool) -> list[str]:
    """Return the parts of a subject that stand for a key, or for the beginning of one as far as they are the same.

    Nothing in a key means anything to NATS, and a long key makes no long subject: what it is stands in the message.
    """
    folder = key.find(b"/", 0, _CHUNK * _CHUNKS) + 1  # one part, so that others need not be read for what is in one
    cut = folder + min((len(key) - folder) // _CHUNK, _CHUNKS) * _CHUNK
    pieces = [key[:folder]] if folder else []
    pieces += [key[at : at + _CHUNK] for at in range(folder, cut, _CHUNK)]
    parts = [urlsafe_b64encode(piece).decode() for piece in pieces]
    if not whole:
        return parts if folder else []  # it may be the beginning of a folder's name
    rest = key[cut:]
    return [*parts, blake2b(rest, digest_size=15).hexdigest(), _END]


def _holds(there: Stored, now_ns: int) -> bool:
    return now_ns < there.time_ns + int.from_bytes(there.data[:_NUMBER]) * _MS


def _opened(data: bytes) -> tuple[str, bytes]:
    """Return the key and the value that a message holds."""
    begin = 2 * _NUMBER
    end = begin + int.from_bytes(data[_NUMBER:begin])
    return data[begin:end].decode(), data[end:]

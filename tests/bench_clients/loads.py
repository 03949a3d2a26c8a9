"""Random loads as a channel of streams receives them, and a naive model that parses every byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sse_signals.bench.messages import Messages

if TYPE_CHECKING:
    from random import Random

SIGN_OF_LIFE = b"event: signals.heartbeat\nid: abcdefgh-1041\ndata: {}\n\n"


def event(message: bytes, number: int) -> bytes:
    """Return a message as a hub sends it."""
    return b'id: abcdefgh-%d\ndata: {"topic":"a","message":%b}\n\n' % (number, message)


def chunked(random: Random, body: bytes, *, anywhere: bool) -> bytes:
    """Return one or more HTTP chunks of a body; cut anywhere, as proxies do, or not at all."""
    chunks, start = b"", 0
    while start < len(body):
        end = random.randint(start + 1, len(body)) if anywhere else len(body)
        chunks += b"%x\r\n%b\r\n" % (end - start, body[start:end])
        start = end
    return chunks


@dataclass
class Stream:
    """One stream: the messages that are sent to it, as numbers of their place, and its bytes."""

    order: list[int]
    pieces: list[bytes] = field(default_factory=list)

    def late(self) -> int:
        """Return how many come a second time or after one of their successors."""
        newest, late = -1, 0
        for each in self.order:
            late += each <= newest
            newest = max(newest, each)
        return late


@dataclass
class Load:
    """Messages in their right order, and the streams they are sent to; the first one is faultless."""

    messages: Messages
    bodies: list[bytes]
    streams: list[Stream]


def spoil(random: Random, order: list[int]) -> list[int]:
    """Return an order with some messages lost, sent twice, or swapped."""
    spoiled = list(order)
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(spoiled))
        kind = random.choice(["lose", "repeat", "swap"])
        if kind == "lose" and len(spoiled) > 1:
            del spoiled[place]
        elif kind == "repeat":
            spoiled.insert(random.randint(place + 1, len(spoiled)), spoiled[place])
        elif place:
            spoiled[place - 1], spoiled[place] = spoiled[place], spoiled[place - 1]
    return spoiled


def load(random: Random) -> Load:
    """Return a load of some messages for some streams, all different in every way a network can make them."""
    messages = Messages("run", random.choice([96, 100, 300, 5000]))
    publishers = random.choice([1, 1, 3])
    numbers = [0] * publishers
    bodies = []
    for _ in range(random.randint(1, 40)):
        publisher = random.randrange(publishers)
        bodies.append(messages.encode(numbers[publisher], publisher, random.randrange(1000)))
        numbers[publisher] += random.choice([1, 1, 2])  # one that was refused has used up its number
    order = list(range(len(bodies)))
    proxied, alive = random.random() < 0.3, random.random() < 0.5
    streams = []
    for number in range(random.randint(1, 6)):
        stream = Stream(spoil(random, order) if number and random.random() < 0.3 else order)
        text, body = b"", b""
        for place in stream.order:
            if alive and random.random() < 0.1:
                body += SIGN_OF_LIFE
            body += event(bodies[place], place)
            if random.random() < 0.7:
                text, body = text + chunked(random, body, anywhere=proxied and random.random() < 0.3), b""
        text += chunked(random, body, anywhere=proxied)
        stream.pieces = list(cut(random, text))
        streams.append(stream)
    return Load(messages, bodies, streams)


def cut(random: Random, text: bytes) -> list[bytes]:
    """Return a text in pieces as they are read: one for each chunk, mostly, or anything."""
    longest = random.choice([50, 200, 1000, 100_000])
    pieces, start = [], 0
    while start < len(text):
        end = min(len(text), start + random.randint(1, longest))
        line = text.find(b"\n\n\r\n", start)
        if line >= 0 and random.random() < 0.7:
            end = line + 4
        pieces.append(text[start:end])
        start = end
    return pieces

"""Event streams made up at random, always the same for a seed, and the pieces in which they arrive."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BOM = b"\xef\xbb\xbf"
NAMES = ("message", "changed", "removed", "x y", "\u00fc\u2028")  # whoever listens by name has to know them

_ENDS: Sequence[Sequence[bytes]] = [(b"\n",)] * 4 + [(b"\r\n",)] * 3 + [(b"\r",)] * 2 + [(b"\n", b"\r\n", b"\r")]
_TEXTS: Sequence[bytes] = [
    *(b"a", b"1", b"", b" ", b"  two", b"x: y", b":", b"data: a", b'{"message":{"test":"test"}}', b"\t", b"end "),
    "\u00fc\u20ac\U0001f600".encode(),
]
_ODD_TEXTS: Sequence[bytes] = [
    *(
        "\u2028".encode(),
        "a\x85b".encode(),
        b"a\x0bb\x0cc\x1cd\x1de\x1ef",
        "\u2029x".encode(),
        b"nul\0nul",
        b"x" * 3000,
    ),
    "\u0661\u0662".encode(),
]
_NOT_UTF8: Sequence[bytes] = [
    *(b"\xff", b"a\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\x80b"),
    b"\xf0\x80\x80\x80",
]
_IDS: Sequence[bytes] = [b"7k2m-1", b"7k2m-2.3", b"e-9", "\u00fc\u2028".encode(), b"4"]
_RETRIES: Sequence[bytes] = [b"0", b"1500", b"007", b"2683"]
_ODD_RETRIES: Sequence[bytes] = [
    *(b"+1", b"-1", b" 12", b"12 ", b"1.5", b"0x1", b"1_0", b"12abc", b"", b"9" * 30),
    "\u0661\u0662".encode(),
]
_UNKNOWN: Sequence[bytes] = [b"Data: a", b"datas: b", b"data : c", b" data: d", b"f", b"x:y", b"\xc3\xbc: z", b"ID: 1"]


class Stream(NamedTuple):
    """A stream, and the pieces that it arrives in."""

    data: bytes
    pieces: list[bytes]


class _Maker:
    """Makes the lines of one stream; what is odd about it is drawn once for the whole of it."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ends = random.choice(_ENDS)
        self.odd = {oddity for oddity in _ODDITIES if random.random() < 0.06}

    def text(self) -> bytes:
        """Return the value of a field."""
        texts = _TEXTS
        if "texts" in self.odd and self._random.random() < 0.5:
            texts = _ODD_TEXTS
        elif "no UTF-8" in self.odd and self._random.random() < 0.5:
            texts = _NOT_UTF8
        text = self._random.choice(texts)
        return BOM + text if "BOM inside" in self.odd and self._random.random() < 0.3 else text

    def field(self, name: bytes, value: bytes) -> bytes:
        """Return a line with a field."""
        if "no colon" in self.odd and self._random.random() < 0.4:
            return name
        return name + self._random.choice((b": ", b": ", b":")) + value

    def lines(self) -> Iterator[bytes]:
        """Return the lines of one block."""
        choose, chance, odd = self._random.choice, self._random.random, self.odd
        before: Sequence[tuple[float, Callable[[], bytes]]] = (
            (0.1, lambda: b":" + self.text()),
            (0.08, lambda: self.field(b"retry", choose(_ODD_RETRIES if "retry" in odd else _RETRIES))),
            (0.5, lambda: self.field(b"id", choose(_IDS) + b"\0" * ("NUL in id" in odd and chance() < 0.5))),
            (0.3, lambda: self.field(b"event", choose(NAMES).encode() if chance() < 0.9 else b"")),
            (0.06, lambda: BOM * ("BOM inside" in odd) + choose(_UNKNOWN)),
            (0.3 * ("BOM inside" in odd), lambda: BOM + b"data: z"),
        )
        yield from (line() for likely, line in before if chance() < likely)
        if "no data" in odd and chance() < 0.4:
            return
        for _ in range(choose((1, 1, 1, 1, 2, 3))):
            yield self.field(b"data", self.text())
        if chance() < 0.04:
            yield choose((b"id: 5", b":", b"id:", b"event: changed"))

    def blocks(self) -> Iterator[bytes]:
        """Return the stream in order."""
        end = self._end
        if "BOM" in self.odd:
            yield BOM * self._random.choice((1, 1, 1, 2))
        for _ in range(self._random.choice((1, 2, 3, 4, 6))):
            for line in self.lines():
                yield line + end()
            yield end() * self._random.choice((1, 1, 1, 1, 2))
        if "torn" in self.odd:
            rest = b"".join(line + end() for line in self.lines())
            yield rest[: self._random.randrange(len(rest) + 1)]

    def _end(self) -> bytes:
        return self._random.choice(self._ends)


_ODDITIES = ("texts", "no UTF-8", "BOM", "BOM inside", "no colon", "retry", "NUL in id", "no data", "torn")


def streams(count: int, seed: int) -> Iterator[Stream]:
    """Return so many streams, the first of them the same for every count."""
    random = Random(seed)
    for _ in range(count):
        data = b"".join(_Maker(random).blocks())
        yield Stream(data, _cut(data, random))


def _cut(data: bytes, random: Random) -> list[bytes]:
    how = random.random()
    if how < 0.15:
        return [data[at : at + 1] for at in range(len(data))] if len(data) < 400 else [data]
    if how < 0.25:
        return [data]
    places = (random.randrange(len(data) + 1) for _ in range(random.choice((1, 2, 3, 5, 8))))
    return [data[a:b] for a, b in pairwise(sorted([0, len(data), *places]))]

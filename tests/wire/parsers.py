"""Parsers of event streams that others wrote, and in what each is known to differ from the HTML standard."""

from __future__ import annotations

import base64
import codecs
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx_sse._decoders as httpx_sse
import sseclient
from ld_eventsource import SSEClient  # type: ignore[import-untyped]
from ld_eventsource.config import ConnectStrategy  # type: ignore[import-untyped]
from ld_eventsource.config.connect_strategy import ConnectionClient, ConnectionResult  # type: ignore[import-untyped]

from sse_signals.wire.decoder import Decoder
from tests.wire.streams import BOM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.wire.streams import Stream

HERE = Path(__file__).parent
PACKAGES = HERE.parent / "node" / "package.json"


class Read(NamedTuple):
    """What a parser made of a stream: event, data and last event id of each message, and the delay in milliseconds."""

    messages: list[tuple[str, str, str]]
    retry: int | None = None


def ours(pieces: Sequence[bytes]) -> Read:
    """Read with the package's own decoder."""
    decoder = Decoder()
    messages = [message for piece in pieces for message in decoder.feed(piece)]
    return Read([(message.event, message.data, message.last_event_id) for message in messages], decoder.retry_ms)


def by_httpx_sse(pieces: Sequence[bytes]) -> Read:
    """Read with httpx-sse, whose text comes from httpx."""
    text, lines, events = codecs.getincrementaldecoder("utf-8")("replace"), _Lines(), httpx_sse.SSEDecoder()
    found = [events.decode(line) for piece in pieces for line in lines.decode(text.decode(piece))]
    found += [events.decode(line) for line in lines.flush()]
    return Read([(event.event or "message", event.data, event.id) for event in found if event and event.data])


class _Lines(httpx_sse.SSELineDecoder):
    def decode(self, text: str) -> list[str]:
        return super().decode(text) if text else []  # as httpx leaves out pieces without text


def by_sseclient(pieces: Sequence[bytes]) -> Read:
    """Read with sseclient-py, which leaves the last id to its user."""
    last, messages = "", []
    for event in sseclient.SSEClient(iter(pieces)).events():
        last = last if event.id is None else event.id
        messages.append((event.event, event.data, last))
    return Read(messages)


class _Pieces(ConnectStrategy, ConnectionClient):  # type: ignore[misc]
    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    def create_client(self, logger: object) -> ConnectionClient:  # noqa: ARG002 - as it is called
        return self

    def connect(self, last_event_id: str | None) -> ConnectionResult:  # noqa: ARG002 - as it is called
        return ConnectionResult(iter(self._pieces), None)


def by_launchdarkly(pieces: Sequence[bytes]) -> Read:
    """Read with launchdarkly-eventsource."""
    events = SSEClient(_Pieces(pieces)).events
    return Read([(event.event, event.data, event.last_event_id or "") for event in events])


def by_node(streams: Sequence[Stream]) -> Iterator[dict[str, Read]]:
    """Read all streams with the parsers of Node.js."""
    asked = "\n".join(json.dumps([base64.b64encode(piece).decode() for piece in pieces]) for _, pieces in streams)
    command = ["node", str(HERE / "agreement.mjs"), str(PACKAGES)]
    answers = subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout
    for line in answers.split("\n")[:-1]:
        yield {name: Read([tuple(m) for m in read[0]], read[1]) for name, read in json.loads(line).items()}


class Block(NamedTuple):
    """The fields of one block as they stand there, with a colon or without, and whether a blank line ends it."""

    fields: list[tuple[bytes, bytes, bool]]
    ended: bool

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a field."""
        return [value for field, value, _ in self.fields if field == name]


def blocks(data: bytes) -> list[Block]:
    """Take a stream apart, without any rule about what fields mean."""
    found: list[Block] = []
    fields: list[tuple[bytes, bytes, bool]] = []
    *lines, rest = re.split(rb"\r\n|\n|\r", data.removeprefix(BOM))
    for line in lines:
        if line:
            fields.append(_field(line))
        else:
            found.append(Block(fields, ended=True))
            fields = []
    return [*found, Block([*fields, _field(rest)], ended=False)]


def _field(line: bytes) -> tuple[bytes, bytes, bool]:
    name, colon, value = line.partition(b":")
    return name, value.removeprefix(b" "), bool(colon)


def _no_utf8(data: bytes, _: list[Block]) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def _bom(data: bytes, _: list[Block]) -> bool:
    return data.startswith(BOM)


def _bom_inside(data: bytes, _: list[Block]) -> bool:
    return re.search(rb"(?:^|[\r\n:]|: )" + BOM, data.removeprefix(BOM)) is not None


def _id_without_data(_: bytes, found: list[Block]) -> bool:
    return any(block.values(b"id") and not block.values(b"data") for block in found)


def _nul_in_id(_: bytes, found: list[Block]) -> bool:
    return any(b"\0" in value for block in found for value in block.values(b"id"))


def _empty_first_line(_: bytes, found: list[Block]) -> bool:
    return any(block.values(b"data")[:1] == [b""] for block in found)


def _no_colon(_: bytes, found: list[Block]) -> bool:
    return any(not colon and name in {b"data", b"id", b"event"} for b in found for name, _, colon in b.fields)


def _lenient_retry(_: bytes, found: list[Block]) -> bool:
    return any(not value.isdigit() for block in found for value in block.values(b"retry"))


def _mixed_ends(data: bytes, _: list[Block]) -> bool:
    return len(set(re.findall(rb"\r\n|\n|\r", data))) > 1


def _torn_data(data: bytes, found: list[Block]) -> bool:
    return bool(found[-1].values(b"data")) and not data.endswith((b"\n\n", b"\r\r", b"\r\n\r\n"))


# What each parser does otherwise than the standard says, and when. A stream to which none applies has to be read alike.
KNOWN: Mapping[str, Mapping[str, Callable[[bytes, list[Block]], bool]]] = {
    "client.js": {},
    "eventsource-parser": {
        "forgets the id of a block without data": _id_without_data,
    },
    "fetch-event-source": {
        "does not tell an empty first data line from none": _empty_first_line,
        "ignores fields without a colon": _no_colon,
        "takes an id with NUL": _nul_in_id,
        "strips a BOM from the start of names and values": _bom_inside,
        "takes whatever begins with a number as a delay": _lenient_retry,
    },
    "httpx-sse": {
        "keeps the BOM": _bom,
    },
    "sseclient-py": {
        "ends a block only at two line ends of one kind": _mixed_ends,
        "hands out an event without its end": _torn_data,
        "forgets the id of a block without data": _id_without_data,
        "takes an id with NUL": _nul_in_id,
        "keeps the BOM": _bom,
        "fails at bytes that are no UTF-8": _no_utf8,
    },
    "launchdarkly-eventsource": {
        "forgets the id of a block without data": _id_without_data,
        "keeps the BOM": _bom,
        "fails at bytes that are no UTF-8": _no_utf8,
    },
}
BLIND_TO_EMPTY = ("httpx-sse",)  # since it dispatches blocks without data too: messages without text are left out
TELL_RETRY = ("client.js", "eventsource-parser", "fetch-event-source")
PYTHON: Mapping[str, Callable[[Sequence[bytes]], Read]] = {
    "httpx-sse": by_httpx_sse,
    "sseclient-py": by_sseclient,
    "launchdarkly-eventsource": by_launchdarkly,
}

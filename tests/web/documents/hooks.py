"""What schemathesis has to know of a hub besides its document. It loads this by the path of its configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import strategies as st

from sse_signals import names
from sse_signals.errors import InvalidInput

if TYPE_CHECKING:
    from schemathesis import DeserializationContext, HookContext, Response, SerializationContext

NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
RAW = ("topic", "plugin", "event", "target")

MOST_FILTERS = 64
MOST_CHARACTERS = 2_000  # of topic filters in a URL, before they are escaped
LONGEST = 255  # bytes of a text


def _format(name: str, short: st.SearchStrategy[str], start: str = "", end: str = "") -> None:
    """Say what texts of a format look like: short ones, and those around the limits, which filters then look for."""
    around = st.integers(LONGEST - 1, LONGEST + 2).map(lambda count: start + "0" * (count - len(start + end)) + end)
    schemathesis.openapi.format(name, st.one_of(short, around, st.just("")))


_WORD = st.text(st.sampled_from("abcxyzABC019._/-~äπ語"), min_size=1, max_size=40)
_PLAIN = st.from_regex(r"\A[a-z0-9._-]{1,20}\Z")
_format("visible-text", _PLAIN)
_format("topic", _WORD)
_format("plugin-id", _PLAIN)
_format("topic-prefix", _WORD.map(lambda text: f"{text}*"), end="*")
_format("event-name", _PLAIN)
_format("entity-ref", st.from_regex(r"\A[a-z]{1,9}:([a-z]{1,9}/)?[a-z.-]{1,9}\Z"), start="group:default/")
schemathesis.openapi.format("event-id", st.from_regex(r"\A[0-9a-z]{8}-(0|[1-9][0-9]{0,9})(\.[1-9][0-9]{0,2})?\Z"))


@schemathesis.serializer(*NDJSON)
def lines(_context: SerializationContext, value: Any) -> bytes:
    """Write signals as JSON lines; what is no list is one line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in (value if isinstance(value, list) else [value]))


@schemathesis.deserializer(*NDJSON)
def objects(_context: DeserializationContext, response: Response) -> Any:
    """Read JSON lines."""
    return [json.loads(line) for line in response.content.split(b"\n") if line]


@schemathesis.hook
def before_call(_context: HookContext, case: Any, _kwargs: dict[str, Any]) -> None:
    """Make fit together what each alone is good, which no schema can say."""
    case.query, case.body = _seen(case.query), _seen(case.body)
    match case.operation.path:
        case "/stream":
            case.query = _few(_ending(dict(case.query or {})), "topic", "plugin")
        case "/tickets" if isinstance(case.body, dict):
            case.body = _few(case.body, "topics", "plugins")
        case "/publish":
            case.query = _address(_form(dict(case.query or {}), case.media_type))
            case.body = [_address(each) for each in case.body] if isinstance(case.body, list) else _address(case.body)
            if isinstance(case.body, dict) and "idempotencyKey" in case.body:
                case.headers.pop("Idempotency-Key", None)  # there may be two, if they are the same
        case "/drain" if isinstance(case.body, dict) and case.body.get("node") == "this":
            case.body = {**case.body, "node": "00000000"}  # the hub is needed for the rest of the run


def _seen(value: Any) -> Any:
    """Use visible characters outside of messages, and those of one byte where there are many."""
    if isinstance(value, dict):
        return {name: each if name == "message" else _seen(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_seen(each) for each in value]
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    many = len(value.encode(errors="replace")) > LONGEST
    return "".join("x" if (many and not char.isascii()) or not _visible(char) else char for char in value)


def _visible(char: str) -> bool:
    try:
        return names.visible(char, "") == char
    except InvalidInput:
        return False


def _ending(query: dict[str, Any]) -> dict[str, Any]:
    """Have a stream end, which goes on for ever otherwise."""
    return {**query, "poll": "1"} if query.get("poll", "0") in ("0", "", []) else query


def _few(asked: dict[str, Any], topics: str, plugins: str) -> dict[str, Any]:
    """Ask for no more topic filters than there may be together, and a request line has room for."""
    texts = [text for name in (topics, plugins) if isinstance(asked.get(name), list) for text in asked[name]]
    if len(texts) > MOST_FILTERS // 2 or sum(len(str(text)) for text in texts) > MOST_CHARACTERS:
        return {name: value[:2] if name in (topics, plugins) else value for name, value in asked.items()}
    return asked


def _form(query: dict[str, Any], media_type: str | None) -> dict[str, Any]:
    """Publish a body as what its media type says: as a message if it is text, as signals if not."""
    if media_type != "text/plain":
        query = {name: value for name, value in query.items() if name not in RAW}
    elif not set(RAW) & set(query):
        query["topic"] = "raw"
    return {**query, "explain": "1"} if {"stream", "subject"} & set(query) else query  # which says what they mean


def _address(signal: Any) -> Any:
    """Publish where there can be a topic: plugin and topic together are no longer than each may be."""
    if isinstance(signal, dict):
        plugin, topic = signal.get("plugin"), signal.get("topic")
        if isinstance(plugin, str) and isinstance(topic, str) and len(f"{plugin}:{topic}".encode()) > LONGEST:
            return {name: value for name, value in signal.items() if name != "plugin"}
    return signal

"""Query parameters, path parameters and headers: those of requests, and those of answers."""

from __future__ import annotations

from typing import Any, Final

from sse_signals.topics import MAX_FILTERS
from sse_signals.web.documents.rules import (
    EVENT_ID,
    EVENT_NAME,
    FILTERS,
    PLUGIN,
    PLUGINS,
    REFS,
    REQUEST_ID,
    STREAM_NAME,
    TOPIC,
    VISIBLE,
    JsonSchema,
    reference,
)
from sse_signals.web.overview import MOST, THIS, USUAL

_SWITCH: Final[JsonSchema] = {"type": "string", "enum": ["0", "1"], "default": "0"}
_SINCE: Final[JsonSchema] = {
    "anyOf": [
        {"const": "all", "description": "Everything that is held."},
        {"type": "string", "pattern": "^-[1-9][0-9]{0,5}$", "description": "So many of the newest."},
        {"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhd]$", "description": "Seconds, minutes, hours or days ago."},
        {"type": "string", "format": "date-time", "description": "A time with its zone."},
    ]
}


def _query(name: str, says: str, schema: JsonSchema, example: Any = None) -> JsonSchema:
    made = {"name": name, "in": "query", "description": says, "schema": schema}
    return made if example is None else {**made, "example": example}


def _header(name: str, says: str, schema: JsonSchema, example: str) -> JsonSchema:
    return {"name": name, "in": "header", "description": says, "schema": schema, "example": example}


# By what the operations call them; the same name may mean another thing elsewhere.
PARAMETERS: Final[dict[str, JsonSchema]] = {
    "TopicFilters": _query(
        "topic",
        "Topics, or prefixes of topics that end in `*`; give it once for each. Without `topic` and `plugin` it is "
        f"everything that may be read. There may be {MAX_FILTERS} together, a plugin counts as two, and the request "
        "line has at most 8190 bytes.",
        FILTERS,
        ["orders/*"],
    ),
    "Plugins": _query(
        "plugin",
        "Plugins, of each everything: short for `topic=catalog` and `topic=catalog:*`.",
        PLUGINS,
    ),
    "LastEventIdQuery": _query(
        "lastEventId",
        "Resume after this id. It outranks `since`, and the header `Last-Event-ID` outranks both. Empty is none.",
        {"anyOf": [{"const": ""}, EVENT_ID]},
    ),
    "Since": _query(
        "since",
        "Where to start, if there is no id: `all`, `-20`, `10m`, `2026-01-31T12:00:00Z`. Without it a stream starts "
        "with what comes next, and a poll with everything held.",
        _SINCE,
        "10m",
    ),
    "Poll": _query(
        "poll", "With `1` it ends at what is the newest now: everything up to there, a heartbeat, the end.", _SWITCH
    ),
    "LastEventId": _header(
        "Last-Event-ID",
        "The id of the last event that the client has: it goes on after it. Browsers send it by themselves when they "
        "reconnect. One that is no event's is no error, but a `signals.gap`.",
        {"type": "string"},
        "7k2m9xq4-1042",
    ),
    "Topic": _query(
        "topic",
        "Where to publish. With `topic`, `plugin`, `event` or `target` the body itself is the message.",
        TOPIC,
    ),
    "Plugin": _query("plugin", "Publishes as `plugin:topic`, or as `plugin` alone.", PLUGIN),
    "Event": _query("event", "The signal's name on the stream.", EVENT_NAME),
    "Targets": _query(
        "target",
        "Only who owns one of these entity refs gets it; give it once for each.",
        REFS,
    ),
    "Explain": _query(
        "explain", "With `1` the answer adds whom on this node it reaches. Needs the grant `admin`.", _SWITCH
    ),
    "ExplainStream": _query("stream", "With `explain=1`: say why this stream gets it, or not.", VISIBLE),
    "ExplainSubject": _query("subject", "With `explain=1`: say why this subject gets it, or not.", VISIBLE),
    "IdempotencyKey": _header(
        "Idempotency-Key",
        "Makes it safe to repeat the request: within 5 minutes, the same key of the same publisher returns the first "
        "ids and publishes nothing.",
        VISIBLE,
        "order-42-paid",
    ),
    "Limit": _query(
        "limit",
        "How many open streams to tell of one by one, and how many closed ones.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    ),
    "OverviewNode": _query(
        "node", f"With `{THIS}` only the node that answers; otherwise all.", {"type": "string", "enum": [THIS]}
    ),
    "Stream": {
        "name": "stream",
        "in": "path",
        "required": True,
        "description": "The stream's name, from its receipt.",
        "schema": STREAM_NAME,
        "example": "d58c4146-9f03f0750c1d2e3f",
    },
    "Origin": _header(
        "Origin",
        "Browsers send it: only pages of the hub's own origin, or of an allow-listed one, may use the hub.",
        {"type": "string"},
        "https://app.example.com",
    ),
    "RequestId": _header(
        "X-Request-Id",
        "A name for the request, for logs: 1 to 128 characters of `A-Z a-z 0-9 . _ ~ + / = -`. Otherwise the hub makes "
        "one.",
        {"type": "string"},
        "0f8fad5b-d9cb-469f-a165-70867728950e",
    ),
    "Traceparent": _header(
        "traceparent",
        "The caller's trace (W3C Trace Context), which a publish then belongs to. One that is none is ignored.",
        {"type": "string"},
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    "IfNoneMatch": _header(
        "If-None-Match", "The `ETag` of what the client has already.", {"type": "string"}, 'W/"0123456789abcdef"'
    ),
}


def _answer(says: str, schema: JsonSchema, *, required: bool = True) -> JsonSchema:
    return {"description": says, "schema": schema, "required": required}


HEADERS: Final[dict[str, JsonSchema]] = {
    "X-Request-Id": _answer(
        "The request's name in logs: that of the request, or a new one.",
        REQUEST_ID,
    ),
    "Cache-Control": _answer("Whether anybody may keep the answer.", {"type": "string"}),
    "Retry-After": _answer("Seconds to wait before it is tried again.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": _answer(
        "What is asked for (RFC 6750).", {"type": "string", "pattern": '^Bearer( error="invalid_token")?$'}
    ),
    "Idempotent-Replayed": _answer(
        "The ids are those of an earlier request with this key; nothing was published.",
        {"type": "string", "enum": ["true"]},
        required=False,
    ),
    "ETag": _answer("What the file is now.", {"type": "string", "pattern": '^W/"[0-9a-f]+"$'}),
    "Set-Cookie": _answer(
        "The session of a stream that was let in with a ticket: with it a browser comes back. It is a secret.",
        {"type": "string"},
        required=False,
    ),
    "X-Accel-Buffering": _answer("Asks nginx to pass on each event at once.", {"type": "string", "enum": ["no"]}),
}


def references(*names: str) -> list[JsonSchema]:
    """Return references to parameters."""
    return [reference(name, "parameters") for name in names]

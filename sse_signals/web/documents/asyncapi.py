"""The AsyncAPI document: what comes on a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sse_signals.web.documents import events
from sse_signals.web.documents.about import LICENSE, TITLE, release
from sse_signals.web.documents.openapi import SECURITY_SCHEMES
from sse_signals.web.documents.parameters import PARAMETERS
from sse_signals.web.documents.rules import TEXTS, JsonSchema, reference

if TYPE_CHECKING:
    from sse_signals.web.documents.events import Kind

VERSION: Final = "3.0.0"
_BINDING: Final = "0.3.0"
_SAYS: Final = """\
What a client of the hub receives on a stream. `openapi.json` says how to open one, and how to publish.

A stream is `text/event-stream` (HTML standard, 9.2), which browsers read with `EventSource`, or, with `Accept: \
application/x-ndjson`, one JSON object a line. The payload of a message here is the event's `data`; its headers are \
the event's fields `id`, `event` and `retry`. The messages that end in `Line` are the same events as JSON lines.

Each stream begins with `signals.open`. Signals come in the order of the log, and only those that the client may \
have. Then `signals.heartbeat` keeps the connection alive. After `signals.goodbye` the hub ends the stream.

A client keeps the newest `id`, and sends it as `Last-Event-ID` when it comes back: nothing is missed then, or \
`signals.gap` says so. It ignores control events and members that it does not know.

See *Listen* (README.md#listen)."""
_ADDRESS: Final = "/stream"
_QUERY: Final = ("TopicFilters", "Plugins", "LastEventIdQuery", "Since", "Poll")


def asyncapi() -> dict[str, Any]:
    """Return the document."""
    names = [f"{kind.name}{suffix}" for kind in events.KINDS for suffix in ("", "Line")]
    channel = {"$ref": "#/channels/stream"}
    return {
        "asyncapi": VERSION,
        "info": {"title": TITLE, "version": release(), "description": _SAYS, "license": LICENSE},
        "defaultContentType": "application/json",
        "servers": {
            "hub": {
                "host": "{host}",
                "pathname": "{prefix}",
                "protocol": "http",
                "description": "A hub, or a proxy in front of several.",
                "variables": {
                    "host": {"default": "127.0.0.1:8080", "description": "Its host and port."},
                    "prefix": {"default": "/signals", "description": "The path that all its paths begin with."},
                },
                "security": [reference(name, "securitySchemes") for name in SECURITY_SCHEMES],
            }
        },
        "channels": {
            "stream": {
                "address": _ADDRESS,
                "title": "A stream of signals",
                "servers": [{"$ref": "#/servers/hub"}],
                "messages": {name: reference(name, "messages") for name in names},
            }
        },
        "operations": {f"receive{kind.name}": _operation(kind, channel) for kind in events.KINDS},
        "components": {
            "schemas": {**TEXTS, **events.schemas()},
            "messages": _messages(),
            "securitySchemes": {
                "bearer": SECURITY_SCHEMES["bearer"],
                **{name: _api_key(SECURITY_SCHEMES[name]) for name in ("cookie", "ticket")},
            },
        },
    }


def _operation(kind: Kind, channel: JsonSchema) -> JsonSchema:
    return {
        "action": "receive",
        "channel": channel,
        "title": kind.summary,
        "summary": kind.says,
        "messages": [{"$ref": f"#/channels/stream/messages/{kind.name}{suffix}"} for suffix in ("", "Line")],
        "bindings": {"http": {"method": "GET", "query": _query(), "bindingVersion": _BINDING}},
    }


def _query() -> JsonSchema:
    """Return what a client may ask for, as one object."""
    asked = [PARAMETERS[name] for name in _QUERY]
    return {
        "type": "object",
        "properties": {each["name"]: {"description": each["description"], **each["schema"]} for each in asked},
    }


def _messages() -> dict[str, JsonSchema]:
    made: dict[str, JsonSchema] = {}
    for kind in events.KINDS:
        made[kind.name] = {
            "name": kind.event or "message",
            "title": kind.summary,
            "summary": kind.says,
            "contentType": "application/json",
            "headers": events.fields_schema(kind),
            "payload": reference(f"{kind.name}Data"),
            "examples": [{"headers": events.example_fields(kind), "payload": kind.example}],
        }
        made[f"{kind.name}Line"] = {
            "name": kind.event or "message",
            "title": f"{kind.summary}, as a JSON line",
            "summary": kind.says,
            "contentType": "application/x-ndjson",
            "payload": reference(f"{kind.name}Line"),
            "examples": [{"payload": events.example_line(kind)}],
        }
    return made


def _api_key(scheme: JsonSchema) -> JsonSchema:
    """Return what OpenAPI calls ``apiKey`` as AsyncAPI calls it."""
    return scheme | {"type": "httpApiKey"}

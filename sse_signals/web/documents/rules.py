"""The rules of texts as JSON Schema: for each function that checks a text, what can be said of it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sse_signals import names, topics
from sse_signals.model import CONTROL_PREFIX, MAX_BATCH
from sse_signals.refs import DEFAULT_NAMESPACE
from sse_signals.topics import MAX_FILTERS
from sse_signals.web.admin_schemas import stream_name
from sse_signals.web.fields import MAX_TARGETS, Checked, Refs
from sse_signals.web.ticket_body import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from marshmallow.fields import Field

JsonSchema = dict[str, Any]

# What no pattern can say, since regular expressions of JSON Schema know no categories of Unicode: hence the formats.
_VISIBLE: Final = (
    f"Visible text: at most {names.MAX_BYTES} bytes of UTF-8 in normal form C, no control and invisible characters."
)


def reference(name: str, kind: str = "schemas") -> JsonSchema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def _text(form: str, says: str, pattern: str | None = None) -> JsonSchema:
    """Return the schema of a visible text.

    Args:
        form: Its ``format``.
        says: What else holds, whole sentences.
        pattern: A regular expression that it matches.
    """
    schema = {"type": "string", "format": form, "minLength": 1, "maxLength": names.MAX_BYTES}
    return schema | ({"pattern": pattern} if pattern else {}) | {"description": f"{says} {_VISIBLE}".strip()}


TEXTS: Final[Mapping[str, JsonSchema]] = {
    "VisibleText": _text("visible-text", ""),
    "Topic": _text("topic", "A topic: case-sensitive, without `*`.", r"^[^*]+$"),
    "PluginId": _text("plugin-id", "A plugin id, without `:` and `*`.", r"^[^:*]+$"),
    "TopicFilter": {
        "anyOf": [
            reference("Topic"),
            _text("topic-prefix", "A prefix of topics, and a `*`; `*` alone is everything.", r"^[^*]*\*$")
            | {"maxLength": names.MAX_BYTES + 1},
        ],
        "description": "A topic, or a prefix of topics that ends in `*`.",
    },
    "EventName": _text(
        "event-name",
        "A name for `addEventListener`, but not `open`, `error` or one that begins with `signals.`. `message` is none.",
        rf"^(?!(open|error)$|{CONTROL_PREFIX.replace('.', '[.]')})",
    ),
    "EntityRef": {
        "anyOf": [
            _text("entity-ref", "With its namespace.", r"^[^:/\s]+:[^:/\s]+/[^:/\s]+$"),
            _text("entity-ref", f"In the namespace `{DEFAULT_NAMESPACE}`, which counts.", r"^[^:/\s]+:[^:/\s]+$")
            | {"maxLength": names.MAX_BYTES - len(f"{DEFAULT_NAMESPACE}/")},
        ],
        "description": "An entity ref as Backstage writes it: `group:default/team-a`. Its case does not matter.",
    },
    "StreamName": {
        "type": "string",
        "pattern": "^[0-9a-f]{8}-[0-9a-f]{16}$",
        "description": "A stream's name, as its receipt says it.",
    },
    "NodeName": {
        "type": "string",
        "pattern": "^[0-9a-f]{8}$",
        "description": "A node's name, with which the names of its streams begin.",
    },
    "EventId": {
        "type": "string",
        "format": "event-id",
        "description": "A place in the log. Clients store it and send it back, and never look inside.",
        "examples": ["7k2m9xq4-1042"],
    },
    "RequestId": {
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": "^[A-Za-z0-9._~+/=-]+$",
        "description": "A name for a request.",
    },
    "Time": {
        "type": "string",
        "format": "date-time",
        "description": "A time in UTC, to the millisecond (RFC 3339).",
        "examples": ["2026-01-31T12:00:00.123Z"],
    },
}
VISIBLE, TOPIC, PLUGIN, TOPIC_FILTER, EVENT_NAME, ENTITY_REF, STREAM_NAME, NODE_NAME, EVENT_ID, REQUEST_ID, TIME = (
    reference(name) for name in TEXTS
)
COUNT: Final[JsonSchema] = {"type": "integer", "minimum": 0}
SECONDS: Final[JsonSchema] = {"type": "number", "minimum": 0}
REFS: Final[JsonSchema] = {"type": "array", "items": ENTITY_REF, "maxItems": MAX_TARGETS}
BATCH: Final[JsonSchema] = {"type": "array", "minItems": 1, "maxItems": MAX_BATCH}

# Keyed by what checks the text when a request comes.
_RULES: Final[Mapping[Callable[..., str | None], JsonSchema]] = {
    names.visible: VISIBLE,
    topics.topic: TOPIC,
    topics.plugin_id: PLUGIN,
    topics.event_name: EVENT_NAME,
    stream_name: STREAM_NAME,
}
# Of who listens to it: each is two topic filters, one of which is longer by ":".
PLUGINS: Final[JsonSchema] = {
    "type": "array",
    "items": PLUGIN | {"maxLength": names.MAX_BYTES - 1},
    "maxItems": MAX_FILTERS // 2,
}
FILTERS: Final[JsonSchema] = {"type": "array", "items": TOPIC_FILTER, "maxItems": MAX_FILTERS}


def of_field(field: Field[Any]) -> JsonSchema:
    """Return what JSON Schema can say of a field of this package; nothing of the others, which speak for themselves."""
    match field:
        case Checked():
            return _RULES[field.check]
        case Refs():
            return REFS
        case Texts():
            return (PLUGINS if field.check is topics.plugin_id else FILTERS) | {"minItems": 1}
        case _:
            return {}


def members(says: str, required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> JsonSchema:
    """Return the schema of an object.

    Args:
        says: What it is.
        required: Members that are always there.
        optional: Those that may be left out.
    """
    return {
        "type": "object",
        "description": says,
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def maybe(schema: JsonSchema) -> JsonSchema:
    """Return a schema that takes null, too."""
    return {"anyOf": [schema, {"type": "null"}]}


def described(schema: JsonSchema, says: str) -> JsonSchema:
    """Return a schema with words of its own."""
    return schema | {"description": says}

"""What comes on a stream: signals, and the control events by which the hub speaks itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sse_signals.model import CONTROL_PREFIX, GapReason
from sse_signals.web.documents.rules import (
    EVENT_ID,
    EVENT_NAME,
    SECONDS,
    STREAM_NAME,
    TIME,
    TOPIC,
    TOPIC_FILTER,
    JsonSchema,
    described,
    maybe,
    members,
    reference,
)
from sse_signals.wire.controls import PROTOCOL

_EXAMPLE_ID: Final = "7k2m9xq4-1042"
_EXAMPLE_TIME: Final = "2026-01-31T12:00:00.123Z"
# Why a stream is sent away, or not even begun: bad moments, ends of what was shown, and the hub's own wish.
GOODBYES: Final = {
    "shutdown": "The node is about to end: come back, another one takes you.",
    "starting": "The node is starting.",
    "full": "The node has as many streams open as it may.",
    "max-age": "The stream was open for as long as one may be: come back, so that load spreads over all nodes.",
    "identity-streams": "This subject has too many streams open.",
    "address-streams": "Too many streams are open from this address.",
    "failed-authentications": "Authentication failed too often from this address.",
    "issuer-unavailable": "The credential cannot be checked at the moment.",
    "broker-unavailable": "The log cannot be reached at the moment.",
    "expired": "The credential is over: get a fresh one first.",
    "revoked": "Who listens is refused from now on.",
    "not-granted": "Who listens may not read this any more.",
}
_GAPS: Final = {
    GapReason.TRIMMED: "They are no longer held; it goes on with the oldest that is.",
    GapReason.EPOCH: "The log was lost, or its newest records were; it goes on with what is held.",
    GapReason.UNKNOWN_ID: "The id is no event's; it goes on with what comes next.",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event on a stream.

    Attributes:
        name: What its schemas are called.
        event: Its name on the stream; None for signals, which have the names that their publishers give them.
        summary: What it is, in a few words.
        says: What it means, whole sentences.
        payload: The schema of its data; of a signal's message, any JSON value.
        example: Its data.
        has_id: Whether it moves the place from which a client resumes; None if only sometimes.
        retry: Whether it says when to come back.
    """

    name: str
    event: str | None
    summary: str
    says: str
    payload: JsonSchema
    example: dict[str, Any]
    has_id: bool | None
    retry: bool = False


def _list(texts: dict[Any, str]) -> str:
    return "\n".join(f"- `{name!s}`: {meaning}" for name, meaning in texts.items())


def _named(texts: dict[Any, str]) -> JsonSchema:
    return {"type": "string", "enum": [str(name) for name in texts], "description": _list(texts)}


SIGNAL: Final = Kind(
    "Signal",
    None,
    "A signal",
    "What somebody published. It reaches `onmessage`, or `addEventListener` if its publisher gave it a name.",
    members(
        "A signal, as it is told.",
        {
            "time": described(TIME, "When the log took it; never earlier than that of the signal before."),
            "message": {"description": "What is told: any JSON value."},
        },
        {"topic": described(TOPIC, "Where it was published; a broadcast has none.")},
    ),
    {"topic": "orders/42", "time": _EXAMPLE_TIME, "message": {"state": "paid"}},
    True,
)
OPEN: Final = Kind(
    "Open",
    f"{CONTROL_PREFIX}open",
    "The stream's receipt",
    "The first event of each stream: what it is, and from where it goes on.",
    members(
        "What the stream is.",
        {
            "protocol": {"type": "integer", "const": PROTOCOL, "description": "The version of what comes."},
            "stream": STREAM_NAME,
            "subject": {"type": ["string", "null"], "description": "Who listens; null for somebody anonymous."},
            "heartbeat": described(SECONDS, "Seconds between heartbeats."),
            "topics": {"type": "array", "items": TOPIC_FILTER, "description": "What it gets of what it asked for."},
        },
        {
            "recovered": {
                "type": "boolean",
                "description": "Whether it goes on without a hole; only if it was asked to resume.",
            },
            "expiresAt": described(TIME, "When it ends, if what was shown for it ends."),
        },
    ),
    {
        "protocol": PROTOCOL,
        "stream": "d58c4146-9f03f0750c1d2e3f",
        "recovered": True,
        "subject": "user:default/jane",
        "heartbeat": 15,
        "topics": ["orders/*"],
        "expiresAt": "2026-01-31T13:00:00.000Z",
    },
    None,
    retry=True,
)
GAP: Final = Kind(
    "Gap",
    f"{CONTROL_PREFIX}gap",
    "Something was missed",
    "Events after `from` are missing, and the stream goes on after `to`: fetch anew what they may have told.",
    members(
        "What is missing.",
        {
            "reason": _named(_GAPS),
            "from": described(maybe(EVENT_ID), "The id after which events are missing; null if nobody knows."),
            "to": described(EVENT_ID, "The id after which it goes on."),
        },
    ),
    {"reason": "trimmed", "from": "7k2m9xq4-12", "to": "7k2m9xq4-1041"},
    True,
)
HEARTBEAT: Final = Kind(
    "Heartbeat",
    f"{CONTROL_PREFIX}heartbeat",
    "A sign of life",
    "It comes when nothing else did. Its id moves the place from which a client resumes.",
    members("Nothing.", {}),
    {},
    None,
)
EXPIRING: Final = Kind(
    "Expiring",
    f"{CONTROL_PREFIX}expiring",
    "The credential ends soon",
    "The stream ends at `expiresAt`, unless it is renewed before with a fresh token.",
    members("When it ends.", {"expiresAt": TIME}),
    {"expiresAt": "2026-01-31T13:00:00.000Z"},
    False,
)
GOODBYE: Final = Kind(
    "Goodbye",
    f"{CONTROL_PREFIX}goodbye",
    "The hub ends the stream",
    "The last event of a stream that the hub ends. Come back after `retry` milliseconds.",
    members("Why it ends.", {"reason": _named(GOODBYES)}),
    {"reason": "shutdown"},
    False,
    retry=True,
)
KINDS: Final = (SIGNAL, OPEN, GAP, HEARTBEAT, EXPIRING, GOODBYE)
_RETRY: Final[JsonSchema] = {
    "type": "integer",
    "minimum": 0,
    "description": "Milliseconds to wait before coming back.",
}


def _name(kind: Kind) -> JsonSchema:
    return EVENT_NAME if kind.event is None else {"const": kind.event}


def _places(kind: Kind) -> tuple[JsonSchema, JsonSchema]:
    """Return the members that say where in the log an event stands: those always there, and those sometimes."""
    return ({"id": EVENT_ID}, {}) if kind.has_id else ({}, {} if kind.has_id is False else {"id": EVENT_ID})


def fields_schema(kind: Kind) -> JsonSchema:
    """Return the schema of the fields of an event besides its data."""
    always, sometimes = _places(kind)
    named = {"event": _name(kind)}
    if kind.event is None:
        return members("Where it stands, and its name.", always, named)
    retry = {"retry": _RETRY} if kind.retry else {}
    return members("Its name, and where it stands if it says so.", {**always, **named, **retry}, sometimes)


def event_schema(kind: Kind) -> JsonSchema:
    """Return the schema of an event as a reader of ``text/event-stream`` sees it."""
    fields = fields_schema(kind)
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": reference(f"{kind.name}Data"),
    }
    required, properties = [*fields["required"], "data"], {**fields["properties"], "data": data}
    return fields | {"description": kind.says, "required": required, "properties": properties}


def line_schema(kind: Kind) -> JsonSchema:
    """Return the schema of an event as a line of ``application/x-ndjson``."""
    fields, data = fields_schema(kind), kind.payload
    inside = data if kind.event is None else members("", {"time": TIME, "message": reference(f"{kind.name}Data")})
    return fields | {
        "description": kind.says,
        "required": [*fields["required"], *inside["required"]],
        "properties": {**fields["properties"], **inside["properties"]},
    }


def example_fields(kind: Kind) -> dict[str, Any]:
    """Return the fields of an example besides its data."""
    shown: dict[str, Any] = {} if kind.event is None else {"event": kind.event}
    return shown | ({} if kind.has_id is False else {"id": _EXAMPLE_ID}) | ({"retry": 2683} if kind.retry else {})


def example_line(kind: Kind) -> dict[str, Any]:
    """Return an example as a line."""
    inside = kind.example if kind.event is None else {"time": _EXAMPLE_TIME, "message": kind.example}
    return {**example_fields(kind), **inside}


def schemas() -> dict[str, JsonSchema]:
    """Return the schemas of all events: of their data, as events, and as lines."""
    made = {f"{kind.name}Data": kind.payload for kind in KINDS}
    for suffix, schema in (("Event", event_schema), ("Line", line_schema)):
        made |= {f"{kind.name}{suffix}": schema(kind) for kind in KINDS}
        made[f"Stream{suffix}"] = {"anyOf": [reference(f"{kind.name}{suffix}") for kind in KINDS]}
    return made

"""What the hub answers with when it does what it was asked for: receipts, and the overview of streams."""

from __future__ import annotations

from typing import Any, Final

from sse_signals.life.explain import DETAILS, MOST_STREAMS, Verdict
from sse_signals.life.ledger import MOST_TOPICS
from sse_signals.life.revocations import KINDS
from sse_signals.model import MAX_BATCH
from sse_signals.web.documents.rules import (
    COUNT,
    EVENT_ID,
    NODE_NAME,
    SECONDS,
    STREAM_NAME,
    TIME,
    TOPIC_FILTER,
    VISIBLE,
    JsonSchema,
    described,
    maybe,
    members,
    reference,
)
from sse_signals.web.explain import MOST_SIGNALS
from sse_signals.web.overview import MOST

_BY_REASON: Final[JsonSchema] = {"type": "object", "additionalProperties": COUNT}
_TEXT: Final[JsonSchema] = {"type": "string"}


def _counted(says: str) -> JsonSchema:
    return described(COUNT, says)


def _listed(name: str, most: int, says: str) -> JsonSchema:
    return {"type": "array", "items": reference(name), "maxItems": most, "description": says}


def _one_of(*texts: str, says: str) -> JsonSchema:
    return {"type": "string", "enum": list(texts), "description": says}


_VERDICTS: Final = {
    "type": "array",
    "items": reference("Verdict"),
    "maxItems": MOST_SIGNALS,
    "description": "One for each signal, in order.",
}
_OF_ANY_STREAM: Final[dict[str, Any]] = {
    "stream": STREAM_NAME,
    "node": NODE_NAME,
    "subject": described(maybe(_TEXT), "Who listens; null for somebody anonymous."),
    "remote": described(_TEXT, "Where from: the address that limits count."),
    "topics": {
        "type": "array",
        "items": TOPIC_FILTER,
        "maxItems": MOST_TOPICS,
        "description": "The first of its topic filters.",
    },
    "moreTopics": _counted("How many other topic filters it has."),
    "format": _one_of("sse", "ndjson", says="As what it is written."),
    "opened": TIME,
    "age": described(SECONDS, "Seconds that it is, or was, open."),
    "delivered": _counted("Events written."),
    "bytes": _counted("Bytes written."),
    "timesBehind": _counted("How often it fell behind."),
}
_LAG: Final = members(
    "How far it is behind the log.",
    {"records": _counted("Records that it has still to pass."), "seconds": SECONDS},
)
_STREAM_COUNTS: Final = members(
    "Streams, counted since the node started.",
    {
        "open": COUNT,
        "behind": COUNT,
        "opened": COUNT,
        "closed": described(_BY_REASON, "By reason."),
        "refused": described(_BY_REASON, "By reason."),
    },
)
_TRAFFIC: Final = members(
    "What passed since the node started.",
    {
        "signals": _counted("Signals that the log brought."),
        "delivered": _counted("Events written to streams."),
        "bytes": _counted("Bytes written to streams."),
    },
)
_HISTORY: Final = members(
    "What the node holds for streams that resume.",
    {"held": _counted("Events."), "bytes": COUNT, "oldest": described(maybe(TIME), "The time of the oldest event.")},
)

SCHEMAS: Final[dict[str, JsonSchema]] = {
    "Receipt": members("The signal is in the log.", {"id": EVENT_ID}, {"explain": reference("Explanation")}),
    "BatchReceipt": members(
        "The signals are in the log.",
        {
            "ids": {
                "type": "array",
                "items": EVENT_ID,
                "minItems": 1,
                "maxItems": MAX_BATCH,
                "description": "One for each signal, in order.",
            }
        },
        {"explain": reference("Explanation")},
    ),
    "Explanation": members(
        "Whom the signals reach on this node.",
        {
            "node": NODE_NAME,
            "signals": {
                "type": "array",
                "items": members(
                    "How many streams there are for one signal.",
                    {
                        "streams": _counted("Open on this node."),
                        "matched": _counted("Of these, they ask for the topic and may read it."),
                        "entitled": _counted("Of these, they get the signal."),
                        "filtered": _counted("Matched, but they own none of the targets."),
                        "behind": _counted("Entitled, and get it when they have caught up."),
                        "live": _counted("Entitled, and get it at once."),
                    },
                ),
                "maxItems": MOST_SIGNALS,
            },
        },
        {
            "stream": members("The stream that was asked about.", {"name": VISIBLE, "signals": _VERDICTS}),
            "subject": members(
                "The subject that was asked about: the best that can be said of any of its streams, and of each.",
                {
                    "name": VISIBLE,
                    "signals": _VERDICTS,
                    "streams": {
                        "type": "array",
                        "items": members("One stream.", {"name": STREAM_NAME, "signals": _VERDICTS}),
                        "maxItems": MOST_STREAMS,
                    },
                },
                {"more": _counted("How many other streams it has.")},
            ),
        },
    ),
    "Verdict": members(
        "Whether a stream gets a signal, and if not, why.",
        {
            "verdict": {
                "type": "string",
                "enum": [verdict.value for verdict in Verdict],
                "description": "\n".join(f"- `{verdict.value}`: {DETAILS[verdict]}" for verdict in Verdict),
            },
            "detail": _TEXT,
        },
    ),
    "Ticket": members(
        "A ticket, and the stream that it opens.",
        {
            "ticket": described(_TEXT, "Good for one stream, once. It is a secret."),
            "expiresIn": _counted("Seconds in which it has to be used."),
            "url": {
                "type": "string",
                "format": "uri-reference",
                "description": "What to give to `new EventSource(…)`, relative to the hub's origin.",
            },
        },
    ),
    "Renewed": members(
        "The stream goes on.",
        {
            "stream": STREAM_NAME,
            "status": _one_of("renewed", says="It holds already."),
            "expiresAt": described(maybe(TIME), "When the stream ends now; null for never."),
        },
    ),
    "Forwarded": members(
        "Another node has the stream, and decides.",
        {"stream": STREAM_NAME, "status": _one_of("forwarded", says="That node was told.")},
    ),
    "Revoked": members(
        "It is refused from now on, on every node.",
        {
            "revoked": {
                "type": "object",
                "properties": dict.fromkeys(KINDS, VISIBLE),
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
                "description": "What, as it is compared.",
            },
            "at": TIME,
        },
    ),
    "Draining": members(
        "The node takes no more streams, and sends those away that it has.",
        {"draining": members("Which.", {"node": described(VISIBLE, "Its name.")})},
    ),
    "Overview": members(
        "Who is connected, and why others no longer are.",
        {
            "time": TIME,
            "node": described(NODE_NAME, "The node that answers."),
            "nodes": {"type": "array", "items": reference("Node"), "minItems": 1},
            "streams": _listed("OpenStream", MOST, "Open streams, the slowest first."),
            "closed": _listed("ClosedStream", MOST, "Streams that are gone, the newest first."),
        },
        {"incomplete": described(_TEXT, "What is missing, one sentence.")},
    ),
    "Node": members(
        "What a node counts. Counts grow as long as it lives.",
        {
            "node": NODE_NAME,
            "time": described(TIME, "When this was counted."),
            "started": TIME,
            "ready": {"type": "boolean", "description": "Whether it takes requests."},
            "draining": {"type": "boolean", "description": "Whether it is about to end."},
            "streams": _STREAM_COUNTS,
            "traffic": _TRAFFIC,
            "history": _HISTORY,
        },
    ),
    "OpenStream": members(
        "An open stream.",
        {
            **_OF_ANY_STREAM,
            "state": _one_of("live", "behind", says="Whether it gets signals at once, or is being caught up."),
            "lag": _LAG,
            "buffered": _counted("Bytes that its connection has still to take."),
            "expires": described(maybe(TIME), "When its token ends; null for never."),
        },
    ),
    "ClosedStream": members(
        "A stream that is gone.",
        {**_OF_ANY_STREAM, "closed": TIME, "reason": described(_TEXT, "Why, for programs.")},
    ),
    "Health": members("How it is.", {"status": _one_of("live", "ready", says="What was asked for.")}),
}

"""The operation of who publishes."""

from __future__ import annotations

from typing import Final

from sse_signals.messages import MAX_DEPTH
from sse_signals.web.body import NDJSON_TYPES
from sse_signals.web.documents import problems
from sse_signals.web.documents.operations import ANY, JSON, Operation, answer, body, holds
from sse_signals.web.documents.rules import JsonSchema, reference
from sse_signals.web.explain import MOST_SIGNALS
from sse_signals.web.limits import Limits
from sse_signals.web.publish import RAW_PARAMETERS

_LIMITS: Final = Limits()
_RAW: Final = ", ".join(f"`{name}`" for name in RAW_PARAMETERS)
_SAYS: Final = f"""\
Takes one signal, an array of signals, or signals as JSON lines. One request is one record in the log: all of it is \
published or nothing. 202 means that it is in the log, as durable as the log is. After a 503 with `"outcome": \
"unknown"` it may be there or not: repeat it with the same `Idempotency-Key`.

With any of the query parameters {_RAW} the body itself is the message: JSON as JSON, and what is of any other media \
type, but for JSON lines and `multipart/form-data`, as text in UTF-8. The body may not be empty then.

The payload of Backstage's signals service, `{{"recipients", "channel", "message"}}`, is taken as it is.

See *Publish* (README.md#publish) and *What a 2xx means* (README.md#what-a-2xx-means)."""
_BODY: Final = f"""\
A message has at most {_LIMITS.message} bytes as JSON text, and a body {_LIMITS.body}, unless the hub is set \
otherwise. Messages are nested at most {MAX_DEPTH} levels deep, and hold no integers beyond 64 bits and no lone \
surrogates. A key in the body and one in the header are the same. `plugin:topic` is as long as a topic may be. With \
`explain=1` there are at most {MOST_SIGNALS} signals."""
_ORDER: Final = {"topic": "orders/42", "message": {"state": "paid"}}
_LINES: Final[JsonSchema] = {"anyOf": [reference("BatchedSignal"), reference("BackstageSignal")]}

OPERATIONS: Final = (
    Operation(
        path="/publish",
        method="post",
        name="publish",
        tag="publish",
        summary="Publish signals",
        says=_SAYS,
        parameters=(
            "Topic",
            "Plugin",
            "Event",
            "Targets",
            "Explain",
            "ExplainStream",
            "ExplainSubject",
            "IdempotencyKey",
            "Traceparent",
            "Origin",
        ),
        body=body(
            _BODY,
            {
                JSON: holds(
                    {"anyOf": [reference("Signal"), reference("BackstageSignal"), reference("Batch")]},
                    signal=_ORDER,
                    broadcast={"message": "maintenance at noon"},
                    targeted={
                        "plugin": "catalog",
                        "topic": "my-topic",
                        "message": {"test": "test"},
                        "targetOwnershipEntityRefs": ["group:default/team-a"],
                        "event": "refreshed",
                        "idempotencyKey": "refresh-1",
                    },
                    batch=[_ORDER, {"topic": "orders/43", "message": {"state": "new"}}],
                    backstage={
                        "recipients": {"type": "user", "entityRef": ["user:default/jane"]},
                        "channel": "catalog",
                        "message": {"test": "test"},
                    },
                ),
                # The schema is that of each line.
                **dict.fromkeys(NDJSON_TYPES, holds(_LINES)),
                "text/plain": holds({"type": "string", "minLength": 1}, text="hello"),
            },
        ),
        answers={
            202: answer(
                "It is in the log.",
                {
                    JSON: holds(
                        {"anyOf": [reference("Receipt"), reference("BatchReceipt")]},
                        signal={"id": "7k2m9xq4-1042"},
                        batch={"ids": ["7k2m9xq4-1043", "7k2m9xq4-1043.1"]},
                    )
                },
                "Idempotent-Replayed",
            )
        },
        problems=problems.together(
            problems.PAGE,
            problems.QUERY,
            problems.BODY,
            problems.CREDENTIALS,
            problems.GRANT,
            problems.LOG,
            {
                400: ("bad-batch", "bad-signal"),
                409: ("idempotency-conflict",),
                413: ("message-too-large",),
                429: ("publish-rate",),
                503: ("idempotency-table-full", "shutdown"),
            },
        ),
        security=ANY,
    ),
)

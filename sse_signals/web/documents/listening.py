"""The operations of who listens: streams, tickets and renewals."""

from __future__ import annotations

from typing import Final

from sse_signals.web.documents import problems
from sse_signals.web.documents.operations import (
    ANY_OR_TICKET,
    BEARER,
    JSON,
    Operation,
    answer,
    body,
    holds,
)
from sse_signals.web.documents.rules import reference

_EVENTS: Final = "text/event-stream"
_LINES: Final = "application/x-ndjson"
_STREAM: Final = """\
Answers with the events that are asked for and may be read, for as long as the connection lasts. It begins with \
`signals.open`; `asyncapi.json` says what comes then. It resumes after the last event id that the client has; what \
is no longer held it tells with `signals.gap`.

`Accept: application/x-ndjson` gives JSON lines instead of an event stream. The schema of `text/event-stream` is \
that of each event, and the schema of `application/x-ndjson` that of each line.

The browser's own `EventSource` gives up for good on any status but 200. So a bad moment (the hub is starting, \
draining or full, or somebody has too many streams) is told as 200 with `retry:` and `signals.goodbye`. Polls and \
JSON lines get 429 or 503 instead.

See *Listen* (README.md#listen) and *Who may do what* (README.md#who-may-do-what)."""
_TICKETS: Final = """\
The browser's own `EventSource` can send no header. With a ticket, and with the cookie that redeeming it sets, it \
can open a stream all the same: give it the `url` of the answer. Needs a bearer token or an API key, not a cookie.

See *Where credentials travel* (deploy/IDENTITY.md#where-credentials-travel)."""
_RENEW: Final = """\
With a fresh token of the same subject an open stream goes on, with what is owned and granted by then. Do it when \
`signals.expiring` comes. If another node has the stream the answer is 202, and that node decides; if it refuses, \
the stream goes on as it was.

See *For how long* (deploy/IDENTITY.md#for-how-long)."""

OPERATIONS: Final = (
    Operation(
        path="/stream",
        name="stream",
        tag="listen",
        summary="Listen to signals",
        says=_STREAM,
        parameters=(
            "TopicFilters",
            "Plugins",
            "LastEventIdQuery",
            "Since",
            "Poll",
            "LastEventId",
            "Origin",
        ),
        answers={
            200: answer(
                "The stream.",
                {_EVENTS: holds(reference("StreamEvent")), _LINES: holds(reference("StreamLine"))},
                "X-Accel-Buffering",
                "Set-Cookie",
            )
        },
        problems=problems.together(
            problems.PAGE,
            problems.QUERY,
            problems.CREDENTIALS,
            problems.TICKET,
            problems.GRANT,
            problems.LOG,
            {429: ("address-streams", "identity-streams"), 503: ("full", "shutdown", "starting")},
        ),
        security=ANY_OR_TICKET,
    ),
    Operation(
        path="/tickets",
        method="post",
        name="ticket",
        tag="listen",
        summary="Get a ticket for an EventSource",
        says=_TICKETS,
        parameters=("Origin",),
        body=body(
            "What the ticket is for; without a body, or with `{}`, the stream that it opens says so.",
            {JSON: holds(reference("TicketRequest"), orders={"topics": ["orders/*"]}, anything={})},
            required=False,
        ),
        answers={
            200: answer(
                "The ticket.",
                {
                    JSON: holds(
                        reference("Ticket"),
                        orders={
                            "ticket": "hCm1yoHkYc6cI9Zn6tYJ2HhWGpoW0rLuVZcA2bI3xUk",
                            "expiresIn": 30,
                            "url": "/signals/stream?ticket=hCm1yoHkYc6cI9Zn6tYJ2HhWGpoW0rLuVZcA2bI3xUk&topic=orders/*",
                        },
                    )
                },
            )
        },
        problems=problems.together(
            problems.PAGE,
            problems.QUERY,
            problems.BODY,
            problems.CREDENTIALS,
            problems.GRANT,
            problems.LOG,
            {400: ("bad-ticket-request",), 404: ("no-tickets",), 429: ("ticket-rate",)},
        ),
        security=BEARER,
    ),
    Operation(
        path="/streams/{stream}/renew",
        method="post",
        name="renew",
        tag="listen",
        summary="Let an open stream go on with a fresh token",
        says=_RENEW,
        parameters=("Stream", "Origin"),
        body=body("Nothing.", {JSON: holds(reference("Nothing"), nothing={})}, required=False),
        answers={
            200: answer("The stream goes on.", {JSON: holds(reference("Renewed"))}, "Set-Cookie"),
            202: answer("Another node decides.", {JSON: holds(reference("Forwarded"))}, "Set-Cookie"),
        },
        problems=problems.together(
            problems.PAGE,
            problems.QUERY,
            problems.BODY,
            problems.CREDENTIALS,
            problems.GRANT,
            problems.LOG,
            {404: ("authentication-off", "not-found", "unknown-stream"), 429: ("renewal-rate",)},
        ),
        security=BEARER,
    ),
)

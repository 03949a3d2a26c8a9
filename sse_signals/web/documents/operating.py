"""The operations of who runs a hub: who is connected, metrics, health, revocations and drains."""

from __future__ import annotations

from typing import Final

from sse_signals.web.documents import problems
from sse_signals.web.documents.operations import (
    ANY,
    BEARER_OR_COOKIE,
    JSON,
    NOBODY,
    Operation,
    answer,
    body,
    holds,
)
from sse_signals.web.documents.rules import reference

_STREAMS: Final = """\
The open streams of all nodes, the slowest first, and those that ended last, each with its reason; what each node \
counts. Where people authenticate it needs the grant `admin`.

See *Who is connected* (deploy/TOOLS.md#who-is-connected)."""
_METRICS: Final = """\
For Prometheus, as its text format or as OpenMetrics, whichever `Accept` asks for. Where people authenticate it \
needs the grant `admin`. With a port of its own (`SIGNALS_METRICS_PORT`) it is 404 here."""
_REVOKE: Final = """\
Refuses a subject, a token or a stream from now on, on every node; what is open of it ends with `revoked`. Needs the \
grant `admin`.

See *For how long* (deploy/IDENTITY.md#for-how-long)."""
_DRAIN: Final = """\
A node takes no more streams, is not ready, and sends those away that it has; they come back elsewhere. Publishing \
goes on meanwhile. Then `sse-signals serve` ends. Where people authenticate it needs the grant `admin`; where nobody \
has to, a node drains only itself, and only for programs and pages of its own machine that \
ask it without a proxy between."""
_NOT_READY: Final = ("cut-off", "full", "shutdown", "starting")

OPERATIONS: Final = (
    Operation(
        path="/streams",
        name="streams",
        tag="operate",
        summary="See who is connected",
        says=_STREAMS,
        parameters=("Limit", "OverviewNode", "Origin"),
        answers={200: answer("Who is connected.", {JSON: holds(reference("Overview"))})},
        problems=problems.together(
            problems.PAGE, problems.QUERY, problems.CREDENTIALS, problems.GRANT, {503: ("starting",)}
        ),
        security=ANY,
    ),
    Operation(
        path="/metrics",
        name="metrics",
        tag="operate",
        summary="Read metrics",
        says=_METRICS,
        parameters=("Origin",),
        answers={
            200: answer(
                "The metrics.",
                dict.fromkeys(("text/plain", "application/openmetrics-text"), holds({"type": "string"})),
            )
        },
        problems=problems.together(
            problems.PAGE,
            problems.CREDENTIALS,
            problems.GRANT,
            {400: ("token-in-url",), 404: ("metrics-elsewhere",)},
        ),
        security=ANY,
        head=True,
    ),
    Operation(
        path="/revocations",
        method="post",
        name="revoke",
        tag="operate",
        summary="Refuse a subject, a token or a stream",
        says=_REVOKE,
        parameters=("Origin",),
        body=body(
            "Exactly one of them.",
            {JSON: holds(reference("Revocation"), subject={"subject": "user:default/mallory"})},
        ),
        answers={
            202: answer(
                "It is refused.",
                {
                    JSON: holds(
                        reference("Revoked"),
                        subject={"revoked": {"subject": "user:default/mallory"}, "at": "2026-01-31T12:00:00.123Z"},
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
            {404: ("authentication-off",), 503: ("not-everywhere",)},
        ),
        security=BEARER_OR_COOKIE,
    ),
    Operation(
        path="/drain",
        method="post",
        name="drain",
        tag="operate",
        summary="Take a node out of service",
        says=_DRAIN,
        parameters=("Origin",),
        body=body("Which node.", {JSON: holds(reference("DrainRequest"), this={"node": "this"})}),
        answers={
            202: answer("It drains.", {JSON: holds(reference("Draining"), this={"draining": {"node": "b677f159"}})})
        },
        problems=problems.together(
            problems.PAGE,
            problems.QUERY,
            problems.BODY,
            problems.CREDENTIALS,
            problems.GRANT,
            problems.LOG,
            {403: ("drain-not-allowed",), 404: ("unknown-node",)},
        ),
        security=ANY,
    ),
    Operation(
        path="/health/live",
        name="live",
        tag="operate",
        summary="Whether the process handles requests",
        says="For whoever restarts it if not.",
        answers={200: answer("It does.", {JSON: holds(reference("Health"), live={"status": "live"})})},
        problems={},
        security=NOBODY,
        head=True,
    ),
    Operation(
        path="/health/ready",
        name="ready",
        tag="operate",
        summary="Whether requests should be sent to this node",
        says="For load balancers: not while it is starting, draining, full, or cut off from the log.",
        answers={200: answer("They should.", {JSON: holds(reference("Health"), ready={"status": "ready"})})},
        problems={503: _NOT_READY},
        security=NOBODY,
        head=True,
    ),
)

"""The series of the log, of what is published to it, and of the history that a node holds of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.metrics.labels import OUTCOMES
from sse_signals.metrics.series import Series

if TYPE_CHECKING:
    from sse_signals.metrics.moment import Moment


def _oldest_s(moment: Moment) -> float | None:
    """Return when the oldest event that is held was published, in seconds since 1970-01-01 UTC."""
    history = moment.node.history
    for event in history.read(history.start, history.start + 1):
        return event.time_ms / 1000
    return None


LOG: Final = (
    Series(
        "signals_total",
        "counter",
        "Signals that the log has brought to this node since it started, whoever published them.",
        "It rises equally fast on all nodes of a cluster. One that lags behind: see broker_lag_records there.",
        read=lambda moment: moment.source.service.follower.signals,
    ),
    Series(
        "publishes_total",
        "counter",
        "Requests to publish on this node, by outcome: in the log, or there already (repeated), refused, unavailable "
        "(nothing was done), unknown (the log did not answer, and may have it or not), or abandoned (the publisher "
        "left within a second, before the log had answered; mostly it is in the log).",
        "unavailable or unknown: look at broker_up and the broker. refused: publishers send what they may not; their "
        "answers say what. abandoned: a publisher is too impatient, and never learns what became of it.",
        label="outcome",
        values=OUTCOMES,
        read=lambda moment: moment.source.service.publishes.outcomes,
    ),
    Series(
        "published_signals_total",
        "counter",
        "Signals that were published on this node and that the log has taken; a request may hold many.",
        "Compare nodes: if one has nearly all, publishers do not go through the load balancer.",
        read=lambda moment: moment.source.service.publishes.signals,
    ),
    Series(
        "publish_seconds",
        "histogram",
        "Seconds from handing a request to the log until it was committed there, or recognised as a repeated one.",
        "The time is the broker's: its disk (fsync), its replicas, or the way there. Memory takes microseconds.",
        read=lambda moment: moment.source.service.publishes.seconds,
    ),
    Series(
        "holes_total",
        "counter",
        "How often the log left something out, or began anew; streams that this concerns are told of a gap.",
        "Never on a healthy broker. It lost data, or trims faster than this node reads: look at its limits and disk.",
        read=lambda moment: moment.node.holes,
    ),
    Series(
        "history_events",
        "gauge",
        "Events that this node holds in memory for streams that resume.",
        "At its limit while history_oldest_timestamp_seconds is recent: clients that are away for longer get gaps.",
        read=lambda moment: len(moment.node.history),
    ),
    Series(
        "history_events_limit",
        "gauge",
        "Events that it may hold (SIGNALS_HISTORY_COUNT).",
        "Raise it if history_events is at it and clients are told of gaps.",
        read=lambda moment: moment.source.service.limits.count,
    ),
    Series(
        "history_bytes",
        "gauge",
        "Bytes of memory that these events take.",
        "As history_events.",
        read=lambda moment: moment.node.history.size,
    ),
    Series(
        "history_bytes_limit",
        "gauge",
        "Bytes that they may take (SIGNALS_HISTORY_BYTES).",
        "Raise it if history_bytes is at it and clients are told of gaps; the process takes as much more memory.",
        read=lambda moment: moment.source.service.limits.size,
    ),
    Series(
        "history_age_limit_seconds",
        "gauge",
        "Seconds after which an event is no longer held (SIGNALS_HISTORY_AGE).",
        "It is how long a client may be away at most without a gap.",
        read=lambda moment: moment.source.service.limits.age,
    ),
    Series(
        "history_oldest_timestamp_seconds",
        "gauge",
        "When the oldest event that is held was published, in seconds since 1970-01-01 UTC; absent if none is held.",
        "time() less it is how long a client may be away now; less than your longest deployment or outage is short.",
        always=False,
        read=_oldest_s,
    ),
    Series(
        "broker_up",
        "gauge",
        "1 while this node follows the log, 0 while the log is out of reach. Open streams and resumes go on meanwhile.",
        "0 for more than seconds: look at the broker, the network to it, and what the log of the hub says of it.",
        read=lambda moment: moment.source.service.ready,
    ),
    Series(
        "broker_lag_records",
        "gauge",
        "Records that the log holds and that have not come to this node yet, asked at the scrape; absent if the log "
        "does not answer within a second.",
        "A few under load. Many for long: this node has not enough processor time, or following hangs: restart it.",
        always=False,
        read=lambda moment: moment.records_behind,
    ),
    Series(
        "broker_failures_total",
        "counter",
        "How often following the log failed, attempts to follow it again included.",
        "Rising slowly with broker_up at 1: the connection breaks now and then. Look for idle timeouts on the way.",
        read=lambda moment: moment.source.service.follower.failures,
    ),
    Series(
        "broker_reconnects_total",
        "counter",
        "How often the log was followed again after it had failed.",
        "Less than one for each outage: the log is still out of reach.",
        read=lambda moment: moment.source.service.follower.reconnects,
    ),
)

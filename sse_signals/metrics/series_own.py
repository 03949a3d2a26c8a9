"""Series of what a node measures of itself: how late its loop is, how its canary fares, and how many workers answer."""

from __future__ import annotations

from typing import Final

from sse_signals.metrics.series import Series

LOOP_LAG: Final = Series(
    "loop_lag_seconds",
    "histogram",
    "How late the event loop came to what was due, in seconds; it looks four times a second. All else on it waited as "
    "long.",
    "Above 0.1 for minutes, the process has more to do than one core can: spread streams over more nodes or workers, "
    "and see publishes, flush_seconds and what else runs on the machine.",
)
LOOP_LAG_MAX: Final = Series(
    "loop_lag_max_seconds",
    "gauge",
    "How late the event loop came at most since metrics were asked for before, in seconds. Each scrape begins anew, so "
    "that two who scrape the same hub see a part each.",
    "A single high value is something that blocked the loop once: a machine that was suspended, a slow disk under "
    "sqlite, a call in a program that embeds the hub.",
)
CANARY: Final = Series(
    "canary_seconds",
    "histogram",
    "How long a signal took that the node sent itself, from before its publish until it came back through log, history "
    "and hub, in seconds. Only with the setting SIGNALS_CANARY.",
    "It is what every publisher and listener of this node notices. If it grows, compare publish_seconds (the log is "
    "slow) with loop_lag_seconds (this process is).",
    always=False,
)
CANARY_SENT: Final = Series(
    "canary_sent_total",
    "counter",
    "Signals that the node sent itself, or was to send. They count among its publishes, too, and each takes a place in "
    "the history, also where nobody else publishes. Only with the setting SIGNALS_CANARY.",
    "If it stands still, the loop of the process hangs, or each one waits until it counts as lost.",
    always=False,
)
CANARY_LOST: Final = Series(
    "canary_lost_total",
    "counter",
    "Those of them that the log did not take, or that did not come back within 10 seconds. Only with the setting "
    "SIGNALS_CANARY.",
    "Whatever grows here is an outage that users notice: the line 'canary lost' of the hub's log says why, broker_up "
    "says whether the log is there.",
    always=False,
)
WORKERS: Final = Series(
    "workers",
    "gauge",
    "How many workers the hub has, as SIGNALS_WORKERS says. Only with several workers.",
    "It never changes while the hub runs.",
    always=False,
)
WORKERS_ANSWERING: Final = Series(
    "workers_answering",
    "gauge",
    "How many of the workers answered within a second and so are in this scrape. Only with several workers.",
    "Fewer than workers for longer than a replacement takes: one hangs (it is there, and silent) or cannot start (the "
    "line 'worker ended' of the hub's log says why). What it last counted is missing, and begins at 0 with its "
    "replacement.",
    always=False,
)
OWN: Final = (LOOP_LAG, LOOP_LAG_MAX, CANARY, CANARY_SENT, CANARY_LOST, WORKERS, WORKERS_ANSWERING)

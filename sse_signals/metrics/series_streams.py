"""The series of streams, and of what is written to them."""

from __future__ import annotations

from typing import Final

from sse_signals.metrics.labels import CLOSED, GAPS, REFUSED
from sse_signals.metrics.series import Series

STREAMS: Final = (
    Series(
        "streams",
        "gauge",
        "Streams that are open now.",
        "If it falls to nearly nothing at once, a proxy or the network cut them: see streams_closed_total by reason.",
        read=lambda moment: moment.totals.open,
    ),
    Series(
        "streams_limit",
        "gauge",
        "Streams that may be open at once (SIGNALS_MAX_STREAMS).",
        "Alert when streams comes near it: further clients are sent away with the reason full until some are gone.",
        read=lambda moment: moment.source.most_streams,
    ),
    Series(
        "streams_behind",
        "gauge",
        "Open streams that read the history at the moment, because they resume or could not take what was written.",
        "Many for long are slow readers, or a node without time: compare loop_lag_seconds and catch_up_pieces_total.",
        read=lambda moment: moment.totals.behind,
    ),
    Series(
        "streams_waiting",
        "gauge",
        "Streams that are behind, can take bytes, and wait for their turn to be given the next piece of the history.",
        "More than some for seconds: more clients came back at once than this node can catch up. Add nodes.",
        read=lambda moment: len(moment.node.turnstile),
    ),
    Series(
        "streams_opened_total",
        "counter",
        "Streams that were opened; a client that resumes opens a new one.",
        "A high rate with as many closed means that something cuts streams: mostly the read timeout of a proxy.",
        read=lambda moment: moment.totals.opened,
    ),
    Series(
        "streams_closed_total",
        "counter",
        "Streams that are gone, by reason.",
        "client-gone is normal; send-timeout are readers that took nothing; failed is a fault here: read the log.",
        label="reason",
        values=CLOSED,
        read=lambda moment: moment.totals.closed,
    ),
    Series(
        "streams_refused_total",
        "counter",
        "Streams that were sent away before they were open, but may come again, by reason. Requests that are wrong "
        "for good (400, 401, 403) are not among them.",
        "full: add nodes or raise SIGNALS_MAX_STREAMS. starting or shutdown for long: look at ready and draining.",
        label="reason",
        values=REFUSED,
        read=lambda moment: moment.source.ledger.refused,
    ),
    Series(
        "fell_behind_total",
        "counter",
        "How often a live stream was left out of the writing, mostly since its connection took no more, to read the "
        "history instead.",
        "A rising rate with few streams is slow readers; for nearly all streams at once, the machine or its network.",
        read=lambda moment: moment.totals.times_behind,
    ),
    Series(
        "catch_ups_total",
        "counter",
        "How often a stream that had fallen behind had read all it missed and became live again.",
        "Much less than fell_behind_total: streams do not recover, they end. Look for send-timeout and gaps_total.",
        read=lambda moment: moment.node.turnstile.catch_ups,
    ),
    Series(
        "catch_up_pieces_total",
        "counter",
        "Pieces read from the history for streams that were behind; streams with the same topics share a piece.",
        "It costs processor time: a high rate beside a high loop_lag_seconds means too many resumes for this node.",
        read=lambda moment: moment.node.turnstile.pieces,
    ),
    Series(
        "gaps_total",
        "counter",
        "Gaps that streams were told of, by reason: what should have come next is not held.",
        "trimmed: the history is too short for how long clients are away. epoch: the log was lost. unknown-id: ids of "
        "another hub. After a gap a client has to load its state anew.",
        label="reason",
        values=GAPS,
        read=lambda moment: moment.node.turnstile.gaps,
    ),
    Series(
        "delivered_total",
        "counter",
        "Events written to streams: each event counts once for each stream.",
        "If it stands still while signals_total rises, nobody is entitled to or asks for what is published.",
        read=lambda moment: moment.totals.events,
    ),
    Series(
        "written_bytes_total",
        "counter",
        "Bytes written to streams: events, and all the hub says itself, such as heartbeats. HTTP's and TLS's own are "
        "not counted.",
        "Compare its rate with what the network of the machine can carry.",
        read=lambda moment: moment.totals.size,
    ),
    Series(
        "writes_total",
        "counter",
        "How often a flush had something for a live stream, whether its connection took it or not. Who listens in the "
        "process counts, too; what is caught up from the history does not.",
        "delivered_total by it is how many events share a write: about 1 when calm, more under load.",
        read=lambda moment: moment.node.hub.writes,
    ),
    Series(
        "flushes_total",
        "counter",
        "Flushes: each writes what has come since the one before to all live streams that may have it.",
        "If it stands still while streams are open and signals come for them, the loop hangs: see loop_lag_seconds.",
        read=lambda moment: moment.node.hub.tallies.flush_seconds.count,
    ),
    Series(
        "flush_seconds",
        "histogram",
        "Seconds from the beginning of a flush to its end, with the pauses in which others had their turn.",
        "It grows with streams and load. Beyond 0.5 s everybody waits for so long: spread streams over more nodes.",
        read=lambda moment: moment.node.hub.tallies.flush_seconds,
    ),
    Series(
        "write_events",
        "histogram",
        "Events in what a flush wrote to a group of streams with the same topics, once for each group and flush. "
        "Targeted events are not counted.",
        "Mostly 1 when calm. Large values mean that flushes are far apart: the node is busy.",
        read=lambda moment: moment.node.hub.tallies.write_events,
    ),
    Series(
        "lag_seconds",
        "histogram",
        "Seconds from when the log took an event until a flush had written it to all live streams, once for each flush "
        "and for its oldest event. The clocks of log and node are compared; less than nothing counts as nothing.",
        "Slow while flush_seconds is quick: the broker is slow, or the clocks of log and node differ (check NTP).",
        read=lambda moment: moment.node.hub.tallies.lag_seconds,
    ),
)

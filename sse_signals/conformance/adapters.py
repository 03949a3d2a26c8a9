"""Descriptions that come with this package; they may be copied as the beginning of another."""

from __future__ import annotations

from typing import Final

SSE_SIGNALS: Final = """\
name = "sse-signals"

[subscribe]
path = "/stream?topic={topic}"
more = "&topic={topic}"
resume_query = "lastEventId"

[publish]
path = "/publish"
content = "json"
body = '{"topic": {topic}, "message": {message}}'
accepted = [202]
id = "/id"

[publish.text]
path = "/publish?topic={topic}"

[publish.named]
body = '{"topic": {topic}, "event": {event}, "message": {message}}'

[events]
message = "/message"
topic = "/topic"
receipt = "signals.open"
heartbeat = "signals.heartbeat"
gap = "signals.gap"
goodbye = "signals.goodbye"
others = ["signals.expiring"]
silence_in_receipt = "/heartbeat"

[drain]
lasts = true
"""

NCHAN: Final = """\
name = "nchan"

[subscribe]
path = "/stream/{topic}"
more = "%7C{topic}"

[publish]
path = "/publish/{topic}"
accepted = [201, 202]

[publish.named]
headers = {X-EventSource-Event = "{event}"}

[events]
silence = 1
"""

BUILT_IN: Final = {"sse-signals": SSE_SIGNALS, "nchan": NCHAN}

"""How the stand-ins are described."""

from __future__ import annotations

JSON_HUB = """
name = "stand-in"
topics = "t/{run}/{name}"
origin = "https://app.example.com"
history = 200

[subscribe]
path = "/stream?topic={topic}"
more = "&topic={topic}"
resume_query = "after"

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
receipt = "hub.open"
heartbeat = "hub.beat"
gap = "hub.gap"
goodbye = "hub.bye"
silence_in_receipt = "/heartbeat"

[drain]
path = "/drain"
body = "{}"
within = 2
"""
TEXT_HUB = """
name = "stand-in, with bare messages"
topics = "t/{run}/{name}"
history = 200

[subscribe]
path = "/stream?topic={topic}"
resume_query = "after"

[publish]
path = "/publish?topic={topic}"
id = "X-Id:"

[publish.named]
path = "/publish?topic={topic}&event={event}"

[events]
gap = "hub.gap"
silence = 0.2

[drain]
path = "/drain"
within = 2
"""

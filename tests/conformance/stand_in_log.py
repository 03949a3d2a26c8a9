"""What the stand-in takes, to whom it gives it, and where streams go on: with and without faults."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.conformance.stand_in_words import EPOCH, Listener, Record, Refused, Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HISTORY = 200  # messages of a topic
_RESERVED = {"open", "error", "hub.open", "hub.beat", "hub.gap", "hub.bye"}


class Log(Words):
    """One log, a history for each topic, and those who listen."""

    def __init__(self, faults: Iterable[str], *, text: bool) -> None:
        super().__init__(faults, text=text)
        self.log: list[Record] = []
        self.listeners: set[Listener] = set()
        self.draining = False

    def publish(self, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """Take a message."""
        query = parse_qs(urlsplit(path).query, keep_blank_values=True)
        if "topic" in query:
            given: Any = {"topic": query["topic"][0], "message": body.decode(errors="replace")}
            given |= {"event": query["event"][0]} if "event" in query else {}
        else:
            try:
                given = json.loads(body)
            except ValueError as error:
                raise Refused(500 if self.has("errors-500") else 400, reason=str(error)) from None
        if not isinstance(given, dict) or {"topic", "message"} - given.keys():
            raise Refused(400, reason="" if self.has("errors-empty") else "topic and message are needed")
        self.check(given)
        record = Record(len(self.log) + 1, given["topic"], given["message"], given.get("event", ""))
        if self.has("flattens") and not isinstance(record.message, str):
            record.message = json.dumps(record.message)
        self.log.append(record)
        if not (self.has("loses-at-drain") and self.draining):
            self.deliver(record)
        number = record.number + self.has("other-answer")
        return {"id": f"{EPOCH}-{number}", "published": headers.get("host", "")}

    def check(self, given: dict[str, Any]) -> None:
        """Refuse what is no good."""
        topic, event, message = given["topic"], given.get("event", ""), given["message"]
        if re.search(r"[\r\n]", topic) and not self.has("raw-topic") and not self.has("strips"):
            raise Refused(400)
        if re.search(r"[\r\n]", event) and not self.has("raw-event"):
            raise Refused(500 if self.has("event-500") else 400)
        allowed = {"own-names": _RESERVED - {"open", "error"}, "reserved": {"open", "error"}}
        if event in _RESERVED and not any(self.has(fault) and event in names for fault, names in allowed.items()):
            raise Refused(400)
        if self.has("small") and len(str(message)) > 40_000:
            raise Refused(413)
        if self.has("shallow") and json.dumps(message).count("[") > 5 and not isinstance(message, str):
            raise Refused(400)
        if self.has("deaf") and message == "first":
            raise Refused(403)

    def deliver(self, record: Record) -> None:
        """Give a message to those who listen."""
        forgotten = self.has("forgets", [record.topic], "/drain") and record.message == "7"
        if self.has("never") or forgotten or (self.has("drops-empty") and record.message == ""):
            return
        for listener in list(self.listeners):
            if self.has("broadcasts"):
                listener.send(b'data: {"message": "for all"}\n\n' + b'data: {"topic": "x", "message": 1}\n\n')
            if self.matches(record.topic, listener):
                self.give(record, listener)

    def give(self, record: Record, listener: Listener) -> None:
        """Give a message to one that listens."""
        frame = self.frame(record, listener)
        if self.has("doubles", listener.topics, "/drain") and record.message == "3":
            listener.send(frame)
        late: object = self.has("mingles", listener.topics, "/several-0") and record.message == "3"
        late = late or (self.has("mingles-large", listener.topics, "/slow") and str(record.message).startswith("0005"))
        late = late or (
            self.has("swaps", listener.topics, "/crowd") and listener.order % 2 and record.message == "1:10"
        )
        if self.has("loses", listener.topics, "/crowd") and str(record.message).endswith(":33"):
            return
        if late:
            listener.held.append(frame)
            return
        if listener.writer.transport.get_write_buffer_size() > 100_000 and self.full(listener):
            return
        listener.send(frame + b"".join(listener.held))
        listener.held.clear()

    def full(self, listener: Listener) -> bool:
        """Do without a listener that does not read; say whether it is done without."""
        if self.has("cuts-slow"):
            listener.writer.transport.abort()
        if self.has("stale-slow"):
            listener.send(self.frame(next(r for r in self.log if r.topic in listener.topics), listener))
            return True
        if self.has("tells-slow"):
            listener.send(self.control("hub.gap", listener))
        return self.has("drops") or self.has("cuts-slow") or self.has("tells-slow")

    def matches(self, topic: str, listener: Listener) -> bool:
        """Say whether a topic is one that a stream asked for."""
        if self.has("raw-topic") or self.has("strips"):
            topic = re.split(r"[\r\n]", topic, maxsplit=1)[0]
        topics = listener.topics[:1] if self.has("first-topic") else listener.topics
        if self.has("prefixes"):
            return any(topic.startswith(asked) for asked in topics)
        if self.has("folds"):
            return topic.lower() in {asked.lower() for asked in topics}
        return topic in topics

    def place(self, listener: Listener, after: str) -> tuple[int, str]:
        """Return the place that a stream goes on after, and the name of a control event if something is missing."""
        head = len(self.log)
        if not after:
            return head, ""
        found = re.fullmatch(rf"{EPOCH}-([0-9]+)(?:~[a-z])?", after)
        if found is None or int(found[1]) > head:
            if self.has("bad-id-500"):
                raise Refused(500)
            return (0 if self.has("replays-unknown") else head), "" if self.has("no-gap") else "hub.gap"
        number = 0 if self.has("replays-all") else int(found[1]) - self.has("repeats-one")
        held = [record for record in self.log if self.matches(record.topic, listener)]
        trimmed = len(held) > HISTORY and held[-HISTORY - 1].number > number
        told = (trimmed and not self.has("no-gap")) or self.has("false-alarm")
        return max(number, held[-HISTORY - 1].number if trimmed else 0), "hub.gap" if told else ""

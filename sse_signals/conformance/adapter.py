"""What has to be known of a hub to try it: how to listen, how to publish, and what its own events look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

TEXT: Final = "text"
JSON: Final = "json"
FORM: Final = "form"
CONTENT_TYPES: Final = {
    TEXT: "text/plain; charset=utf-8",
    JSON: "application/json",
    FORM: "application/x-www-form-urlencoded",
}


@dataclass(frozen=True, slots=True)
class Subscribe:
    """How a stream is opened, with a GET.

    Attributes:
        path: Path and query below the hub's URL, with ``{topic}``.
        more: What each further topic adds to the path, with ``{topic}``; empty where a stream has one topic.
        headers: Request headers; they may hold ``{token}``.
        resume_header: Whether the header ``Last-Event-ID`` resumes, as browsers send it.
        resume_query: The query parameter that resumes, too; empty for none.
    """

    path: str
    more: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    resume_header: bool = True
    resume_query: str = ""


@dataclass(frozen=True, slots=True)
class Publish:
    """How a message is published.

    Attributes:
        path: Path and query below the hub's URL, with ``{topic}`` and ``{event}`` where they stand there.
        method: The HTTP method.
        content: What the body is: the message itself (``text``), ``json``, or a ``form``.
        body: For JSON and forms the body, with ``{message}`` and perhaps ``{topic}`` and ``{event}``.
        headers: Request headers; they may hold ``{topic}``, ``{event}`` and ``{token}``.
        accepted: Statuses that mean: it has been taken, and will be delivered.
        id: Where the answer holds the id that the message has on streams: a JSON pointer, ``body``, or the name of a
            header with a colon at its end; empty where it does not.
    """

    path: str
    method: str = "POST"
    content: str = TEXT
    body: str = "{message}"
    headers: tuple[tuple[str, str], ...] = ()
    accepted: tuple[int, ...] = (200, 201, 202, 204)
    id: str = ""


@dataclass(frozen=True, slots=True)
class Events:
    """What a stream holds.

    Attributes:
        message: The JSON pointer of the message in ``data``; empty where ``data`` is the message.
        topic: The JSON pointer of the topic in ``data``, by which what others send to everybody can be told from what
            belongs to a run; empty where it does not stand there.
        receipt: The name of the event that a stream begins with; empty for none.
        heartbeat: The name of the event that comes when nothing else does; empty for comments, or for none.
        gap: The name of the event that says that something is missing for good; empty for none.
        goodbye: The name of the event that says why a stream ends; empty for none.
        others: Further names that the hub itself uses.
        silence: The longest silence that is promised, in seconds; None for no promise.
        silence_in_receipt: The JSON pointer of that in the receipt's ``data``, where it stands there.
    """

    message: str = ""
    topic: str = ""
    receipt: str = ""
    heartbeat: str = ""
    gap: str = ""
    goodbye: str = ""
    others: tuple[str, ...] = ()
    silence: float | None = None
    silence_in_receipt: str = ""

    @property
    def control(self) -> frozenset[str]:
        """The names of the hub's own events."""
        return frozenset({self.receipt, self.heartbeat, self.gap, self.goodbye, *self.others}) - {""}


@dataclass(frozen=True, slots=True)
class Drain:
    """How a hub is told to leave, and what it promises then.

    Attributes:
        path: The path of the request that tells it; empty where only a command does.
        method: The method of that request.
        body: Its body, JSON.
        within: Seconds in which all streams have ended.
        lasts: Whether all that was acknowledged until the end comes: before that, or when the hub has come back.
    """

    path: str = ""
    method: str = "POST"
    body: str = ""
    within: float = 30.0
    lasts: bool = False


@dataclass(frozen=True, slots=True)
class Adapter:
    """A hub's description.

    Attributes:
        name: Its name.
        subscribe: How a stream is opened.
        publish: How a message is published.
        topics: The form of a topic, with ``{run}`` (random) and ``{name}`` (of visible ASCII).
        text: A second way to publish, the body being the message, where the first way is another.
        named: The way to publish with an event name, with ``{event}``; None where publishers give no names.
        events: What a stream holds.
        drain: How it is told to leave.
        origin: The origin of a page that may use the hub; empty where none may, or nobody knows.
        history: Messages after which an earlier one is no longer held; None where nobody knows.
        not_offered: Groups and cases that the hub does not claim.
    """

    name: str
    subscribe: Subscribe
    publish: Publish
    topics: str = "conformance/{run}/{name}"
    text: Publish | None = None
    named: Publish | None = None
    events: Events = field(default_factory=Events)
    drain: Drain = field(default_factory=Drain)
    origin: str = ""
    history: int | None = None
    not_offered: frozenset[str] = frozenset()

    @property
    def as_text(self) -> Publish | None:
        """The way to publish whose body is the message itself, if there is one."""
        return self.publish if self.publish.content == TEXT else self.text

    @property
    def as_value(self) -> Publish | None:
        """The way to publish whose message is a string within something else, if there is one."""
        return None if self.publish.content == TEXT else self.publish

    @property
    def raw(self) -> bool:
        """Whether ``data`` is the message, so that each of its line ends becomes a line feed."""
        return not self.events.message

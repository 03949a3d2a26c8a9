"""The query of a stream request: topic filters, and where to start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from sse_signals.cursor.start import After, Live, Newest, Oldest, Since, Start
from sse_signals.model import EventId
from sse_signals.topics import Filters, plugin_filters
from sse_signals.web.body import NDJSON_TYPES
from sse_signals.web.problems import bad_parameter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aiohttp import web
    from multidict import MultiMapping

STREAM_PARAMETERS: Final = ("topic", "plugin", "lastEventId", "since", "poll", "ticket")
_REPEATED: Final = ("topic", "plugin")
_LAST_COUNT: Final = re.compile(r"-([1-9][0-9]{0,5})")
_AGO: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_UNIT_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_UNWANTED: Final = re.compile(r";\s*q=0(\.0*)?\s*(;|$)")
_NOT_UTF8: Final = "\ufffd"  # what bytes become that are none: names that differ there would look the same
# A "+" in a query means a space; nobody escapes the one in 2026-01-31T12:00:00+01:00.
_UNESCAPED_PLUS: Final = re.compile(r" (\d\d:\d\d)$")


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """What a stream request asks for.

    Attributes:
        filters: Which topics.
        start: Where to start.
        poll: Whether to end at the present head.
        ndjson: Whether JSON lines are wanted instead of an event stream.
        ticket: A one-time ticket, or None.
    """

    filters: Filters
    start: Start
    poll: bool
    ndjson: bool
    ticket: str | None = dataclass_field(default=None, repr=False)


def check_names(query: MultiMapping[str], known: Collection[str], repeated: Collection[str]) -> None:
    """Refuse parameters that nobody knows, two values where one is meant, and what is no text: mistakes in typing.

    Args:
        query: What was sent.
        known: What there is.
        repeated: Which of them may be given more than once.

    Raises:
        Problem: 400 that names the parameter.
    """
    for name in query:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known parameters: {', '.join(known)}."
            raise bad_parameter(name[:64], "There is no such parameter.", hint)
        if name not in repeated and len(query.getall(name)) > 1:
            raise bad_parameter(name, "It is given more than once.", "Give it once.")
        if any(_NOT_UTF8 in value for value in query.getall(name)):
            raise bad_parameter(name, "It is not UTF-8.", "Percent-encode the bytes of UTF-8 text.")


def stream_query(request: web.BaseRequest, now_ms: int) -> StreamQuery:
    """Read a stream request.

    Args:
        request: The request.
        now_ms: The time, in milliseconds since 1970-01-01 UTC, that "10 minutes ago" counts from.

    Raises:
        Problem: 400 that names the parameter at fault.
        InvalidInput: A topic filter or plugin id breaks its rules.
    """
    query = request.query
    check_names(query, STREAM_PARAMETERS, _REPEATED)
    texts = list(query.getall("topic", []))
    for plugin in query.getall("plugin", []):
        texts += plugin_filters(plugin)
    poll = _flag(query, "poll")
    return StreamQuery(
        filters=Filters.parse(texts),
        start=_start(request, now_ms, Oldest() if poll else Live()),
        poll=poll,
        ndjson=_wants_ndjson(request),
        ticket=query.get("ticket"),
    )


def _flag(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "0")
    if value not in {"0", "1"}:
        raise bad_parameter(name, "It is neither 1 nor 0.", f"Write {name}=1, or leave it out.")
    return value == "1"


def _start(request: web.BaseRequest, now_ms: int, otherwise: Start) -> Start:
    query = request.query
    since = _since(query["since"], now_ms) if "since" in query else otherwise  # read even where it is outranked
    after = _after(query["lastEventId"]) if query.get("lastEventId") else since
    headers = request.headers.getall("Last-Event-ID", [])
    if headers and headers[0]:
        # A browser sends this by itself and gives up for good on an error: what is unusable becomes a gap.
        return After(EventId.parse(headers[0]) if len(headers) == 1 else None)
    return after


def _after(text: str) -> Start:
    event_id = EventId.parse(text)
    if event_id is None:
        hint = "Send the id of the last event as you got it, or leave the parameter out or empty."
        raise bad_parameter("lastEventId", "It is no event id.", hint)
    return After(event_id)


def _since(text: str, now_ms: int) -> Start:
    if text == "all":
        return Oldest()
    if match := _LAST_COUNT.fullmatch(text):
        return Newest(int(match[1]))
    if match := _AGO.fullmatch(text):
        return Since(max(0, now_ms - int(match[1]) * _UNIT_MS[match[2]]))
    try:
        time = datetime.fromisoformat(_UNESCAPED_PLUS.sub(r"+\1", text))
        if time.tzinfo is None:
            raise bad_parameter("since", "The time has no time zone.", "Add Z or an offset: 2026-01-31T12:00:00Z.")
        return Since(max(0, round(time.timestamp() * 1000)))
    except (ValueError, OverflowError):
        hint = "Write all, -20 (that many events), 10m (s, m, h or d ago), or a time such as 2026-01-31T12:00:00Z."
        raise bad_parameter("since", "It is none of the forms this parameter has.", hint) from None


def _wants_ndjson(request: web.BaseRequest) -> bool:
    accept = ",".join(request.headers.getall("Accept", []))
    return any(
        part.partition(";")[0].strip().lower() in NDJSON_TYPES and not _UNWANTED.search(part)
        for part in accept.split(",")
    )

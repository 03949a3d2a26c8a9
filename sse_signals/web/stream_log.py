"""What the hub's log says of streams: one event when a stream ends, with all that is known of it.

Its opening is one short line, which says which request the stream comes from: all else is known when it ends, and a
stream that ends with its process has at least that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from sse_signals.life.ledger import MOST_TOPICS
from sse_signals.web.paced import Paced
from sse_signals.web.publish_log import shown
from sse_signals.web.request_ids import request_id

if TYPE_CHECKING:
    from aiohttp import web

    from sse_signals.hub.stream import Stream
    from sse_signals.web.query import StreamQuery
    from sse_signals.web.site import Site


def tell_opened(site: Site, stream: Stream, request: web.BaseRequest) -> None:
    """Tell, in a short line, that a stream is open."""
    site.logger.info("stream opened", stream=stream.name, request_id=request_id(request))


def tell_closed(
    site: Site,
    stream: Stream,
    request: web.BaseRequest,
    query: StreamQuery,
    *,
    recovered: bool | None,
    seconds: float,
) -> None:
    """Tell how a stream went.

    Args:
        site: Where it was open.
        stream: The stream; nothing is written to it any more.
        request: What opened it.
        query: What it asked for.
        recovered: What its receipt said about a resume; None if it asked for none.
        seconds: How long it was open.
    """
    topics = [str(each) for each in stream.filters]
    site.logger.info(
        "stream closed",
        stream=stream.name,
        request_id=request_id(request),
        reason=stream.ended,
        subject=stream.identity.subject,
        remote=stream.remote,
        user_agent=shown(request.headers.get(hdrs.USER_AGENT)),
        topics=topics[:MOST_TOPICS],
        more_topics=max(0, len(topics) - MOST_TOPICS),
        format=stream.format.content_type,
        start=type(query.start).__name__.lower(),
        recovered=recovered,
        gaps=stream.gaps,
        times_behind=stream.times_behind,
        seconds=round(seconds, 3),
        events=stream.events,
        bytes=stream.size,
        node=site.nodes.own,
    )


class StreamRefusals:
    """Streams that are sent away before they are opened: told once a second for each reason, with their number.

    A node that drains or is full, and thousands of clients that come again and again, must not fill the log.
    """

    __slots__ = ("_paced", "_site")

    def __init__(self, site: Site) -> None:
        self._site = site
        self._paced = Paced(site.clock)

    def tell(self, request: web.BaseRequest, reason: str) -> None:
        """Count one, and tell how many there were if it is time for that."""
        if count := self._paced.count(reason):
            self._site.logger.info(
                "stream refused",
                request_id=request_id(request),
                reason=reason,
                requests=count,
                remote=self._site.address(request),
            )

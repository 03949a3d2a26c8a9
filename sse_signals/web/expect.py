"""``Expect: 100-continue`` (RFC 9110, section 10.1.1): a body that will be refused need not be sent at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.errors import SignalsError
from sse_signals.web import body as bodies
from sse_signals.web.problems import Problem

if TYPE_CHECKING:
    from aiohttp import web

    from sse_signals.web.site import Site


class Expectation:
    """What is looked at before the body of a request is asked for."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def handle(self, request: web.Request) -> web.StreamResponse | None:
        """Ask for the body, or answer at once; None lets the request's handler go on."""
        site = self._site
        unexpected = await site.expect(request)
        if unexpected is not None or request.version < (1, 1):
            return unexpected
        try:
            site.admit(request)
            await site.identify(request)
            bodies.check_length(request, site.limits.body)
        except (Problem, SignalsError) as refused:
            answer = site.answer(request, refused)
            answer.force_close()  # nobody knows whether the body comes all the same
            return answer
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # What has been written so far is no response yet: an error may still become one.
        request.writer.output_size = 0
        return None

"""What a browser's own EventSource is told if there is no hub: it gives up for good on anything else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from sse_signals.wire.decoder import Decoder
from tests.deploy.proxies.caller import Caller, status_of
from tests.deploy.proxies.world import ORIGIN

if TYPE_CHECKING:
    from tests.deploy.proxies.world import Front

EVENTS: Final = ("Accept", "text/event-stream")


async def told_to_come_again(front: Front, version: str, topic: str) -> None:
    """See that an EventSource is told to come again in a way that it can read, also from a page of another origin."""
    if not front.program.says_away:
        return
    url = f"/signals/stream?topic={topic}"
    for page in ((), (("Origin", ORIGIN),)):
        async with Caller(front, version) as caller:
            answer = await caller.ask("GET", url, EVENTS, *page)
        if "REFUSED_STREAM" in (answer.failed or ""):
            continue  # by HAProxy over HTTP/2, if hubs hang up: no answer at all, after which it comes again
        assert status_of(answer) == 200, answer
        assert answer.head is not None
        assert answer.head.begins_stream
        (event,) = Decoder().feed(answer.body)
        assert (event.event, json.loads(event.data)) == ("signals.goodbye", {"reason": "starting"})
        assert re.match(rb"retry: [2-7]\d{3}\n", answer.body)
        said = {name: answer.head.get(f"access-control-allow-{name}") for name in ("origin", "credentials")}
        assert said == ({"origin": ORIGIN, "credentials": "true"} if page else dict.fromkeys(said, "")), answer

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.clients import curl_once
from tests.e2e.inbox import Inbox, Received
from tests.e2e.proxy import Proxy
from tests.e2e.scenario import Publisher

if TYPE_CHECKING:
    import aiohttp

    from tests.conftest import StartHub
    from tests.e2e.inbox import Listen

HISTORY = 5
QUIET = {"topic": "quiet", "message": "seldom"}
BUSY = {"topic": "busy", "message": "often"}


async def test_quiet_hour(start_hub: StartHub, http: aiohttp.ClientSession, pages: str, listen: Listen) -> None:
    """A stream that saw nothing while other topics filled the history resumes at its last heartbeat, without a gap."""
    hub = await start_hub(heartbeat=0.2, history_count=HISTORY, cors_origins=pages)
    publisher, inbox = Publisher(http, hub.url), Inbox()
    before = await publisher.one(QUIET)
    async with Proxy(hub.url) as proxy, listen(f"{proxy.url}/stream?topic=quiet", inbox):
        await inbox.until(before.id, "signals.open")
        first = await publisher.one(QUIET)
        await inbox.until(first.id, "message")
        others = await publisher.each([BUSY] * (HISTORY * 2))
        await inbox.until(others[-1].id, "signals.heartbeat")
        proxy.drop()
        await publisher.each([BUSY] * (HISTORY - 1))
        second = await publisher.one(QUIET)
        proxy.release()
        await inbox.until(second.id, "message")
        assert inbox.without("signals.open", "signals.heartbeat") == [first, second]
        assert inbox.resumes == [None, True]

    forgetful = Inbox()  # comes back with the id of the last event it saw
    await curl_once(f"{hub.url}/stream?topic=quiet&poll=1", {"Last-Event-ID": first.id}, forgetful)
    gap = {"reason": "trimmed", "from": first.id, "to": others[-1].id}
    assert forgetful.without("signals.open", "signals.heartbeat") == [
        Received("signals.gap", others[-1].id, gap),
        second,
    ]
    assert forgetful.resumes == [False]

"""The golden scenario: what must reach every client, whichever it is and whatever stands between it and the hub."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from tests.e2e.inbox import Inbox, Received
from tests.e2e.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import aiohttp

    from tests.e2e.inbox import Listen

HISTORY = 16  # events that the hub has to keep: more than come while the connection is down, fewer than in FLOOD

QUERY = "?topic=orders&topic=catalog:*"

HIDDEN: Sequence[dict[str, Any]] = [
    {"topic": "orders/42", "message": "a topic that is not asked for"},
    {"plugin": "catalog", "message": "a plugin as a whole, of which only topics are asked for"},
    {"topic": "orders", "message": "for a group", "targetOwnershipEntityRefs": ["group:default/team-a"]},
    {"topic": "orders", "message": "for nobody", "targetOwnershipEntityRefs": []},
]

SEEN: Sequence[dict[str, Any]] = [
    {"topic": "orders", "message": {"number": 1}},
    {"topic": "entities", "plugin": "catalog", "event": "changed", "message": {"entity": "component:default/a"}},
    {"topic": "orders", "event": "removed", "message": "named, with text"},
    {"topic": "catalog:locations", "message": ["an", "array", None, True, 1.5, 9007199254740993]},
    {"message": {"broadcast": True}},
    {
        "topic": "orders",
        "message": "lines\nof\r\ntext\rwith \u2028 and \u0085 and \u0000 inside, \u00fc and \U0001f389",
    },
    {"topic": "orders", "message": "\n\ndata: no event\n\nid: no-id\n\n"},
    {"topic": "orders", "event": "message", "message": "named like a plain one"},
    {"topic": "orders", "message": None},
]

# The event in which connections are cut, and the last bytes of it that still get through.
TORN: dict[str, Any] = {"topic": "entities", "plugin": "catalog", "event": "changed", "message": {"torn": "here"}}
CUTS: Sequence[bytes] = [
    b"id",
    b"id: ",
    b"\nevent: chan",
    b"\nevent: changed\n",
    b'"message":{"torn"',
    b"}}",
    b"}}\n",
    b"}}\n\n",
]

WHILE_DOWN: Sequence[dict[str, Any]] = [
    {"topic": "orders", "message": {"number": 2}},
    {"topic": "billing", "message": "a topic that is not asked for"},
    {"topic": "entities", "plugin": "catalog", "event": "removed", "message": {"entity": "component:default/a"}},
]

FLOOD: Sequence[dict[str, Any]] = [
    {"topic": "orders", "message": {"flood": number}, **({"event": "changed"} if number % 3 == 0 else {})}
    for number in range(HISTORY + 5)
]


class Publisher:
    """Publishes, and knows what a stream with `QUERY` has to get for it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, token: str | None = None) -> None:
        self._session = session
        self._url = f"{url}/publish"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    async def one(self, signal: dict[str, Any]) -> Received:
        """Publish one signal in a request of its own."""
        async with self._session.post(self._url, json=signal, headers=self._headers) as response:
            assert response.status == 202, await response.text()
            return _as_received(signal, (await response.json())["id"])

    async def each(self, signals: Sequence[dict[str, Any]]) -> list[Received]:
        """Publish signals, each in a request of its own."""
        return [await self.one(signal) for signal in signals]

    async def batch(self, signals: Sequence[dict[str, Any]]) -> list[Received]:
        """Publish signals in one request."""
        async with self._session.post(self._url, json=signals, headers=self._headers) as response:
            assert response.status == 202, await response.text()
            ids = (await response.json())["ids"]
        return list(map(_as_received, signals, ids))


async def golden(
    session: aiohttp.ClientSession,
    hub: str,
    listen: Listen,
    *,
    way: Callable[[str], str] = str,
    cuts: Sequence[bytes] = CUTS,
) -> None:
    """Play the scenario with one client, once for each byte after which its connection is cut.

    Args:
        session: Publishes.
        hub: The hub's URL. It keeps `HISTORY` events.
        listen: The client.
        way: Makes of the URL of the proxy that cuts connections the one that the client listens to.
        cuts: The last bytes that get through, of as many connections.
    """
    publisher = Publisher(session, hub)
    before = await publisher.one({"topic": "orders", "message": "too early"})
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(hub)) for _ in cuts]
        inboxes = [Inbox() for _ in cuts]
        for proxy, inbox in zip(proxies, inboxes, strict=True):
            await stack.enter_async_context(listen(f"{way(proxy.url)}/stream{QUERY}", inbox))
        await _all(inboxes, before.id, "signals.open")

        await publisher.each(HIDDEN)
        await publisher.batch(HIDDEN)
        expected = [*await publisher.each(SEEN), *await publisher.batch(SEEN)]
        await _all(inboxes, expected[-1].id)

        for proxy, mark in zip(proxies, cuts, strict=True):
            proxy.cut_after(mark)
        expected.append(await publisher.one(TORN))
        for proxy in proxies:
            await proxy.was_cut()
        missed = await publisher.each(WHILE_DOWN)
        expected += [missed[0], missed[2]]
        for proxy in proxies:
            proxy.release()
        await _all(inboxes, expected[-1].id)

        for proxy in proxies:
            proxy.drop()
        flood = await publisher.each(FLOOD)
        last_lost, held = flood[-HISTORY - 1], flood[-HISTORY:]
        gap = {"reason": "trimmed", "from": expected[-1].id, "to": last_lost.id}
        expected += [Received("signals.gap", last_lost.id, gap), *held]
        for proxy in proxies:
            proxy.release()
        await _all(inboxes, expected[-1].id)
        expected.append(await publisher.one(SEEN[0]))
        await _all(inboxes, expected[-1].id)

        for mark, inbox in zip(cuts, inboxes, strict=True):
            assert (mark, inbox.without("signals.open", "signals.heartbeat")) == (mark, expected)
            assert (mark, inbox.resumes) == (mark, [None, True, False])


def _as_received(signal: dict[str, Any], event_id: str) -> Received:
    address = ":".join(signal[part] for part in ("plugin", "topic") if part in signal)
    topic = {"topic": address} if address else {}
    return Received(signal.get("event", "message"), event_id, {**topic, "message": signal["message"]})


async def _all(inboxes: Sequence[Inbox], event_id: str, name: str | None = None) -> None:
    for inbox in inboxes:
        await inbox.until(event_id, name)

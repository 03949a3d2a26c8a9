"""Who is listening: the seam at which authentication plugs in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sse_signals import Identity
from sse_signals.grants import ALL_GRANTS
from tests.web.doors import foreign
from tests.web.rawhttp import ask, connection, events, messages, request

if TYPE_CHECKING:
    from aiohttp import web

SIGNALS = [
    {"topic": "t", "message": 1, "targetOwnershipEntityRefs": ["group:default/a"]},
    {"topic": "t", "message": 2, "targetOwnershipEntityRefs": ["group:default/b", "user:ann"]},
    {"topic": "t", "message": 3, "targetOwnershipEntityRefs": []},
    {"topic": "t", "message": 4},
    {"topic": "t", "message": 5, "targetOwnershipEntityRefs": ["user:ann"]},
]


async def named(request: web.BaseRequest) -> Identity:
    """Take a request's word for who sent it."""
    name = request.headers.get("X-Name")
    return Identity(name, frozenset({name}) if name else frozenset(), grants=ALL_GRANTS)


async def test_only_owners_get_what_is_targeted() -> None:
    """A targeted signal reaches the streams whose request is identified as an owner, live and later, and no other."""
    async with foreign() as door:
        door.service.site.identify = named
        async with connection(door.url) as ours, connection(door.url) as theirs:
            for (reader, writer), header in ((ours, "X-Name: user:ann"), (theirs, "X-Name: user:bob")):
                writer.write(request("GET", "/signals/stream?topic=t", header, version="1.0"))
                await reader.readuntil(b"signals.open")
            body = json.dumps(SIGNALS).encode()
            answer = await ask(
                door.url, request("POST", "/signals/publish", "Content-Type: application/json", body=body)
            )
            assert answer.status == 202
            read = [await reader.readuntil(b'"message":4}') for reader, _ in (ours, theirs)]
        assert [b'"message":2' in data for data in read] == [True, False]
        assert not any(b'"message":1' in data or b'"message":3' in data for data in read)

        for query, owner, others in (("since=all", [2, 4, 5], [4]), ("since=-1", [5], [4])):
            for headers, expected in ((["X-Name: user:ann"], owner), (["X-Name: user:bob"], others), ([], others)):
                poll = await ask(door.url, request("GET", f"/signals/stream?poll=1&{query}", *headers))
                assert messages(poll.body) == expected, query
                subject = headers[0].replace("X-Name: user:", "user:default/") if headers else None
                assert json.loads(events(poll.body)[0]["data"])["subject"] == subject

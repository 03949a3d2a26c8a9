"""Hubs that are not there, are none, or let nobody in; what one promises in its receipt."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from sse_signals.bench.target import parse
from sse_signals.conformance.first_contact import meet
from sse_signals.conformance.hub import Hub
from sse_signals.conformance.outcome import Verdict
from sse_signals.conformance.requests import Requests
from sse_signals.errors import BrokerUnavailable, UnexpectedAnswer
from tests.conformance.descriptions import JSON_HUB
from tests.conformance.runs import described, ended, hub_at, ran
from tests.conformance.scripted import scripted
from tests.conformance.stand_in import stand_in
from tests.web.test_tls import open_door  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from tests.web.test_tls import OpenDoor

SAYS = """
name = "scripted"
[subscribe]
path = "/sub/{topic}"
[publish]
path = "/pub/{topic}"
[events]
receipt = "open"
silence = 7
silence_in_receipt = "/heartbeat"
"""


@pytest.mark.parametrize(
    ("status", "parts"),
    [
        (401, ["401 Unauthorized", "--token"]),
        (403, ["403 Forbidden", "--token"]),
        (404, ["404 Not Found", "The URL has to end with"]),
        (503, ["503 Service Unavailable", "--adapter"]),
        (599, ["599 Unknown"]),
    ],
)
async def test_a_stream_that_is_refused_ends_it_all(status: int, parts: list[str]) -> None:
    """Nothing else is tried, and the error says what may mend it."""
    async with scripted(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status) as hub:
        with pytest.raises(UnexpectedAnswer) as caught:
            await meet(hub)
    assert caught.value.status == status
    for part in ("A stream is refused", *parts):
        assert part in str(caught.value)


async def test_a_publish_that_is_refused_ends_it_all() -> None:
    """Whoever may listen only, is told."""
    async with stand_in("deaf") as url:
        hub = hub_at(url, JSON_HUB)
        with pytest.raises(UnexpectedAnswer, match="403 Forbidden: A publish is refused"):
            await meet(hub)
        await hub.close()


async def test_who_is_not_there_cannot_be_reached() -> None:
    """The words are those of the operating system."""
    with pytest.raises(BrokerUnavailable, match=r"cannot be reached at 127\.0\.0\.1:1: Connection refused\."):
        await meet(hub_at("http://127.0.0.1:1", "nchan"))


async def test_who_speaks_something_else_is_no_hub() -> None:
    """TLS may have been meant."""
    async with scripted(b"\x15\x03\x03\x00\x02\x02\x46\r\n\r\n") as hub:
        with pytest.raises(BrokerUnavailable, match="may it be https://"):
            await meet(hub)


@pytest.mark.parametrize(
    ("said", "silence"), [("3", 3.0), ("0.5", 0.5), ('"x"', 7.0), ("-1", 7.0), ("1e9", 7.0), ("true", 7.0)]
)
async def test_a_receipt_says_how_long_a_silence_may_be(said: str, silence: float) -> None:
    """What is no time there leaves what the description says."""
    body = b'event: open\ndata: {"heartbeat": %b}\n\n' % said.encode()
    open_stream = b"HTTP/1.1 200 OK\r\n\r\n" + body
    async with scripted(open_stream, b"HTTP/1.1 202 x\r\nContent-Length: 0\r\n\r\n", description=SAYS) as hub:
        await meet(hub)
        assert hub.silence == silence


async def test_a_certificate_is_checked_unless_it_is_told_not_to_be(open_door: OpenDoor) -> None:  # noqa: F811
    """Nobody vouches for the test's own; with it in hand, cases work over TLS as they do without."""
    async with open_door() as door:
        address, path = parse(door.url.removesuffix("/stream"))
        requests = Requests(address, path)
        strict = Hub(described("sse-signals"), requests, "run", context=ssl.create_default_context())
        with pytest.raises(BrokerUnavailable, match=r"is not valid: .*; --no-verify takes any\."):
            await meet(strict)
        hub = Hub(described("sse-signals"), requests, "run", context=door.client)
        results = await ran(hub, "format.at-once", "resume.each", "http.slow", "http.half-closed")
    assert ended(results, Verdict.PASS) == {"format.at-once", "resume.each", "http.slow"}
    assert results["http.half-closed"].seen == "TLS has no half-closed connections"

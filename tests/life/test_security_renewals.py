"""Renewals of streams in a cluster: on their own node, and through control records."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from sse_signals.errors import NotAuthenticated, NotGranted, TooMany
from sse_signals.grants import Grants
from sse_signals.life import orders
from sse_signals.life.revocations import Revocation
from sse_signals.life.security import FORWARDED_BURST, Renewal
from sse_signals.topics import Filters
from tests.fakes import NOON
from tests.life.cluster import HOUR, ann, cluster, taken, until

GROUP = "group:default/g"


async def test_a_stream_is_renewed_where_it_is() -> None:
    """On its own node at once; from another node through a control record; what it owns is that of the new token."""
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = here.open(ann())
        fresh = ann(token_id="t2", expires_ms=NOON + 2 * HOUR, owns=frozenset({GROUP}))
        assert await here.security.renew(stream.name, fresh) is Renewal.DONE
        assert stream.identity == fresh
        event_id = await nodes.publish("a", frozenset({GROUP}))
        again = ann(token_id="t3", expires_ms=NOON + 3 * HOUR)
        assert await there.security.renew(stream.name, again) is Renewal.FORWARDED
        await until(lambda: stream.identity == again)
        await nodes.publish("a", frozenset({GROUP}))
        assert taken(stream) == [event_id]


@pytest.mark.parametrize(
    "name", ["", "x", "0123abcd-0123456789abcdef", "0123ABCD-0123456789abcdef", "node/-0123456789abcdef", "é" * 25]
)
async def test_a_stream_that_nobody_has_is_not_renewed(name: str) -> None:
    """Neither a name of no known node nor one that no stream can have becomes an order."""
    async with cluster(1) as nodes:
        before = await nodes.log.head()
        assert await nodes.peers[0].security.renew(name, ann()) is Renewal.UNKNOWN
        assert await nodes.log.head() == before


async def test_a_stream_of_this_node_that_is_gone_is_unknown() -> None:
    """This node does not tell itself."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        assert await here.security.renew(here.nodes.name_stream(), ann()) is Renewal.UNKNOWN


@pytest.mark.parametrize("subject", [None, "user:default/bob"])
async def test_13_nobody_else_renews_a_stream(subject: str | None) -> None:
    """13: another subject, or nobody, is refused without a word about whose it is, and changes nothing anywhere."""
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = here.open(ann())
        foreign = ann(subject=subject, token_id="t9", owns=frozenset({GROUP}), expires_ms=None)
        with pytest.raises(NotGranted) as caught:
            await here.security.renew(stream.name, foreign)
        assert "ann" not in str(caught.value)
        with capture_logs() as logs:
            assert await there.security.renew(stream.name, foreign) is Renewal.FORWARDED
            await until(lambda: logs)
        assert [(entry["event"], entry["log_level"]) for entry in logs] == [("stream not renewed", "info")]
        assert stream.identity == ann()
        assert stream.ended is None


async def test_an_anonymous_stream_is_renewed_by_nobody() -> None:
    """Two that nobody knows are not the same subject."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann(subject=None))
        with pytest.raises(NotGranted):
            await here.security.renew(stream.name, ann(subject=None, token_id="t2"))


@pytest.mark.parametrize("cause", ["expired", "revoked"])
async def test_13_what_is_no_longer_good_renews_nothing(cause: str) -> None:
    """13: a token that was good when it was shown is checked again when it is used, on either node."""
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = here.open(ann(expires_ms=None))
        fresh = ann(token_id="t2", expires_ms=NOON + 1)
        if cause == "revoked":
            await here.security.revoke(Revocation("token", "t2", NOON))
        else:
            nodes.now_ms += 1
        with pytest.raises(NotAuthenticated) as caught:
            await here.security.renew(stream.name, fresh)
        assert caught.value.cause == cause
        with capture_logs() as logs:
            await nodes.log.control(orders.encode(orders.Renew(stream.name, fresh)))
            await until(lambda: any(entry["event"] == "stream not renewed" for entry in logs))
        assert stream.identity.token_id == "t1"
        assert there.lives.find(stream.name) is None


async def test_a_renewal_with_too_few_grants_changes_nothing() -> None:
    """A token that may not read what the stream asks for is refused, and the stream goes on as it was."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann(), "a")
        fresh = ann(token_id="t2", grants=Grants(subscribe=Filters.parse(["b"])))
        with pytest.raises(NotGranted, match="'a'"):
            await here.security.renew(stream.name, fresh)
        assert (stream.identity, stream.ended) == (ann(), None)


async def test_renewing_a_revoked_stream_is_too_late() -> None:
    """The name of an ended stream is unknown even before its connection is closed."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann())
        await here.security.revoke(Revocation("stream", stream.name, NOON))
        assert await here.security.renew(stream.name, ann(token_id="t2")) is Renewal.UNKNOWN


async def test_renewals_of_streams_elsewhere_are_limited() -> None:
    """Each is a record in everybody's log: a subject that sends too many has to wait, and others have not."""
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = there.open(ann())
        for _ in range(FORWARDED_BURST):
            assert await here.security.renew(stream.name, ann()) is Renewal.FORWARDED
        async with asyncio.timeout(30):
            with pytest.raises(TooMany, match="too often"):  # some more may come by while these are made
                await asyncio.gather(*(here.security.renew(stream.name, ann()) for _ in range(FORWARDED_BURST)))
        assert await here.security.renew(stream.name, ann(subject="user:default/bob")) is Renewal.FORWARDED

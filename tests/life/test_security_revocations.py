"""Revocations in a cluster: through control records, and through the shared state alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from sse_signals.errors import BrokerUnavailable, NotAuthenticated
from sse_signals.life import orders, security
from sse_signals.life.revocations import Revocation
from tests.fakes import NOON
from tests.life.cluster import ANN, HOUR, Cluster, Peer, ann, cluster, taken, until

if TYPE_CHECKING:
    from sse_signals.hub.stream import Stream

GROUP = "group:default/g"
GOODBYE = 'signals.goodbye {"reason":"revoked"}'


def by_kind(kind: str, stream: Stream) -> Revocation:
    """Return the revocation that concerns a stream, in one of the three ways."""
    names = {"subject": ANN, "token": "t1", "stream": stream.name}
    return Revocation(kind, names[kind], NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["subject", "token", "stream"])
@pytest.mark.parametrize("way", ["record", "state"])
async def test_13_a_revocation_reaches_every_node(kind: str, way: str) -> None:
    """13: streams on all nodes end with a reason, get no event after, and what opened them is refused from then on."""
    async with cluster() as nodes:
        here, there = nodes.peers
        other = there.open(ann(subject="user:default/bob", token_id="t9"))
        streams = [there.open(ann()), there.open(ann())] if kind == "stream" else [here.open(ann()), there.open(ann())]
        before = await nodes.publish()
        nodes.log.lossy = way == "state"
        await here.security.revoke(by_kind(kind, streams[0]))
        if way == "state":
            assert streams[1].ended is None
            await there.security.keep_in_step()
        await until(lambda: all(stream.ended == "revoked" for stream in streams))
        nodes.log.lossy = False
        after = await nodes.publish()
        assert [taken(stream) for stream in streams] == [[before, GOODBYE]] * 2
        assert taken(other) == [before, after]
        await until(lambda: not any(peer.lets_in(ann()) for peer in nodes.peers))
        assert all(peer.lets_in(other.identity) for peer in nodes.peers)


async def test_13_a_revoked_subject_may_come_back_with_a_new_token() -> None:
    """13: revoking a subject means what was issued until now: a stream with a token issued later is left alone."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        old, new = here.open(ann()), here.open(ann(token_id="t2", issued_ms=NOON + 1))
        nameless = here.open(ann(token_id=None, issued_ms=None))
        await here.security.revoke(Revocation("subject", ANN, NOON))
        assert [old.ended, new.ended, nameless.ended] == ["revoked", None, "revoked"]


async def test_13_a_node_that_starts_later_knows() -> None:
    """13: what was revoked before a node was there is refused on it too."""
    async with cluster() as nodes:
        here, there = nodes.peers
        await there.security.stop()
        await here.security.revoke(Revocation("token", "t1", NOON))
        await there.security.start()
        with pytest.raises(NotAuthenticated):
            there.access.check(ann())


async def test_13_pending_events_of_a_revoked_stream_are_dropped() -> None:
    """13: what waits for a flush in the tick of the revocation is not written, own events and the group's alike."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann(owns=frozenset({GROUP})))
        await here.caught_up()
        await nodes.publish()
        node = here.service.node
        took = node.hub.route

        def route_then_revoke(event: object) -> None:
            took(event)  # type: ignore[arg-type]
            here.security._obey(orders.encode(orders.Revoke(Revocation("subject", ANN, NOON))))

        node.hub.route = route_then_revoke  # type: ignore[method-assign]
        await nodes.publish()
        assert len(taken(stream)) == 2
        assert taken(stream)[-1] == GOODBYE


async def test_13_the_token_of_a_stream_revoked_elsewhere_is_told_later_if_need_be() -> None:
    """13: the node with the stream tells the others of its token, again and again while they cannot be told."""
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = there.open(ann())
        nodes.state.cut = True
        with pytest.raises(BrokerUnavailable):
            await here.security.revoke(Revocation("stream", stream.name, NOON))
        await until(lambda: stream.ended == "revoked" and there.security._untold)
        nodes.state.cut = False
        nodes.log.lossy = True
        await there.security.keep_in_step()
        await here.security.keep_in_step()
        with pytest.raises(NotAuthenticated):
            here.access.check(ann())
        assert not there.security._untold


async def test_a_stream_without_a_token_s_name_is_just_ended() -> None:
    """Where nothing names the token, revoking a stream refuses nothing else."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann(token_id=None))
        await here.security.revoke(Revocation("stream", stream.name, NOON))
        assert stream.ended == "revoked"
        here.access.check(stream.identity)


async def test_13_a_revocation_holds_here_though_nobody_else_can_be_told() -> None:
    """13: whatever is out of reach, this node ends what it has at once; only who asked is told that it is not all."""
    async with cluster() as nodes:
        here, there = nodes.peers
        streams = [peer.open(ann()) for peer in nodes.peers]
        nodes.state.cut = nodes.log.cut = True
        with pytest.raises(BrokerUnavailable):
            await here.security.revoke(Revocation("subject", ANN, NOON))
        assert [stream.ended for stream in streams] == ["revoked", None]
        nodes.log.cut = False
        with pytest.raises(BrokerUnavailable):
            await here.security.revoke(Revocation("subject", ANN, NOON))
        await until(lambda: streams[1].ended == "revoked")
        with pytest.raises(NotAuthenticated):
            there.access.check(ann())


async def test_13_a_revocation_that_the_log_does_not_take_is_read_from_the_state() -> None:
    """13: it counts as done, since every node reads what is kept within seconds; the log says that it is late."""
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = there.open(ann())
        nodes.log.cut = True
        with capture_logs() as logs:
            await here.security.revoke(Revocation("subject", ANN, NOON))
        assert [entry["event"] for entry in logs] == ["other nodes hear of a revocation late"]
        await there.security.keep_in_step()
        assert stream.ended == "revoked"


async def test_13_one_failing_end_does_not_save_the_other_streams() -> None:
    """13: if writing a goodbye fails in a way nobody foresaw, the stream ends all the same, and the rest soon after."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        streams = [here.open(ann()) for _ in range(3)]
        await here.caught_up()
        streams[0].transport.broken = ZeroDivisionError()  # type: ignore[attr-defined]
        with pytest.raises(ZeroDivisionError):
            await here.security.revoke(Revocation("subject", ANN, NOON))
        await here.security.keep_in_step()
        assert [stream.ended for stream in streams] == ["revoked"] * 3


@pytest.mark.parametrize("text", [b"nonsense", b'{"kind":"issuer","name":"x","at":1}', b'{"kind":"token"}'])
async def test_13_what_cannot_be_read_hides_nothing_else(text: bytes) -> None:
    """13: an entry of a newer version, or a broken one, is told of once, and all others are in force."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        await nodes.state.put("revoked/a", text, 60)
        await nodes.state.put("revoked/b", Revocation("token", "t1", NOON).encode(), 60)
        stream = here.open(ann())
        with capture_logs() as logs:
            await here.security.keep_in_step()
            await here.security.keep_in_step()
        assert stream.ended == "revoked"
        assert [entry["keys"] for entry in logs] == [["revoked/a"]]


async def test_a_node_lets_nobody_in_before_it_knows_who_is_revoked() -> None:
    """It is in step once it has read the shared state, and tries again until it has."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        assert here.security.in_step
        late = Cluster()
        late.state.cut = True
        peer = Peer(late)
        await peer.service.start()
        await peer.security.start()
        assert not peer.security.in_step
        late.state.cut = False
        await peer.security.keep_in_step()
        assert peer.security.in_step
        await peer.security.stop()
        await peer.security.stop()
        await peer.service.stop()
        assert not peer.service.on_control


async def test_keeping_in_step_survives_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both watches go on by themselves, and a failure that nobody foresaw is told and is not the last step."""
    monkeypatch.setattr(security, "SAY_EVERY", 0.001)
    monkeypatch.setattr(security, "REFRESH_EVERY", 0.001)
    failures = [ZeroDivisionError()]
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann())
        looked: list[bool] = []
        here.owners.asked = lambda: looked.append(True)
        load = here.revocations.load

        async def failing_load() -> object:
            if failures:
                raise failures.pop()
            return await load()

        monkeypatch.setattr(here.revocations, "load", failing_load)
        with capture_logs() as logs:
            await until(lambda: not failures and looked)
            await nodes.state.put("revoked/t", Revocation("token", "t1", NOON).encode(), 60)
            await until(lambda: stream.ended == "revoked")
        assert "keeping in step failed" in [entry["event"] for entry in logs]


async def test_many_revocations_do_not_block_the_loop() -> None:
    """A thousand that are read at once are read in slices, and all are in force."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        for number in range(1000):
            await nodes.state.put(f"revoked/{number}", Revocation("token", str(number), NOON).encode(), 60)
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await here.security.keep_in_step()
        counting.cancel()
        assert turns >= 4
        with pytest.raises(NotAuthenticated):
            here.access.check(ann(token_id="999"))


async def test_13_all_tokens_of_a_revoked_stream_are_refused() -> None:
    """13: The one it was opened with too, not only the one it was renewed with last."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann())
        await here.security.renew(stream.name, ann(token_id="t2", expires_ms=NOON + 2 * HOUR))
        await here.security.revoke(Revocation("stream", stream.name, nodes.clock()))
        for token_id in ("t1", "t2"):
            assert not here.lets_in(ann(token_id=token_id))
        assert here.lets_in(ann(token_id="t3"))

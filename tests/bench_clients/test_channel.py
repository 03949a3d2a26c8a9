"""What a channel finds is what somebody finds who parses every byte of every stream."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from sse_signals.bench import channel as channels
from sse_signals.bench.channel import Channel
from sse_signals.bench.chunks import Chunks
from sse_signals.bench.latencies import Latencies
from sse_signals.bench.messages import Messages
from tests.bench_clients.loads import SIGN_OF_LIFE, Load, chunked, event, load

if TYPE_CHECKING:
    from sse_signals.bench.received import Received


def play(random: Random, played: Load) -> tuple[Channel, list[Received], list[Latencies]]:
    """Feed the streams with their pieces, each at its own pace, the faultless first never behind the others."""
    channel = Channel(played.messages)
    latencies = [Latencies() for _ in played.streams]
    received = [channel.receive(each if random.random() < 0.5 else None) for each in latencies]
    waiting = [[chunks.feed(piece) for piece in stream.pieces] for stream in played.streams for chunks in [Chunks()]]
    faulty = any(stream.late() or len(stream.order) < len(played.bodies) for stream in played.streams)
    if faulty:  # it says what the order is, since it is the first
        for piece in waiting[0]:
            received[0].feed(piece, 1000)
        waiting[0] = []
    while any(waiting):
        number = random.choice([place for place, pieces in enumerate(waiting) if pieces])
        for _ in range(random.choice([1, 1, 5])):
            if waiting[number]:
                received[number].feed(waiting[number].pop(0), 1000)
        if random.random() < 0.1:
            assert received[number].count <= len(played.bodies)  # to look at it changes nothing
    return channel, received, latencies


@pytest.mark.parametrize("block", range(20))
def test_random_loads(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts and faults are those of each stream, however its bytes are cut, and nobody else is blamed."""
    for seed in range(block * 100, block * 100 + 100):
        random = Random(seed)
        monkeypatch.setattr(channels, "_KEPT", random.choice([1, 1 << 22]))
        played = load(random)
        channel, received, latencies = play(random, played)
        assert channel.disordered == 0, seed
        for stream, found, timed in zip(played.streams, received, latencies, strict=True):
            assert found.count == len(set(stream.order)), seed
            assert found.late == stream.late(), seed
            if found.timed:
                assert timed.count == len(set(stream.order)) - len(swapped(stream.order)), seed


def swapped(order: list[int]) -> set[int]:
    """Return the messages that came for the first time when a later one had come: their latency says nothing."""
    newest, seen, found = -1, set(), set()
    for each in order:
        if each < newest and each not in seen:
            found.add(each)
        newest = max(newest, each)
        seen.add(each)
    return found


def whole(messages: Messages, count: int) -> list[bytes]:
    """Return chunks of one message each."""
    return [chunked(Random(0), event(messages.encode(n, 0, n), n), anywhere=False) for n in range(count)]


def test_what_everybody_gets_out_of_order_is_told_once() -> None:
    """All streams agree with each other, and the numbers of the publisher say that all are wrong."""
    messages = Messages("run", 100)
    first, second, third, fourth = whole(messages, 4)
    channel = Channel(messages)
    streams = [channel.receive() for _ in range(3)]
    for chunk in (first, fourth, second, third):
        for stream in streams:
            stream.feed(chunk, 0)
    assert [stream.count for stream in streams] == [4, 4, 4]
    assert channel.disordered == 2


@pytest.mark.parametrize("fault", [(b"}\n\n", b"}\n"), (b'xx"', b'x"')], ids=["no blank line", "cut"])
def test_a_message_that_is_not_whole_is_lost(fault: tuple[bytes, bytes]) -> None:
    """On the stream whose event is not ended or whose padding is not all there, also if it is the only one."""
    messages = Messages("run", 100)
    bodies = [event(messages.encode(number, 0, number), number) for number in range(4)]
    spoiled = [*bodies[:3], bodies[3].replace(*fault)]
    channel = Channel(messages)
    right, wrong = channel.receive(), channel.receive()
    for whole_one, spoiled_one in zip(bodies, spoiled, strict=True):
        right.feed(whole_one, 0)
        wrong.feed(spoiled_one, 0)
    assert (right.count, wrong.count) == (4, 3)
    alone = Channel(messages).receive()
    alone.feed(b"".join(spoiled), 0)
    assert alone.count == 3


def test_messages_of_another_run_do_not_count() -> None:
    """Nor does anything else on the topic, whatever its size, and it does not pile up."""
    messages = Messages("run", 100)
    channel = Channel(messages)
    stream, other = channel.receive(), channel.receive()
    for chunk in whole(messages, 2):
        for each in (stream, other):
            each.feed(chunk, 0)
    foreign = b"".join(whole(Messages("other", 60_000), 3))
    for _ in range(100):
        stream.feed(foreign, 0)
        other.feed(foreign, 0)
    assert len(channel._text) <= 9_000_000
    assert (stream.count, other.count) == (2, 2)


def test_a_stream_that_lags_is_told_from_one_that_lost() -> None:
    """Long after the text it would be compared with is gone, a stream that begins to read gets all of its messages."""
    messages = Messages("run", 65_536)
    channel = Channel(messages)
    ahead, stalled, lossy = channel.receive(), channel.receive(), channel.receive()
    chunks = whole(messages, 300)
    for stream in (ahead, stalled, lossy):
        stream.feed(chunks[0] + chunks[1][:40_000], 0)
    for stream in (ahead, lossy):
        stream.feed(chunks[1][40_000:], 0)
    for chunk in chunks[2:]:
        for start in range(0, len(chunk), 30_000):
            ahead.feed(chunk[start : start + 30_000], 0)
    stalled.feed(chunks[1][40_000:] + b"".join(chunks[2:]), 0)
    lossy.feed(b"".join(chunks[2:100] + chunks[101:]), 0)
    assert (ahead.count, stalled.count, lossy.count) == (300, 300, 299)
    assert (ahead.late, stalled.late, lossy.late) == (0, 0, 0)
    for chunk in whole(messages, 302)[300:]:
        for stream in (stalled, ahead, lossy):
            stream.feed(chunk, 0)
    assert (ahead.count, stalled.count, lossy.count) == (302, 302, 301)


def test_it_agrees_again_after_signs_of_life() -> None:
    """One stream that gets a heartbeat with a message before all others do not make them be searched for ever."""
    messages = Messages("run", 100)
    channel = Channel(messages)
    streams = [channel.receive() for _ in range(8)]
    chunks = whole(messages, 20)
    life = chunked(Random(0), SIGN_OF_LIFE, anywhere=False)
    for number, chunk in enumerate(chunks):
        for place, stream in enumerate(streams):
            stream.feed(chunk + life if (number, place) == (3, 0) else chunk, 0)
            if number == 3 and place:
                stream.feed(life, 0)
    assert [stream.count for stream in streams] == [20] * 8
    assert channel.agreeing == 8


def test_a_stream_that_left_is_no_leader() -> None:
    """When the first stream ends, those that are left agree with each other."""
    messages = Messages("run", 100)
    channel = Channel(messages)
    first, *others = [channel.receive() for _ in range(3)]
    chunks = whole(messages, 6)
    first.feed(chunks[0] + b"only this one got it", 0)
    first.leave()
    for chunk in chunks:
        for stream in others:
            stream.feed(chunk, 0)
    assert channel.agreeing == 2
    assert [stream.count for stream in others] == [6, 6]


def test_a_stream_that_differs_after_a_pause_has_lost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it had stopped in a message, what it had of it is still known when the rest comes."""
    monkeypatch.setattr(channels, "_KEPT", 1)
    messages = Messages("run", 5000)
    channel = Channel(messages)
    chunks = whole(messages, 60)
    streams = [channel.receive() for _ in chunks]
    rests = []
    for place, chunk in enumerate(chunks):
        for stream in streams[place:]:
            stream.feed(chunk[:3000], 0)
        for stream in streams[place + 1 :]:
            stream.feed(chunk[3000:], 0)
        rests.append([chunk[3000:], SIGN_OF_LIFE, *chunks[place + 1 :]])
    for stream, rest in zip(streams, rests, strict=True):
        stream.feed(b"".join(rest), 0)
    assert [(stream.count, stream.late) for stream in streams] == [(60, 0)] * 60


def test_signs_of_life_cost_only_the_streams_that_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comes at another time: the other streams are still compared and not searched."""
    searches = 0
    find = Channel.find

    def counted(self: Channel, text: bytes | bytearray) -> list[tuple[int, int]]:
        nonlocal searches
        searches += 1
        return find(self, text)

    monkeypatch.setattr(Channel, "find", counted)
    messages = Messages("run", 100)
    channel = Channel(messages)
    streams = [channel.receive() for _ in range(50)]
    for chunk in whole(messages, 10):
        for stream in streams:
            stream.feed(chunk, 0)
    searches = 0
    for stream in streams:
        stream.feed(chunked(Random(0), SIGN_OF_LIFE, anywhere=False), 0)
        stream.feed(whole(messages, 11)[10], 0)
    assert searches <= 3 * len(streams)
    streams[0].feed(SIGN_OF_LIFE, 0)
    searches = 0
    for chunk in whole(messages, 21)[11:]:
        for stream in streams[1:]:
            stream.feed(chunk, 0)
    assert searches == 10
    assert [stream.count for stream in streams] == [11] + [21] * 49


def test_the_very_first_message_comes_twice() -> None:
    """It is late once on the stream that got it twice, and on no other."""
    messages = Messages("run", 100)
    channel = Channel(messages)
    twice, once = channel.receive(), channel.receive()
    first, second, third = whole(messages, 3)
    twice.feed(first + first + second + second, 0)
    once.feed(first, 0)
    for stream in (twice, once):
        stream.feed(third if stream is twice else second + third, 0)
    assert [(stream.count, stream.late) for stream in (twice, once)] == [(3, 2), (3, 0)]
    assert channel.disordered == 0

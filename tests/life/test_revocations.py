"""Revocations: whom they concern, for how long, and that other nodes read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.errors import NotAuthenticated
from sse_signals.life.revocations import FOR_EVER, KINDS, Kind, Revocation, Revocations
from tests.fakes import NOON
from tests.life.cluster import ANN, HOUR, State, ann

DAY = 86_400.0


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ms = NOON

    def __call__(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        return self.now_ms


def made() -> tuple[Revocations, Revocations, State, Time]:
    """Return the copies of two nodes on one shared state."""
    time = Time()
    state = State(clock=time)
    return Revocations(state, lifetime=DAY, clock=time), Revocations(state, lifetime=DAY, clock=time), state, time


async def test_13_whom_a_revocation_concerns() -> None:
    """13: a subject with all that was issued until then, a token by its name wherever it is; nobody else."""
    mine, _, _, _ = made()
    assert not mine.refuses(ann())
    mine.note(Revocation("subject", ANN, NOON))
    mine.note(Revocation("token", "t5", NOON))
    assert mine.refuses(ann(issued_ms=NOON))
    assert not mine.refuses(ann(issued_ms=NOON + 1))
    assert mine.refuses(ann(issued_ms=None, token_id=None))
    assert mine.refuses(ann(subject=None, token_id="t5", issued_ms=NOON + HOUR))
    assert not mine.refuses(ann(subject="user:default/bob"))
    assert not mine.refuses(ann(subject=None, token_id=None))
    assert not mine.refuses(ann(subject="user:default/bob", token_id=ANN))
    assert len(mine) == 2
    with pytest.raises(NotAuthenticated) as caught:
        mine.check(ann())
    assert caught.value.cause == "revoked"
    mine.check(ann(subject="user:default/bob"))


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=12), st.integers(0, 50))
def test_13_the_latest_of_several_revocations_counts(times: list[tuple[int, bool]], issued: int) -> None:
    """13: in whatever order a node hears of revocations of a subject, all that was issued until the last is refused."""
    mine, _, _, _ = made()
    for at, _ in times:
        mine.note(Revocation("subject", ANN, NOON + at))
    assert mine.refuses(ann(issued_ms=NOON + issued)) == any(issued <= at for at, _ in times)


async def test_what_is_new_is_news_once() -> None:
    """Only what says more than is known already is to be enforced."""
    mine, _, _, _ = made()
    first, later = Revocation("subject", ANN, NOON), Revocation("subject", ANN, NOON + 1)
    for each in (first, first, later, first):
        mine.note(each)
    assert mine.news == [first, later]


async def test_13_another_node_reads_it() -> None:
    """13: what one node keeps, the others load, whatever characters are in a name; it is not in force by keeping."""
    mine, theirs, _, _ = made()
    odd = "auth0:a/b*?[x]%é"
    for each in (Revocation("subject", odd, NOON), Revocation("token", "t9", NOON)):
        await mine.keep(each)
    assert not mine.refuses(ann(subject=odd))
    assert await theirs.load() == []
    assert theirs.refuses(ann(subject=odd))
    assert theirs.refuses(ann(token_id="t9"))
    assert not theirs.refuses(ann())


async def test_13_a_revocation_lasts_as_long_as_what_it_refuses() -> None:
    """13: as long as the longest token lives, and then it is forgotten; for ever for what never expires."""
    mine, theirs, state, time = made()
    endless = [Revocation("subject", "key:ci", NOON), Revocation("token", "sha256:00", NOON)]
    for each in (Revocation("subject", ANN, NOON), *endless):
        mine.note(each)
        await mine.keep(each)
    time.now_ms = NOON + round(DAY * 1000) - 1
    assert mine.refuses(ann())
    await theirs.load()
    assert theirs.refuses(ann())
    time.now_ms += 1
    assert not mine.refuses(ann())
    assert len(mine) == 3
    await mine.load()
    assert len(mine) == len(state) == 2
    time.now_ms = NOON + round(FOR_EVER * 1000) - 1
    assert mine.refuses(ann(subject="key:ci", token_id=None, issued_ms=None))
    assert mine.refuses(ann(subject=None, token_id="sha256:00"))


async def test_13_an_issuer_whose_clock_is_ahead() -> None:
    """13: what is issued within the leeway after a revocation may be older, and is refused until nobody lets it in."""
    time = Time()
    state = State(clock=time)
    mine = Revocations(state, lifetime=DAY, leeway=60, clock=time)
    revocation = Revocation("subject", ANN, NOON)
    mine.note(revocation)
    await mine.keep(revocation)
    assert mine.refuses(ann(issued_ms=NOON + 60_000))
    assert not mine.refuses(ann(issued_ms=NOON + 60_001))
    time.now_ms = NOON + 60_000 + round(DAY * 1000) + 59_999  # issued so late, as old as may be, shown so late
    await mine.load()
    assert mine.refuses(ann(issued_ms=NOON + 60_000))
    assert len(state) == 1
    time.now_ms += 1
    await mine.load()
    assert len(mine) == len(state) == 0


@given(st.sampled_from(KINDS), st.text(max_size=20), st.integers(0, 2**60))
def test_a_revocation_is_read_as_it_was_written(kind: Kind, name: str, at_ms: int) -> None:
    """Nothing is lost on the way between nodes, or it cannot be written at all."""
    revocation = Revocation(kind, name, at_ms)
    try:
        text = revocation.encode()
    except TypeError:
        return  # a lone surrogate, which no name holds
    assert Revocation.decode(text) == revocation


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b'{"kind":"issuer","name":"x","at":1}',
        b'{"kind":["token"],"name":"x","at":1}',
        b'{"kind":"token","at":1}',
        b'{"kind":"token","name":"x"}',
        b'{"kind":"token","name":"x","at":null}',
        b'{"kind":"token","name":"x","at":"soon"}',
    ],
)
def test_what_is_no_revocation_says_so(text: bytes) -> None:
    """Anything else is one kind of error."""
    with pytest.raises(ValueError, match=r"."):
        Revocation.decode(text)

"""Limits of identities and addresses: what one has used up is nobody else's matter."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.errors import TooMany
from sse_signals.life.limits import FailedAuthentications, Place, StreamLimits, publish_rate
from tests.life.clock import Clock

ACTIONS = st.tuples(
    st.sampled_from(["open", "identify", "close"]), st.sampled_from(["a", "b", None]), st.integers(0, 9)
)


def counted(limits: StreamLimits) -> dict[str, dict[str, int]]:
    """Return all that is counted, of the keys that are used here."""
    found = {
        "identities": {key: limits.identities.of(key) for key in ("a", "b")},
        "addresses": {key: limits.addresses.of(key) for key in ("0", "1")},
    }
    for name, counts in (("identities", limits.identities), ("addresses", limits.addresses)):
        assert len(counts) == sum(1 for number in found[name].values() if number)
    return found


def test_37_streams_of_one_identity() -> None:
    """37: an identity has so many streams, from whatever addresses; the one too many is refused and counts nowhere."""
    limits = StreamLimits(per_identity=2, per_address=10)
    first, _ = limits.open("a", "0"), limits.open("a", "1")
    before = counted(limits)
    with pytest.raises(TooMany) as refused:
        limits.open("a", "1")
    assert refused.value.reason == "identity-streams"
    assert "2 streams" in refused.value.detail
    assert counted(limits) == before
    limits.open("b", "1")
    first.close()
    limits.open("a", "1")


def test_37_streams_of_one_address() -> None:
    """37: an address has so many streams, whoever opens them; the refusal says what to do if a proxy stands between."""
    limits = StreamLimits(per_identity=10, per_address=2)
    first, _ = limits.open("a", "0"), limits.open(None, "0")
    before = counted(limits)
    with pytest.raises(TooMany) as refused:
        limits.open("b", "0")
    assert refused.value.reason == "address-streams"
    assert "2 streams" in refused.value.detail
    assert "SIGNALS_TRUSTED_PROXIES" in refused.value.detail
    assert counted(limits) == before
    limits.open("b", "1")
    first.close()
    limits.open("b", "0")


def test_37_the_address_is_counted_before_anybody_is_known() -> None:
    """37: a stream has its place, or has none, before it is authenticated, and counts for its identity from then on."""
    limits = StreamLimits(per_identity=1, per_address=3)
    places = [limits.open(None, "0") for _ in range(3)]
    with pytest.raises(TooMany):
        limits.open(None, "0")
    places[0].identify("a")
    places[0].identify("a")
    with pytest.raises(TooMany) as refused:
        places[1].identify("a")
    assert refused.value.reason == "identity-streams"
    assert counted(limits) == {"identities": {"a": 1, "b": 0}, "addresses": {"0": 3, "1": 0}}
    places[1].close()
    places[0].identify("b")
    places[2].identify("a")
    assert counted(limits) == {"identities": {"a": 1, "b": 1}, "addresses": {"0": 2, "1": 0}}


def test_a_place_is_given_back_once() -> None:
    """Closing again takes nothing from others, and who is known too late counts for nothing."""
    limits = StreamLimits(per_identity=5, per_address=5)
    place, other = limits.open("a", "0"), limits.open("a", "0")
    place.close()
    place.close()
    place.identify("b")
    assert counted(limits) == {"identities": {"a": 1, "b": 0}, "addresses": {"0": 1, "1": 0}}
    other.close()
    assert (len(limits.identities), len(limits.addresses)) == (0, 0)


class Model:
    """Places that are open, counted one by one, and what has to be refused."""

    def __init__(self) -> None:
        self.limits = StreamLimits(per_identity=2, per_address=3)
        self.places: list[tuple[Place, str, str | None]] = []

    def open(self, subject: str | None, address: str) -> None:
        """Open a place, or see it refused."""
        addresses = Counter(address for _, address, _ in self.places)
        if addresses[address] == 3 or self.has_all(subject):
            with pytest.raises(TooMany):
                self.limits.open(subject, address)
        else:
            self.places.append((self.limits.open(subject, address), address, subject))

    def identify(self, index: int, subject: str | None) -> None:
        """Identify a place, or see it refused."""
        place, address, before = self.places[index]
        if subject != before and self.has_all(subject):
            with pytest.raises(TooMany):
                place.identify(subject)
        else:
            place.identify(subject)
            self.places[index] = (place, address, subject)

    def has_all(self, subject: str | None) -> bool:
        """Say whether a subject has all it may have."""
        return subject is not None and [each for _, _, each in self.places].count(subject) == 2


@given(st.lists(ACTIONS, max_size=60))
def test_what_is_counted_is_what_is_open(actions: list[tuple[str, str | None, int]]) -> None:
    """Whatever is opened, identified, refused and closed in whatever order: the counts are those of the open places."""
    model = Model()
    for action, subject, number in actions:
        if action == "open":
            model.open(subject, str(number % 2))
        elif model.places and action == "identify":
            model.identify(number % len(model.places), subject)
        elif model.places:
            model.places.pop(number % len(model.places))[0].close()
        assert counted(model.limits) == {
            "identities": {key: sum(1 for place in model.places if place[2] == key) for key in ("a", "b")},
            "addresses": {key: sum(1 for place in model.places if place[1] == key) for key in ("0", "1")},
        }


def test_40_a_flood_by_one_identity() -> None:
    """40: who publishes too much is told when to go on, and others publish as before."""
    clock = Clock()
    buckets = publish_rate(10, 50, clock_s=clock)
    for _ in range(50):
        buckets.spend("flooding")
    for _ in range(1000):
        with pytest.raises(TooMany) as refused:
            buckets.spend("flooding")
    assert refused.value.reason == "publish-rate"
    assert refused.value.retry_after == pytest.approx(0.1)
    assert "10 signals per second" in refused.value.detail
    for _ in range(50):
        buckets.spend("other")
    clock.now += refused.value.retry_after
    buckets.spend("flooding")


@pytest.mark.parametrize(("rate", "burst"), [(0.01, 1), (10, 50), (1000, 999)])
def test_40_a_batch_of_any_size(rate: float, burst: int) -> None:
    """40: a batch of a thousand can be published at any setting, and is paid for afterwards."""
    clock = Clock()
    buckets = publish_rate(rate, burst, clock_s=clock)
    buckets.spend("a", 1000)
    with pytest.raises(TooMany) as refused:
        buckets.spend("a", 1000)
    assert refused.value.retry_after == pytest.approx(1000 / rate)
    with pytest.raises(TooMany) as refused:
        buckets.spend("a")
    assert refused.value.retry_after == pytest.approx((1001 - burst) / rate)


def test_failed_authentications_end_the_trying() -> None:
    """After twenty failures an address may try once every three seconds; other addresses are not concerned."""
    clock = Clock()
    failures = FailedAuthentications(clock_s=clock)
    for _ in range(20):
        failures.check("0")
        failures.failed("0")
    with pytest.raises(TooMany) as refused:
        failures.check("0")
    assert refused.value.reason == "failed-authentications"
    assert refused.value.retry_after == pytest.approx(3)
    assert "SIGNALS_TRUSTED_PROXIES" in refused.value.detail
    failures.check("1")
    clock.now += 3.001
    failures.check("0")
    failures.failed("0")
    with pytest.raises(TooMany):
        failures.check("0")


def test_who_does_not_fail_is_never_counted() -> None:
    """Looking whether an address may try costs it nothing."""
    failures = FailedAuthentications(burst=1, clock_s=Clock())
    for _ in range(100):
        failures.check("0")


def test_failures_at_the_same_time() -> None:
    """Thousands who were let in together and fail lock their address out for two bursts at most, not for hours."""
    clock = Clock()
    failures = FailedAuthentications(burst=20, every_s=3.0, clock_s=clock)
    for _ in range(10_000):
        failures.failed("0")
    with pytest.raises(TooMany) as refused:
        failures.check("0")
    assert refused.value.retry_after == pytest.approx((20 + 1) * 3)
    clock.now += (20 + 1) * 3 * 1.001
    failures.check("0")


def test_so_many_addresses_are_remembered() -> None:
    """Failures from ever new addresses cost bounded memory, and help none of those that failed too often."""
    failures = FailedAuthentications(burst=5, clock_s=Clock(), most_keys=50)
    for _ in range(10):
        failures.failed("bad")
    for number in range(1000):
        failures.failed(str(number))
    with pytest.raises(TooMany):
        failures.check("bad")
    few = FailedAuthentications(burst=1, clock_s=Clock(), most_keys=1)
    few.failed("0")
    few.failed("1")
    few.check("0")

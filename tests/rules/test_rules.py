"""The rules of exact delivery, against a world in which everything that can happen happens."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.rules.drive import live, small_pieces
from tests.rules.world import World

few = st.integers(0, 13)
some_bytes = st.integers(0, 1 << 17)


class Life(RuleBasedStateMachine):
    """Each rule is one thing that can happen; the oracle sits in the world."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(topic=few, size=few, owners=few, batch=few, key=few)
    def publish(self, topic: int, size: int, owners: int, batch: int, key: int) -> None:
        self.world.publish(topic, size, owners, batch, key)

    @rule(node=few, count=few, lost=st.sampled_from((0, 0, 0, 1, 2)), when=few)
    def feed(self, node: int, count: int, lost: int, when: int) -> None:
        self.world.feed(node, count, lost, when)

    @rule(client=few, node=few, start=few, room=few)
    def open(self, client: int, node: int, start: int, room: int) -> None:
        self.world.open(client, node, start, room)

    @rule(client=few, count=some_bytes)
    def drop(self, client: int, count: int) -> None:
        self.world.drop(client, count)

    @rule(client=few, count=some_bytes)
    def read(self, client: int, count: int) -> None:
        self.world.read(client, count)

    @rule(client=few)
    def widen(self, client: int) -> None:
        self.world.widen(client)

    @rule(count=few, hurry=few)
    def step(self, count: int, hurry: int) -> None:
        self.world.step(count, hurry)

    @rule(node=few)
    def sweep(self, node: int) -> None:
        self.world.sweep(node)

    @rule(minutes=few)
    def pass_time(self, minutes: int) -> None:
        self.world.pass_time(minutes)

    @rule(client=few, rights=few, owns=few)
    def change(self, client: int, rights: int, owns: int) -> None:
        self.world.change(client, rights, owns)

    @rule()
    def control(self) -> None:
        self.world.control()

    @rule()
    def lose_log(self) -> None:
        self.world.lose_log()

    @rule(records=few)
    def regress(self, records: int) -> None:
        self.world.regress(records)

    def teardown(self) -> None:
        self.world.settle()


def test_every_client_sees_what_it_may_see_in_order_and_once_or_a_gap() -> None:
    """Whatever Hypothesis does to the world, the oracle finds nothing wrong."""
    with small_pieces():
        run_state_machine_as_test(
            Life,
            settings=settings(
                max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )


@pytest.mark.parametrize("block", range(8))
def test_long_random_lives_are_exact(block: int) -> None:
    """Longer lives than Hypothesis likes to make, from fixed seeds."""
    for seed in range(block * 50, block * 50 + 50):
        live(seed)
